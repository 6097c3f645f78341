/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of any length, written like a file. */
#include "text.h"

#include "error.h"

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

void br_text_put_name(FILE *out, const char *name)
{
	size_t size = 4 * strlen(name) + 1; /* every byte may become \xNN */
	char *escaped = malloc(size);

	if (!escaped) {
		(void)fputc('?', out);
		return;
	}
	(void)br_escape(escaped, size, name);
	(void)fputs(escaped, out); /* a failure shows in ferror */
	free(escaped);
}
