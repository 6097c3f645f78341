/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The space that only archives and snapshots hold, without quotas.
 *
 * What is older than its source in an archive or snapshot (inherited.h), others hold as well: only
 * the extents in younger nodes are looked at, each once. So the cost follows what was changed, except
 * for those whose source is gone or was changed, and that have no older neighbour: they are read as a
 * whole. An extent that a subvolume in use has at the same place of the same inode (relative.h) is not
 * theirs alone. Of each other one the kernel tells who refers to it (BTRFS_IOC_LOGICAL_INO_V2), which takes
 * long: held by archives and snapshots alone, it is overhead.
 *
 * Counted are extents of data, as large as they are on the disk and one copy of each, also those
 * of which only a part is still in use. Not counted: metadata, and with it the content of files so small
 * that it is kept there (max_inline).
 */
#ifndef BR_OVERHEAD_H
#define BR_OVERHEAD_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An archive or a snapshot, with all that is nested in it. */
struct br_overhead_item {
	uint64_t id;
	size_t group; /* 0 ...: of those that are looked at together */
	/* its tree cannot be read: what it shares with others counts, but nothing of its own, nor what nobody can tell about */
	bool is_damaged;
	/* filled: */
	uint64_t alone; /* bytes that nobody else holds: what its deletion would free */
	uint64_t
		in_order; /* what it would free when all before it of its group are deleted already */
};

struct br_overhead {
	uint64_t total;   /* bytes that only items hold */
	uint64_t *groups; /* of them, what only those of one group hold */
	uint64_t extents; /* that were looked at */
	bool is_complete; /* false: out of time; the other numbers are then too small */
};

/*
 * Count.
 *
 * fd           anything on the file system; what is not committed yet may be left out
 * items        in the order in which they would be deleted; whose subvolume is gone, has nothing
 * group_count  greater than the greatest group
 * seconds      stop after so much time; 0: never
 *
 * Returns 0 with the items filled and *ret for br_overhead_free, untouched otherwise. BR_ERR_READ,
 * BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN. Since Linux 4.15.
 */
BR_MUST_CHECK int br_overhead_count(int fd, struct br_overhead_item *items, size_t count,
				    size_t group_count, unsigned seconds, struct br_overhead *ret,
				    struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_overhead_free(struct br_overhead *overhead);

#endif
