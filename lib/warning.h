/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reset has to say besides its outcome: it went on, but somebody should know. */
#ifndef BR_WARNING_H
#define BR_WARNING_H

#include "reset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum br_warning_type {
	BR_WARNING_DEGRADED,      /* members of the file system are missing */
	BR_WARNING_BLANK_CHANGED, /* a blank is not what it was at the last reset */
	BR_WARNING_SWAP_FILE,     /* a swap file was carried that cannot be used any more */
};

struct br_warning {
	enum br_warning_type type;
	const struct br_reset *reset;
	size_t ephemeral; /* index, of those that concern one */
};

/*
 * The next warning of a reset, whatever its outcome was.
 *
 * position  0 at first; moved on
 *
 * Returns false when there are no more.
 */
bool br_warning_next(const struct br_reset *reset, size_t *position, struct br_warning *ret);

/* Are there any? */
bool br_warning_exists(const struct br_reset *reset);

/* Name of a type as used in boot.json: "degraded". Never NULL. */
const char *br_warning_name(enum br_warning_type type);

/* Write the text of a warning for people (br_text_make); data is a struct br_warning. */
void br_warning_put(FILE *out, const void *data);

#endif
