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

struct br_tree_window;

/* Treat as opaque. */
struct br_tree_search {
	int fd;
	struct br_tree_window
		*window;           /* that it is served from; NULL: it has a buffer of its own */
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

/*
 * Begin a search that is served from a window (tree-window.h), which must outlive it. The data of an item is then
 * valid only until the next call for that window, or another search in it.
 *
 * range  of the tree of the window; its tree is not looked at, and min_transid must be 0
 *
 * Nothing to fail. br_tree_search_end need not be called.
 */
struct br_tree_search br_tree_search_in(struct br_tree_window *window,
					const struct br_tree_range *range);

/* Hand out the next item: 1 with *item_ret filled, 0 at the end, BR_ERR_READ, BR_ERR_NOMEM. */
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

struct br_tree_answer {
	uint32_t count; /* items */
	uint32_t
		begin; /* where in the buffer they begin: each a btrfs_ioctl_search_header and its data */
};

/*
 * One call of the kernel, for those who keep buffers of their own.
 *
 * items  at most so many
 * buffer size bytes; BR_ERR_READ with EOVERFLOW when the first item has more: at most 64 KiB
 *
 * Returns 0 with *ret; a count of 0: there is nothing in the range. That there are fewer than asked for does not
 * mean that there are no more. BR_ERR_READ.
 */
BR_MUST_CHECK int br_tree_fetch(int fd, const struct br_tree_range *range, uint32_t items,
				void *buffer, size_t size, struct br_tree_answer *ret,
				struct br_error *err);

/* Order of keys: less than 0, 0, more than 0. */
int br_tree_key_compare(const struct br_tree_key *a, const struct br_tree_key *b);

/* All items of one object and type of the subvolume of a descriptor. */
struct br_tree_range br_tree_range_of(uint64_t object, uint32_t type);

#define BR_AUTO_SEARCH __attribute__((cleanup(br_tree_search_end))) struct br_tree_search

#endif
