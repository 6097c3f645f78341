/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which archives go because archives hold too much: max-overhead. */
#ifndef BLANKROOT_PRUNE_OVERHEAD_H
#define BLANKROOT_PRUNE_OVERHEAD_H

#include "retained-all.h"

struct prune_victim {
	struct retained_group *group;
	struct br_retention_item *item;
};

struct prune_overhead {
	uint64_t used; /* bytes of the file system that are in use */
	uint64_t held; /* of them, what only archives hold, once all that is to go anyway is gone */
	uint64_t left; /* of those, what they would hold still when all victims are gone */
	struct prune_victim *victims; /* in the order in which they go */
	size_t count;
};

/*
 * Find them: the oldest archives that may go for space, of all subvolumes, as many as it takes until
 * the others hold no more than their share. Snapshots stay, and what they hold as well is not held
 * by archives alone.
 *
 * all        after the decision; the reason of each victim becomes BR_REASON_OVERHEAD
 * max_share  of the used bytes; 0: no limit
 *
 * Returns 0 with *ret for prune_overhead_free, untouched otherwise. Errors of br_overhead_count and
 * br_volume_read.
 */
BR_MUST_CHECK int prune_overhead_find(int top, struct retained_all *all, double max_share,
				      struct prune_overhead *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void prune_overhead_free(struct prune_overhead *overhead);

#endif
