/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The block groups of a file system: what its devices are allocated to, and how much of each is used. */
#ifndef BR_BLOCK_GROUPS_H
#define BR_BLOCK_GROUPS_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct br_block_group {
	uint64_t start;     /* logical address; it names the block group, and is never used again */
	uint64_t length;    /* logical bytes */
	uint64_t used;      /* of them, at the last commit */
	uint64_t flags;     /* BTRFS_BLOCK_GROUP_*: type and profile */
	uint64_t on_device; /* bytes that each of its stripes takes */
	uint64_t *devices;  /* ids of the devices of its stripes; of DUP the same twice */
	size_t device_count;
};

struct br_block_groups {
	struct br_block_group *groups; /* by address */
	size_t count;
};

/*
 * Read them.
 *
 * fd  anything on the file system
 *
 * Returns 0 with *ret owned by the caller (br_block_groups_free), untouched otherwise. BR_ERR_READ, BR_ERR_NOMEM.
 * Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_block_groups_read(int fd, struct br_block_groups *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_block_groups_free(struct br_block_groups *groups);

#endif
