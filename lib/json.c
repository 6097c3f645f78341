/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing JSON. */
#include "json.h"

#include <inttypes.h>
#include <stddef.h>

struct br_json br_json_start(FILE *out)
{
	return (struct br_json){ .out = out };
}

/* Length of the well-formed UTF-8 sequence at text (RFC 3629); 0: there is none. */
static size_t utf8_length(const unsigned char *text)
{
	static const struct {
		unsigned char first, last, low, high; /* first byte's range, second byte's range */
		size_t length;
	} forms[] = {
		{ 0x01, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = 2;

		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 && (text[1] < forms[i].low || text[1] > forms[i].high))
			continue;
		while (n < forms[i].length && (text[n] & 0xc0) == 0x80)
			n++;
		if (n >= forms[i].length)
			return forms[i].length;
	}
	return 0;
}

static void put_ascii(FILE *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		(void)fprintf(out, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		(void)fprintf(out, "\\u%04x", c);
	else
		(void)fputc(c, out);
}

static void put_text(FILE *out, const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	(void)fputc('"', out); /* failures are found with ferror at the end */
	while (*c) {
		size_t length = utf8_length(c);

		if (length == 0)
			(void)fprintf(out, "\\\\x%02x", *c++);
		else if (length == 1)
			put_ascii(out, *c++);
		else
			for (; length > 0; length--)
				(void)fputc(*c++, out);
	}
	(void)fputc('"', out);
}

static void indent(const struct br_json *json)
{
	(void)fputc('\n', json->out);
	for (unsigned i = 0; i < json->depth; i++)
		(void)fputs("  ", json->out);
}

static void start_value(struct br_json *json, const char *key)
{
	if (json->has_member)
		(void)fputc(',', json->out);
	if (json->depth > 0)
		indent(json);
	if (key) {
		put_text(json->out, key);
		(void)fputs(": ", json->out);
	}
	json->has_member = true;
}

static void open_container(struct br_json *json, const char *key, char bracket)
{
	start_value(json, key);
	(void)fputc(bracket, json->out);
	json->depth++;
	json->has_member = false;
}

static void close_container(struct br_json *json, char bracket)
{
	json->depth--;
	if (json->has_member)
		indent(json);
	(void)fputc(bracket, json->out);
	if (json->depth == 0)
		(void)fputc('\n', json->out);
	json->has_member = true;
}

void br_json_open_object(struct br_json *json, const char *key)
{
	open_container(json, key, '{');
}

void br_json_open_array(struct br_json *json, const char *key)
{
	open_container(json, key, '[');
}

void br_json_close_object(struct br_json *json)
{
	close_container(json, '}');
}

void br_json_close_array(struct br_json *json)
{
	close_container(json, ']');
}

void br_json_string(struct br_json *json, const char *key, const char *text)
{
	start_value(json, key);
	if (text)
		put_text(json->out, text);
	else
		(void)fputs("null", json->out);
}

void br_json_number(struct br_json *json, const char *key, uint64_t value)
{
	start_value(json, key);
	(void)fprintf(json->out, "%" PRIu64, value);
}

void br_json_bool(struct br_json *json, const char *key, bool value)
{
	start_value(json, key);
	(void)fputs(value ? "true" : "false", json->out);
}
