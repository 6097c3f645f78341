/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of any length, written like a file. */
#include "text.h"

#include "error.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

char *br_text_make(void (*write)(FILE *out, const void *data), const void *data)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (!out)
		return NULL;
	write(out, data);
	failed = ferror(out);
	if (fclose(out) != 0 || failed) {
		free(text);
		return NULL;
	}
	return text;
}

static bool is_plain(const char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~' || *name == '\\')
			return false;
	return true;
}

void br_text_put_name(FILE *out, const char *name)
{
	size_t size = 4 * strlen(name) + 1; /* every byte may become \xNN */
	char *escaped;

	/* as almost all of them, of which there may be many */
	if (is_plain(name)) {
		(void)fputs(name, out); /* a failure shows in ferror */
		return;
	}
	escaped = malloc(size);
	if (!escaped) {
		(void)fputc('?', out);
		return;
	}
	(void)br_escape(escaped, size, name);
	(void)fputs(escaped, out);
	free(escaped);
}

void br_text_put_quoted(FILE *out, const char *text)
{
	(void)fputc('"', out); /* failures show in ferror */
	for (; *text; text++) {
		/* '$' might begin a variable, which values do not have */
		if (strchr("\"\\$", *text))
			(void)fputc('\\', out);
		(void)fputc(*text, out);
	}
	(void)fputc('"', out);
}

void br_text_put_fstab(FILE *out, const char *word)
{
	for (; *word; word++)
		if (strchr(" \t\n\\", *word))
			(void)fprintf(out, "\\%03o", (unsigned)(unsigned char)*word);
		else
			(void)fputc(*word, out);
}

void br_text_put_count(FILE *out, uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			(void)fputc(',', out);
		(void)fputc(digits[i], out);
	}
}

void br_text_put_size(FILE *out, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024) {
		value /= 1024;
		unit++;
	}
	(void)fprintf(out, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void br_text_put_utc(FILE *out, time_t time)
{
	char text[64];
	struct tm utc;

	if (gmtime_r(&time, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		(void)fputs(text, out);
}

void br_text_put_duration(FILE *out, uint64_t usec)
{
	(void)fprintf(out, "%.3f s", (double)usec / 1e6);
}

void br_text_put_length(FILE *out, uint64_t seconds)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "day", 86400 }, { "hour", 3600 }, { "minute", 60 }, { "second", 1 } };
	size_t unit = 0;
	uint64_t count;

	while (units[unit].seconds > 1 && seconds < 2 * units[unit].seconds)
		unit++;
	count = seconds / units[unit].seconds;
	(void)fprintf(out, "%" PRIu64 " %s%s", count, units[unit].name, count == 1 ? "" : "s");
}
