/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The marks of many subvolumes as somebody saw them, in a file of BR_STATE_DIR: where nothing is in memory, to read one file
 * is a thousand times faster than to look into ten thousand trees. For those who only show them: nothing is deleted on
 * its word.
 *
 * What it says of a subvolume counts only as long as that is read-only and its tree is the same, by its UUID and the
 * transactions in which it was changed. A read-only one has to be made writable for a mark, and read-only
 * again; both commit. Without the file, or with one that is damaged, everything is read.
 */
#ifndef BR_MARKS_KEPT_H
#define BR_MARKS_KEPT_H

#include "error.h"
#include "marks.h"
#include "subvol-table.h"

#include <stdbool.h>
#include <stddef.h>

#define BR_MARKS_KEPT "marks" /* in BR_STATE_DIR */

/* Fewer are read in no time, and nothing is written down about them. */
#define BR_MARKS_KEPT_FEW 256

/* Treat as opaque. */
struct br_marks_kept {
	char *content; /* NULL: nothing is kept */
	size_t count;
};

/* Read the file. There is none, or none that can be understood: nothing is kept. For br_marks_kept_free. */
void br_marks_kept_read(int top, struct br_marks_kept *ret);

/* The same of its content, which is taken over. */
void br_marks_kept_parse(char *content, size_t size, struct br_marks_kept *ret);

/* Fill the marks of a row from what is kept. False, nothing filled: they have to be read. */
bool br_marks_kept_find(const struct br_marks_kept *kept, struct br_marks *marks);

/*
 * Write the file, unless what is kept says all of it. Those that cannot be told from what they may become are left out.
 *
 * state  BR_STATE_DIR, open
 * list   sorted by id afterwards
 *
 * Errors of br_file_replace.
 */
BR_MUST_CHECK int br_marks_kept_write(int state, const struct br_marks_kept *kept,
				      const struct br_marks **list, size_t count,
				      struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_marks_kept_free(struct br_marks_kept *kept);

#endif
