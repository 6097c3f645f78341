/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes as lines of text. */
#ifndef TEST_CHANGES_LINES_H
#define TEST_CHANGES_LINES_H

#include "changes.h"

#include <stddef.h>

struct lines {
	char **line;
	size_t count;
};

/* Add a line that describes a change. */
void lines_add(struct lines *lines, const struct br_change *change);

/* Sort the lines, make a text of them, and release them. Owned by the caller. */
char *lines_join(struct lines *lines);

#endif
