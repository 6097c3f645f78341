/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which block group to move next. */
#include "balance-plan.h"

#include <linux/btrfs_tree.h>

#define PERCENT 100

double br_balance_usage(const struct br_block_group *group)
{
	return group->length > 0 ? PERCENT * (double)group->used / (double)group->length : 0;
}

static uint64_t free_in(const struct br_block_group *group)
{
	return group->used < group->length ? group->length - group->used : 0;
}

/* Free in the others of its type and profile, those included that are not to be moved. */
static bool has_room_elsewhere(const struct br_block_groups *groups,
			       const struct br_block_group *group)
{
	uint64_t room = 0;

	for (size_t i = 0; i < groups->count; i++)
		if (groups->groups[i].flags == group->flags && &groups->groups[i] != group)
			room += free_in(&groups->groups[i]);
	return room > 0 && room >= group->used;
}

static bool is_left_out(const struct br_balance_rules *rules, uint64_t start)
{
	for (size_t i = 0; i < rules->left_out_count; i++)
		if (rules->left_out[i] == start)
			return true;
	return false;
}

/* Those of mixed type are of data. Those of the system are a few, and small. */
static bool is_for_us(const struct br_balance_rules *rules, const struct br_block_group *group)
{
	uint64_t wanted = BTRFS_BLOCK_GROUP_DATA |
			  (rules->metadata ? BTRFS_BLOCK_GROUP_METADATA : 0);

	return (group->flags & wanted) &&
	       (rules->made_since == 0 || group->start < rules->made_since) &&
	       br_balance_usage(group) <= rules->usage_max && !is_left_out(rules, group->start);
}

const struct br_block_group *br_balance_next(const struct br_block_groups *groups,
					     const struct br_balance_rules *rules)
{
	const struct br_block_group *best = NULL;

	for (size_t i = 0; i < groups->count; i++) {
		const struct br_block_group *group = &groups->groups[i];

		if (is_for_us(rules, group) && group->length > 0 &&
		    (!best || br_balance_usage(group) < br_balance_usage(best)) &&
		    has_room_elsewhere(groups, group))
			best = group;
	}
	return best;
}

/* Into the others, whichever: those that are fullest first, as the kernel would rather do it. */
static void move_out(struct br_block_groups *groups, struct br_block_group *group)
{
	uint64_t left = group->used;

	while (left > 0) {
		struct br_block_group *fullest = NULL;
		uint64_t part;

		for (size_t i = 0; i < groups->count; i++) {
			struct br_block_group *other = &groups->groups[i];

			if (other != group && other->flags == group->flags && free_in(other) > 0 &&
			    (!fullest || free_in(other) < free_in(fullest)))
				fullest = other;
		}
		if (!fullest)
			break; /* there was room */
		part = free_in(fullest) < left ? free_in(fullest) : left;
		fullest->used += part;
		left -= part;
	}
	group->length = group->used = 0;
}

struct br_balance_plan br_balance_plan(struct br_block_groups *groups,
				       struct br_allocation *allocation,
				       const struct br_allocation_want *want,
				       const struct br_balance_rules *rules)
{
	struct br_balance_plan plan = { 0 };
	const struct br_block_group *next;

	while (!(plan.is_enough = br_allocation_is_enough(allocation, want)) &&
	       (next = br_balance_next(groups, rules))) {
		plan.groups++;
		plan.bytes += next->used;
		br_allocation_give_back(allocation, next);
		move_out(groups, &groups->groups[next - groups->groups]);
	}
	plan.unallocated = allocation->unallocated;
	return plan;
}
