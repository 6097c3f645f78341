/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the items of a btrfs tree (BTRFS_IOC_TREE_SEARCH_V2). Needs CAP_SYS_ADMIN. What is read
 * from a tree that changes meanwhile may fit no single moment: read read-only subvolumes.
 */
#ifndef BR_TREE_SEARCH_H
#define BR_TREE_SEARCH_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define BR_TREE_LOOKUP_MAX 512

/* Where an item stands in its tree. Keys are ordered by object, then type, then offset. */
struct br_tree_key {
	uint64_t object;
	uint32_t type;
	uint64_t offset;
};

struct br_tree_range {
	uint64_t tree; /* id of the tree; 0: the subvolume of the descriptor */
	struct br_tree_key first, last;
	uint64_t min_transid; /* leaves written before this transaction are left out */
};

struct br_tree_item {
	struct br_tree_key key;
	const void *data; /* valid until the next call for the same search */
	uint32_t size;
};

/* Treat as opaque. */
struct br_tree_search {
	int fd;
	struct br_tree_range rest; /* what was not asked for yet */
	char *buffer;
	uint32_t filled; /* items in the buffer that were not handed out */
	uint32_t used;   /* bytes of the buffer that were */
	bool ended;
};

/*
 * Begin a search.
 *
 * fd  anything on the file system; in the subvolume that is meant, when range->tree is 0
 *
 * BR_ERR_NOMEM. Call br_tree_search_end in any case.
 */
BR_MUST_CHECK int br_tree_search_begin(struct br_tree_search *search, int fd,
				       const struct br_tree_range *range, struct br_error *err);

/* Hand out the next item: 1 with *item_ret filled, 0 at the end, BR_ERR_READ. */
BR_MUST_CHECK int br_tree_search_next(struct br_tree_search *search, struct br_tree_item *item_ret,
				      struct br_error *err);

/*
 * Read the beginning of one item of the subvolume of a descriptor, without the cost of a search.
 *
 * size  bytes wanted, at most BR_TREE_LOOKUP_MAX
 *
 * Returns 1, 0 when there is no such item, BR_ERR_READ also when it is shorter.
 */
BR_MUST_CHECK int br_tree_lookup(int fd, const struct br_tree_key *key, void *data, uint32_t size,
				 struct br_error *err);

/* Release. A zeroed or ended search is fine. */
void br_tree_search_end(struct br_tree_search *search);

/* All items of one object and type of the subvolume of a descriptor. */
struct br_tree_range br_tree_range_of(uint64_t object, uint32_t type);

#define BR_AUTO_SEARCH __attribute__((cleanup(br_tree_search_end))) struct br_tree_search

#endif
