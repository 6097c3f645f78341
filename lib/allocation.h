/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the devices of a file system are allocated, and whether what is not is enough. */
#ifndef BR_ALLOCATION_H
#define BR_ALLOCATION_H

#include "block-groups.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct br_allocation_device {
	uint64_t id;
	uint64_t size, unallocated; /* bytes */
};

struct br_allocation {
	struct br_allocation_device *devices; /* those that are there, by id */
	size_t count;
	size_t missing;
	uint64_t size, unallocated; /* bytes on all of them */
};

/*
 * Read it.
 *
 * fd  anything on the file system
 *
 * Returns 0 with *ret owned by the caller (br_allocation_free), untouched otherwise. BR_ERR_DEVICE_PROBE, BR_ERR_NOMEM.
 * Privilege: none.
 */
BR_MUST_CHECK int br_allocation_read(int fd, struct br_allocation *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_allocation_free(struct br_allocation *allocation);

/*
 * What should be unallocated: on each of so many devices so much, or in all so much. Pure.
 */
struct br_allocation_want {
	size_t devices; /* 0: whatever the devices, bytes in all */
	uint64_t bytes;
	/* what it follows from: the profile and the next block group of each kind, on one device */
	uint64_t data_flags, metadata_flags;
	uint64_t data_bytes, metadata_bytes;
};

#define BR_ALLOCATION_DATA_GROUPS 2 /* so many of data, and one of metadata, should have room */

/*
 * What should be unallocated so that the file system can go on allocating: room for two block groups of data and one of
 * metadata, of the size and on as many devices as the kernel would take for them. Metadata is why: when its block groups
 * are full and none can be added, nothing can be changed any more, not even deleted. A block group is a tenth of the
 * file system at most.
 *
 * data_max, metadata_max  limits of the kernel for a block group, from sysfs, bytes; 0: its defaults
 */
struct br_allocation_want br_allocation_want(const struct br_allocation *allocation,
					     const struct br_block_groups *groups,
					     uint64_t data_max, uint64_t metadata_max);

/* Is so much unallocated? */
bool br_allocation_is_enough(const struct br_allocation *allocation,
			     const struct br_allocation_want *want);

/* As if a block group were gone: its stripes are unallocated. */
void br_allocation_give_back(struct br_allocation *allocation, const struct br_block_group *group);

#endif
