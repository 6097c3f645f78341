/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of facts behind oracle.h. */
#include "facts-list.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SHOWN 400 /* a changed value may be thousands of bytes long */

void text_begin(struct text *text)
{
	text->stream = open_memstream(&text->text, &text->size);
	ck_assert_ptr_nonnull(text->stream);
}

char *text_end(struct text *text)
{
	ck_assert(fclose(text->stream) == 0);
	return text->text;
}

static bool is_plain(char byte)
{
	return byte >= ' ' && byte <= '~' && byte != '\\';
}

static size_t escaped_size(const char *bytes, size_t size)
{
	size_t escaped = size;

	for (size_t i = 0; i < size; i++)
		escaped += is_plain(bytes[i]) ? 0 : 3;
	return escaped;
}

/* Returns the end of what was written. */
static char *escape(char *to, const char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size; i++) {
		if (is_plain(bytes[i])) {
			*to++ = bytes[i];
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = digits[(unsigned char)bytes[i] >> 4];
		*to++ = digits[(unsigned char)bytes[i] & 15];
	}
	return to;
}

void text_escaped(FILE *stream, const char *bytes, size_t size, size_t limit)
{
	size_t shown = size < limit ? size : limit;
	char *escaped = malloc(escaped_size(bytes, shown) + 1);

	ck_assert_ptr_nonnull(escaped);
	*escape(escaped, bytes, shown) = '\0';
	fprintf(stream, "%s%s", escaped, size > limit ? "..." : "");
	free(escaped);
}

struct facts *facts_new(void)
{
	struct facts *facts = calloc(1, sizeof(*facts));

	ck_assert_ptr_nonnull(facts);
	return facts;
}

void facts_free(struct facts *facts)
{
	for (size_t i = 0; facts && i < facts->count; i++)
		free(facts->line[i]);
	if (facts)
		free(facts->line);
	free(facts);
}

void facts_add(struct facts *facts, const char *path, size_t path_size, const char *what)
{
	size_t what_size = strlen(what);

	if (path_size > 2 && path[0] == '.' && path[1] == '/') {
		path += 2;
		path_size -= 2;
	}
	if (facts->count == facts->room) {
		facts->room = facts->room ? facts->room * 2 : 1024;
		facts->line = reallocarray(facts->line, facts->room, sizeof(*facts->line));
		ck_assert_ptr_nonnull(facts->line);
	}
	char *line = malloc(escaped_size(path, path_size) + 2 + escaped_size(what, what_size) + 1);
	ck_assert_ptr_nonnull(line);
	char *end = escape(line, path, path_size);
	memcpy(end, ": ", 2);
	*escape(end + 2, what, what_size) = '\0';
	facts->line[facts->count++] = line;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void facts_sort(struct facts *facts)
{
	qsort(facts->line, facts->count, sizeof(*facts->line), compare_lines);
}

/* Marked at the end, so that the line begins with the path. */
static void print_line(FILE *stream, const char *line, char mark)
{
	fprintf(stream, "%.*s%s [%c]\n", LINE_SHOWN, line, strlen(line) > LINE_SHOWN ? "..." : "",
		mark);
}

char *oracle_diff(const struct facts *a, const struct facts *b)
{
	struct text text;
	size_t i = 0, j = 0;

	text_begin(&text);
	while (i < a->count || j < b->count) {
		int order = 0;

		if (i == a->count)
			order = 1;
		else if (j == b->count)
			order = -1;
		else
			order = strcmp(a->line[i], b->line[j]);
		if (order < 0)
			print_line(text.stream, a->line[i], '-');
		if (order > 0)
			print_line(text.stream, b->line[j], '+');
		i += order <= 0;
		j += order >= 0;
	}
	return text_end(&text);
}
