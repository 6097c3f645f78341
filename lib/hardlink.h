/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hard links while a tree is copied: which files with several names have been copied already, by
 * inode number of the source. The copy is remembered by file handle, so neither depth nor length
 * of its path matters; about 80 bytes of memory for each file whose names have not all been seen.
 */
#ifndef BR_HARDLINK_H
#define BR_HARDLINK_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

/* Treat as opaque; zeroed, it is an empty map. */
struct br_hardlink_map {
	struct br_hardlink *entries;
	size_t capacity, used;
};

/* Free the memory; the map is empty afterwards. */
void br_hardlink_free(struct br_hardlink_map *map);

/*
 * Remember the copy of a file with several names.
 *
 * ino        of the source; not in the map yet
 * others     how many more names of it can be met; 0: nothing is remembered
 * dir, name  the copy
 *
 * BR_ERR_LINK, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_hardlink_add(struct br_hardlink_map *map, uint64_t ino, uint32_t others,
				  int dir, const char *name, struct br_error *err);

/*
 * Give the copy of a file one more name, if there is a copy. Also when it is immutable or
 * append-only.
 *
 * Returns 1 when it was linked, 0 when this inode is not in the map, BR_ERR_LINK, BR_ERR_FLAGS.
 * Privilege: CAP_DAC_READ_SEARCH; CAP_LINUX_IMMUTABLE.
 */
BR_MUST_CHECK int br_hardlink_make(struct br_hardlink_map *map, uint64_t ino, int dir,
				   const char *name, struct br_error *err);

/* Number of files whose names have not all been seen. */
size_t br_hardlink_count(const struct br_hardlink_map *map);

#endif
