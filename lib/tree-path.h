/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an inode to its path, by the tree of its subvolume. */
#ifndef BR_TREE_PATH_H
#define BR_TREE_PATH_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct br_tree_path_node;

/* Paths that were found are kept: memory grows with the number of directories asked for. */
struct br_tree_paths {
	int fd;      /* in the subvolume, read-only; the caller's */
	void *known; /* a tsearch(3) tree of them */
};

/* Begin; nothing to fail. Call br_tree_paths_free. */
struct br_tree_paths br_tree_paths_begin(int fd);

/* Release. A zeroed structure is fine. */
void br_tree_paths_free(struct br_tree_paths *paths);

/*
 * Path of a directory below the subvolume's root, "" for that itself.
 *
 * Returns 0 with *path_ret, valid until br_tree_paths_free. BR_ERR_OPEN with ENOENT when there is
 * no such directory, BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_tree_path_of_dir(struct br_tree_paths *paths, uint64_t dir,
				      const char **path_ret, struct br_error *err);

/*
 * dir "/" name, or name when dir is ""; name has length bytes. Owned by the caller; NULL: no
 * memory.
 */
char *br_tree_path_join(const char *dir, const char *name, size_t length);

#endif
