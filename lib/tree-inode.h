/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inodes of a subvolume, read from its tree, and the names that lead to them. */
#ifndef BR_TREE_INODE_H
#define BR_TREE_INODE_H

#include "error.h"
#include "tree-search.h"
#include "tree-window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BR_INODE_FIRST 256 /* BTRFS_FIRST_FREE_OBJECTID: root directory of a subvolume */
#define BR_INODE_LAST (-(uint64_t)256) /* BTRFS_LAST_FREE_OBJECTID */

struct br_inode_time {
	uint64_t seconds;
	uint32_t nanoseconds;
};

struct br_inode {
	uint64_t ino;
	uint64_t generation; /* transaction of its creation */
	uint64_t transid;    /* transaction of its last change of any kind */
	uint64_t size;       /* of a directory: the lengths of its names, twice */
	uint64_t rdev;
	uint64_t flags; /* those that FS_IOC_GETFLAGS shows, but for compression */
	uint32_t names; /* 0: absent, or removed while open */
	uint32_t uid, gid;
	mode_t mode;
	struct br_inode_time modified, born;
};

/* A name in a directory, as the directory has it. */
struct br_tree_entry {
	uint64_t index;   /* position in the directory, never used twice while it is in memory */
	uint64_t transid; /* transaction in which the name was given */
	uint64_t target;  /* inode, or id of a nested subvolume */
	bool is_subvolume;
	const char *name; /* length bytes, not terminated; valid as long as the item */
	size_t length;
};

/* Take an INODE_ITEM apart. BR_ERR_READ when it is no such thing. */
BR_MUST_CHECK int br_inode_parse(const struct br_tree_item *item, struct br_inode *ret,
				 struct br_error *err);

/* Take a DIR_INDEX item apart. BR_ERR_READ when it is no such thing. */
BR_MUST_CHECK int br_tree_entry_parse(const struct br_tree_item *item, struct br_tree_entry *ret,
				      struct br_error *err);

/*
 * Look an inode up. fd: in its subvolume. 0 with ret->names 0 when there is none; BR_ERR_READ,
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_inode_read(int fd, uint64_t ino, struct br_inode *ret, struct br_error *err);

/* The same in a window, for many inodes one after the other. */
BR_MUST_CHECK int br_inode_find(struct br_tree_window *window, uint64_t ino, struct br_inode *ret,
				struct br_error *err);

/*
 * Are these the same object, in two subvolumes with a common past? Inode numbers alone do not
 * tell: both may have given the same number since. False when one is absent.
 */
bool br_inode_is_same(const struct br_inode *a, const struct br_inode *b);

/*
 * Call visit for each name of an inode, with the directory's inode; name is not terminated.
 * A negative result of visit ends it and is returned. BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_inode_visit_names(int fd, uint64_t ino,
				       int (*visit)(void *data, uint64_t dir, const char *name,
						    size_t length, struct br_error *err),
				       void *data, struct br_error *err);

/* The same in a window. visit must not use that window. */
BR_MUST_CHECK int br_inode_visit_names_in(struct br_tree_window *window, uint64_t ino,
					  int (*visit)(void *data, uint64_t dir, const char *name,
						       size_t length, struct br_error *err),
					  void *data, struct br_error *err);

#endif
