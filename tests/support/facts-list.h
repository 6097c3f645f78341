/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of facts behind oracle.h: adding, sorting, comparing, printing. */
#ifndef TEST_FACTS_LIST_H
#define TEST_FACTS_LIST_H

#include "oracle.h"

#include <stdio.h>

/* An empty list. The caller releases it with facts_free. */
struct facts *facts_new(void);

/*
 * Add "path: what". A leading "./" of path goes, bytes that are not printable are escaped in both.
 * path_size  bytes of path, which needs no NUL
 */
void facts_add(struct facts *facts, const char *path, size_t path_size, const char *what);

/* Bring into the order that oracle_diff needs. */
void facts_sort(struct facts *facts);

/* Text that grows: a memory stream. text_end gives what was printed to it, owned by the caller. */
struct text {
	char *text;
	size_t size;
	FILE *stream;
};

void text_begin(struct text *text);
char *text_end(struct text *text);

/* Print with every byte that is not printable as \xNN, at most limit bytes of the source. */
void text_escaped(FILE *stream, const char *bytes, size_t size, size_t limit);

#endif
