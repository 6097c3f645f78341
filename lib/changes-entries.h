/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names that a directory and its counterpart do not have in common. */
#ifndef BR_CHANGES_ENTRIES_H
#define BR_CHANGES_ENTRIES_H

#include "changes-internal.h"

struct entry {
	char *name;
	uint64_t target; /* inode; meaningless for a subvolume */
	bool is_subvolume;
};

struct entry_list {
	struct entry *items; /* sorted by name */
	size_t count, room;
};

/*
 * Read what a directory and its counterpart do not have in common: entries of another name or with
 * another target. What both have at the same position of the index is passed over in constant
 * memory.
 *
 * lists  zeroed; released by the caller with br_changes_free_entries, on failure too
 */
BR_MUST_CHECK int br_changes_read_entries(struct comparison *c, const struct dir_pair *pair,
					  struct entry_list lists[SIDES]);

/* Release. */
void br_changes_free_entries(struct entry_list *list);

#endif
