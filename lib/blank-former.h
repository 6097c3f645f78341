/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Former blanks, which are kept beside the blank: "root-blank.20261123T190501Z" beside "root-blank", by the time when
 * it was replaced. They are read-only, no reset looks at them, and no rule for archives holds for them.
 */
#ifndef BR_BLANK_FORMER_H
#define BR_BLANK_FORMER_H

#include "config.h"
#include "error.h"
#include "subvol.h"

#include <stddef.h>

struct br_blank_former {
	char *name;
	struct br_subvol subvol;
};

struct br_blank_formers {
	int parent;                   /* the directory of the blank and of these */
	struct br_blank_former *list; /* by their ids, which only grow: the oldest first */
	size_t count, room;
};

/*
 * List them. top: the top level, which may be read-only.
 *
 * Only subvolumes with a name of br_name_archive are listed; without the directory of the blank there are none.
 * Returns 0 with *ret for br_blank_formers_free, untouched otherwise. BR_ERR_OPEN, BR_ERR_READ, BR_ERR_SUBVOLUME,
 * BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_blank_formers_list(int top, const struct br_ephemeral *ephemeral,
					struct br_blank_formers *ret, struct br_error *err);

/*
 * The one that was the blank before the one with this id was; else the youngest of those that are older than it.
 * NULL: there is none. top: the top level
 */
const struct br_blank_former *br_blank_former_before(const struct br_blank_formers *formers,
						     int top, uint64_t blank);

/* Find one by its name. NULL: there is none. */
const struct br_blank_former *br_blank_former_find(const struct br_blank_formers *formers,
						   const char *name);

/* Told of each that was deleted, or could not be (err; else NULL). */
typedef void (*br_blank_former_teller)(void *data, const char *name, const struct br_error *err);

/*
 * Delete all but so many: what was the blank before the present one stays, then the youngest ones. What is mounted,
 * pinned or the default stays too.
 *
 * top   the top level, open, writable and locked: br_toplevel_lock
 *
 * Returns 0 or the first failure, after all were tried. Errors of br_blank_formers_list, br_subvol_delete_tree,
 * br_mountinfo_read.
 */
BR_MUST_CHECK int br_blank_formers_drop(int top, const struct br_ephemeral *ephemeral, size_t keep,
					br_blank_former_teller tell, void *data,
					struct br_error *err);

/* Release. NULL-safe, and safe on a structure whose parent is -1. */
void br_blank_formers_free(struct br_blank_formers *formers);

#endif
