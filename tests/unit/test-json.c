/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing JSON: the form to the byte, the meaning against Python's reader, strings of all bytes. */
#include "cleanup.h"
#include "json.h"
#include "run.h"
#include "suite.h"
#include "text.h"
#include "tmpdir.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void put_form(FILE *out, const void *data)
{
	struct br_json json = br_json_start(out);

	(void)data;
	br_json_open_object(&json, NULL);
	br_json_string(&json, "text", "a\"b\\c/\n\t\x01\x7f\xc3\xa4\xff");
	br_json_string(&json, "none", NULL);
	br_json_number(&json, "largest", UINT64_MAX);
	br_json_open_array(&json, "empty");
	br_json_close_array(&json);
	br_json_open_array(&json, "list");
	br_json_bool(&json, NULL, true);
	br_json_open_object(&json, NULL);
	br_json_close_object(&json);
	br_json_open_object(&json, NULL);
	br_json_bool(&json, "key \"2\"", false);
	br_json_close_object(&json);
	br_json_number(&json, NULL, 0);
	br_json_close_array(&json);
	br_json_string(&json, "last", "");
	br_json_close_object(&json);
}

static const char form[] =
	"{\n"
	"  \"text\": \"a\\\"b\\\\c/\\u000a\\u0009\\u0001\\u007f\xc3\xa4\\\\xff\",\n"
	"  \"none\": null,\n"
	"  \"largest\": 18446744073709551615,\n"
	"  \"empty\": [],\n"
	"  \"list\": [\n"
	"    true,\n"
	"    {},\n"
	"    {\n"
	"      \"key \\\"2\\\"\": false\n"
	"    },\n"
	"    0\n"
	"  ],\n"
	"  \"last\": \"\"\n"
	"}\n";

START_TEST(test_form)
{
	BR_AUTO_FREE char *text = br_text_make(put_form, NULL);

	ck_assert_str_eq(text, form);
}
END_TEST

/* Run a Python program that reads text; what it prints, owned by the caller. */
static char *python(const char *program, const char *argument, const char *text)
{
	const char *const argv[] = { "python3", "-c", program, argument, NULL };
	struct run_result result;

	run(&(struct run_options){ .argv = argv, .input = text, .input_size = strlen(text) },
	    &result);
	ck_assert_msg(result.code == 0, "%s%s", result.out, result.err);
	free(result.err);
	return result.out;
}

START_TEST(test_meaning)
{
	BR_AUTO_FREE char *text = br_text_make(put_form, NULL);
	BR_AUTO_FREE char *told = python("import json, sys\n"
					 "print(ascii(json.load(sys.stdin.buffer)))\n",
					 NULL, text);

	ck_assert_str_eq(told, "{'text': 'a\"b\\\\c/\\n\\t\\x01\\x7f\\xe4\\\\xff', 'none': None, "
			       "'largest': 18446744073709551615, 'empty': [], "
			       "'list': [True, {}, {'key \"2\"': False}, 0], 'last': ''}\n");
}
END_TEST

/* Many strings, each ended by a NUL. */
struct strings {
	char *bytes;
	size_t size, room;
};

static void add_string(struct strings *strings, const char *bytes, size_t size)
{
	if (strings->room < strings->size + size + 1) {
		strings->room = 2 * strings->room + size + 1;
		strings->bytes = realloc(strings->bytes, strings->room);
		ck_assert_ptr_nonnull(strings->bytes);
	}
	memcpy(strings->bytes + strings->size, bytes, size);
	strings->bytes[strings->size + size] = '\0';
	strings->size += size + 1;
}

static void put_strings(FILE *out, const void *data)
{
	const struct strings *strings = data;
	struct br_json json = br_json_start(out);

	br_json_open_array(&json, NULL);
	for (size_t i = 0; i < strings->size; i += strlen(strings->bytes + i) + 1)
		br_json_string(&json, NULL, strings->bytes + i);
	br_json_close_array(&json);
}

/* What Python makes of the same bytes: its escape for what is not UTF-8 happens to be ours. */
static void check_strings(struct strings *strings)
{
	BR_AUTO_FREE char *text = br_text_make(put_strings, strings);
	struct tmpdir dir;

	tmpdir_make(&dir);
	tmpdir_write(&dir, "strings", strings->bytes, strings->size);
	BR_AUTO_FREE char *path = tmpdir_path(&dir, "strings");
	BR_AUTO_FREE char *told = python(
		"import json, sys\n"
		"found = json.load(sys.stdin.buffer)\n"
		"raw = open(sys.argv[1], 'rb').read().split(b'\\0')[:-1]\n"
		"if len(found) != len(raw):\n"
		"    sys.exit('%d of %d' % (len(found), len(raw)))\n"
		"for bytes, text in zip(raw, found):\n"
		"    if bytes.decode('utf-8', 'backslashreplace') != text:\n"
		"        sys.exit('%r became %r' % (bytes, text))\n"
		"print(len(raw))\n",
		path, text);
	ck_assert_int_gt(atoi(told), 200);
	tmpdir_remove(&dir);
	free(strings->bytes);
}

/* Every byte, and every pair of bytes. */
START_TEST(test_bytes)
{
	struct strings strings = { 0 };

	add_string(&strings, "", 0);
	for (unsigned a = 1; a < 256; a++) {
		char pair[2] = { (char)a };

		add_string(&strings, pair, 1);
		for (unsigned b = 1; b < 256; b++) {
			pair[1] = (char)b;
			add_string(&strings, pair, 2);
		}
	}
	check_strings(&strings);
}
END_TEST

/* Three and four bytes at the borders of what RFC 3629 allows, whole and cut, with a letter behind. */
START_TEST(test_sequences)
{
	static const unsigned char border[] = { 0x22, 0x41, 0x5c, 0x7f, 0x80, 0x8f, 0x90,
						0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
						0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
						0xf1, 0xf3, 0xf4, 0xf5, 0xff };
	size_t all = COUNT(border) * COUNT(border) * COUNT(border) * COUNT(border);
	struct strings strings = { 0 };

	for (size_t i = 0; i < all; i++) {
		char bytes[5] = { 0, 0, 0, 0, 'z' };
		size_t rest = i;

		for (size_t k = 0; k < 4; k++, rest /= COUNT(border))
			bytes[k] = (char)border[rest % COUNT(border)];
		if (i % 4 == 0) /* a quarter of them without the last byte */
			bytes[3] = 'z';
		add_string(&strings, bytes, sizeof(bytes));
	}
	check_strings(&strings);
}
END_TEST

START_TEST(test_long_string)
{
	BR_AUTO_FREE char *name = malloc(1000001);
	struct strings strings = { 0 };

	ck_assert_ptr_nonnull(name);
	for (size_t i = 0; i < 1000000; i++)
		name[i] = (char)(1 + i % 255);
	name[1000000] = '\0';
	for (size_t i = 0; i < 256; i++)
		add_string(&strings, name, i);
	add_string(&strings, name, 1000000);
	check_strings(&strings);
}
END_TEST

/* Lost output is noticed at the end. */
START_TEST(test_full_disk)
{
	FILE *out = fopen("/dev/full", "we");

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(setvbuf(out, NULL, _IONBF, 0), 0);
	put_form(out, NULL);
	ck_assert(ferror(out));
	(void)fclose(out); /* the error is what this is about */
}
END_TEST

static void put_name(FILE *out, const void *data)
{
	br_text_put_name(out, data);
}

/* What comes from disk cannot reach a console as a control sequence. */
START_TEST(test_names_in_texts)
{
	BR_AUTO_FREE char *text = br_text_make(put_name, "a\x1b[31m\xc3\xa4\n\xff");

	ck_assert_str_eq(text, "a\\x1b[31m\xc3\xa4\\x0a\\xff");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tcase = suite_add_case(suite, "json", NULL, NULL, 120);

	tcase_add_test(tcase, test_form);
	tcase_add_test(tcase, test_meaning);
	tcase_add_test(tcase, test_bytes);
	tcase_add_test(tcase, test_sequences);
	tcase_add_test(tcase, test_long_string);
	tcase_add_test(tcase, test_full_disk);
	tcase_add_test(tcase, test_names_in_texts);
	return suite_run(suite, false);
}
