/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What archives, parked subvolumes and snapshots hold that nothing else does. */
#ifndef BLANKROOT_OVERHEAD_ALL_H
#define BLANKROOT_OVERHEAD_ALL_H

#include "overhead.h"
#include "retained-all.h"

struct overhead_all {
	struct br_overhead counted; /* its groups are kinds: enum br_retained_kind */
	struct br_overhead_item *items;
	size_t *first; /* of each group, the item that its first one is */
};

/*
 * Count. What is writable is somebody else's: it holds, but is not counted.
 *
 * seconds  as in br_overhead_count
 *
 * Returns 0 with *ret for overhead_all_free, untouched otherwise. Errors of br_overhead_count.
 */
BR_MUST_CHECK int overhead_all_count(int top, const struct retained_all *all, unsigned seconds,
				     struct overhead_all *ret, struct br_error *err);

/* Bytes that the deletion of an item would free, by the indexes of its group and in it. */
uint64_t overhead_all_alone(const struct overhead_all *overhead, size_t group, size_t item);

/* Release. NULL-safe, and safe on a zeroed structure. */
void overhead_all_free(struct overhead_all *overhead);

#endif
