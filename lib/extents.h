/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The content of files, compared by where it lies on the disk. */
#ifndef BR_EXTENTS_H
#define BR_EXTENTS_H

#include "error.h"
#include "tree-window.h"

#include <stdbool.h>
#include <stdint.h>

/* A file or symbolic link of a subvolume. */
struct br_extents_file {
	int fd;                        /* its subvolume's root, read-only subvolume */
	struct br_tree_window *window; /* into its tree; not the same one for two files */
	uint64_t ino;
	const char *path; /* below that root */
};

/*
 * Have two files of the same size the same content?
 *
 * Where both refer to the same place on the disk nothing is read; only the ranges where they do not
 * are compared, up to the first difference: small files by their bytes in the trees, others by
 * reading. So a file that shares its data costs the number of its extents, and a rewritten or
 * defragmented one is the same when its bytes are.
 *
 * is_link  symbolic links: their targets are compared
 *
 * BR_ERR_READ, BR_ERR_NOMEM, BR_ERR_OPEN, BR_ERR_SYMLINK.
 */
BR_MUST_CHECK int br_extents_compare(const struct br_extents_file *a,
				     const struct br_extents_file *b, uint64_t size, bool is_link,
				     bool *same_ret, struct br_error *err);

#endif
