/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which block group to move next, so that the most becomes unallocated for what is copied. Pure. */
#ifndef BR_BALANCE_PLAN_H
#define BR_BALANCE_PLAN_H

#include "allocation.h"
#include "block-groups.h"

#include <stdbool.h>
#include <stdint.h>

#define BR_BALANCE_USAGE_MAX 50 /* percent: the default of br_balance_rules */

struct br_balance_rules {
	bool metadata;      /* block groups of metadata too, not those of data alone */
	unsigned usage_max; /* percent: those that are used more stay */
	/*
	 * Those from this address on stay: they were made while others were moved, and are what is moved goes to. 0: there
	 * are none yet.
	 */
	uint64_t made_since;
	const uint64_t *left_out; /* addresses of those that could not be moved */
	size_t left_out_count;
};

/*
 * The one that is used least, among those which another one of the same type and profile has room for: only then is
 * anything gained.
 *
 * NULL: there is none. Result lives as long as groups.
 */
const struct br_block_group *br_balance_next(const struct br_block_groups *groups,
					     const struct br_balance_rules *rules);

/* What would be done. */
struct br_balance_plan {
	uint64_t groups;      /* to be moved */
	uint64_t bytes;       /* used in them: to be copied */
	uint64_t unallocated; /* then */
	bool is_enough;       /* then */
};

/*
 * Work out what would be done until enough is unallocated. groups and allocation are changed as if it had been.
 */
struct br_balance_plan br_balance_plan(struct br_block_groups *groups,
				       struct br_allocation *allocation,
				       const struct br_allocation_want *want,
				       const struct br_balance_rules *rules);

/* Share of a block group that is used, percent. */
double br_balance_usage(const struct br_block_group *group);

#endif
