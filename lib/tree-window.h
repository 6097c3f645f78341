/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Items of one btrfs tree, read ahead: who asks for one object after another, in about the order of
 * their numbers, asks the kernel once for many. How much is read ahead follows from what is asked for:
 * next to nothing for objects that are far apart, so that no leaf is read from the disk that nobody
 * wants; up to 128 KiB for neighbours.
 *
 * Needs CAP_SYS_ADMIN. What is in a window is what was there when it was read: for trees that do not
 * change, read-only subvolumes, or where what was true a moment ago will do.
 */
#ifndef BR_TREE_WINDOW_H
#define BR_TREE_WINDOW_H

#include "error.h"
#include "tree-search.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Treat as opaque. */
struct br_tree_window {
	int fd; /* the caller's */
	uint64_t tree;
	/* nothing between the first key and the last one is missing in the buffer */
	struct br_tree_key first, last;
	char *buffer;      /* NULL: nothing was read yet */
	uint32_t *offsets; /* of the items in the buffer, sorted by their keys */
	size_t count;
	uint32_t wanted; /* how many were asked for */
	uint64_t asked;  /* object that was asked for last */
};

/*
 * Begin; nothing to fail. Call br_tree_window_free.
 *
 * fd    anything on the file system; in the subvolume that is meant, when tree is 0; borrowed
 * tree  its id; 0: the subvolume of the descriptor
 */
struct br_tree_window br_tree_window_begin(int fd, uint64_t tree);

/*
 * The first item whose key is not smaller than this one.
 *
 * Returns 1 with *item_ret, whose data is valid until the next call for the same window, or a search in
 * it; 0 when there is none; BR_ERR_READ, BR_ERR_NOMEM. After a failure the window can be used again.
 */
BR_MUST_CHECK int br_tree_window_find(struct br_tree_window *window, const struct br_tree_key *key,
				      struct br_tree_item *item_ret, struct br_error *err);

/* Release. A zeroed structure is fine. */
void br_tree_window_free(struct br_tree_window *window);

#endif
