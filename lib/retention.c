/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Retention: which archives or snapshots of one subvolume stay, which go, and why. */
#include "retention.h"

#include <stdlib.h>

#define HOUR 3600
#define DAY (24 * HOUR)

bool br_reason_is_to_go(enum br_reason reason)
{
	return reason >= BR_REASON_OLD;
}

bool br_reason_is_absolute(enum br_reason reason)
{
	return reason >= BR_REASON_WRITABLE && reason <= BR_REASON_MINIMUM;
}

bool br_retention_counts(const struct br_retention_item *item)
{
	return item->held != BR_REASON_WRITABLE && item->held != BR_REASON_UNREADABLE;
}

/*
 * Ids only grow, and an archive was made when its predecessor was retired: their order is the
 * order of retirement, whatever the clock said. What was in use for long and then kept is older than
 * what was archived meanwhile: its successor tells when it was retired.
 */
uint64_t br_retention_rank(const struct br_retention_item *item)
{
	return item->replaced_by > item->id ? item->replaced_by : item->id;
}

static int by_rank(const void *a, const void *b)
{
	uint64_t left = br_retention_rank(a), right = br_retention_rank(b);

	return (left > right) - (left < right);
}

void br_retention_sort(struct br_retention_item *items, size_t count)
{
	if (count > 0)
		qsort(items, count, sizeof(*items), by_rank);
}

void br_retention_hold(struct br_retention_item *items, size_t count, unsigned keep_min)
{
	bool found_good = false;
	unsigned newer = 0;

	for (size_t i = count; i-- > 0;) {
		struct br_retention_item *item = &items[i];
		bool is_newest_good = item->good && !found_good;

		item->reason = item->held;
		if (!br_retention_counts(item))
			continue;
		found_good |= item->good;
		if (item->reason == BR_REASON_NONE && is_newest_good)
			item->reason = BR_REASON_NEWEST_GOOD;
		if (item->reason == BR_REASON_NONE && newer < keep_min)
			item->reason = BR_REASON_MINIMUM;
		newer++;
	}
}

struct br_retention_item *br_retention_next_for_space(struct br_retention_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!br_reason_is_absolute(items[i].reason) && !br_reason_is_to_go(items[i].reason))
			return &items[i];
	return NULL;
}

/* --- the calendar --- */

static int64_t divide_down(int64_t value, int64_t divisor)
{
	return value / divisor - (value % divisor < 0);
}

/* A time before the calendar of gmtime_r began is in the first period of all. */
static int64_t month_or_year(enum br_period period, time_t time)
{
	struct tm utc;

	if (!gmtime_r(&time, &utc))
		return INT64_MIN;
	return period == BR_PERIOD_YEAR ? utc.tm_year : INT64_C(12) * utc.tm_year + utc.tm_mon;
}

int64_t br_period_number(enum br_period period, time_t time)
{
	const int64_t thursday = 3; /* days since Monday on 1970-01-01 */

	switch (period) {
	case BR_PERIOD_HOUR:
		return divide_down(time, HOUR);
	case BR_PERIOD_DAY:
		return divide_down(time, DAY);
	case BR_PERIOD_WEEK:
		return divide_down(divide_down(time, DAY) + thursday, 7);
	default:
		return month_or_year(period, time);
	}
}

/* What is dated in the future, or not at all, has no place in the calendar: it would take that of another. */
static bool is_in_calendar(const struct br_retention_item *item, time_t now)
{
	return br_retention_counts(item) && item->has_time && item->time <= now;
}

/* Items of one period in a row, as they are met from the oldest to the newest. */
struct run {
	bool begun;
	int64_t number;
	time_t oldest;
};

/*
 * Is there none before it in its run that is strictly older? So it is for snapper's timeline, where
 * two of the same second both count.
 */
static bool is_first(struct run *run, enum br_period period, time_t time)
{
	int64_t number = br_period_number(period, time);

	if (run->begun && run->number == number && run->oldest < time)
		return false;
	*run = (struct run){ true, number, time };
	return true;
}

static void mark_first(struct br_retention_item *items, size_t count, enum br_period period,
		       time_t now)
{
	struct run run = { 0 };

	for (size_t i = 0; i < count; i++)
		items[i].is_first = is_in_calendar(&items[i], now) &&
				    is_first(&run, period, items[i].time);
}

static void keep_first(struct br_retention_item *items, size_t count, enum br_period period,
		       unsigned limit, time_t now)
{
	unsigned nth = 0;

	mark_first(items, count, period, now);
	for (size_t i = count; i-- > 0 && nth < limit;) {
		if (!items[i].is_first)
			continue;
		nth++;
		if (items[i].reason != BR_REASON_NONE)
			continue;
		items[i].reason = BR_REASON_PERIOD;
		items[i].period = period;
		items[i].nth = nth;
	}
}

/* --- the decision --- */

static bool has_rule(const struct br_retention_policy *policy)
{
	bool has = policy->has_keep;

	for (size_t i = 0; i < BR_PERIOD_COUNT; i++)
		has |= policy->counts[i] > 0;
	return has;
}

/* BR_REASON_NONE when its time does not make it stay. */
static enum br_reason judge_time(const struct br_retention_item *item,
				 const struct br_retention_policy *policy, time_t now)
{
	if (!item->has_time)
		return BR_REASON_UNDATED;
	if (item->time > now)
		return BR_REASON_FUTURE;
	/* unsigned: the difference of any two times fits */
	if (policy->has_keep && (uint64_t)now - (uint64_t)item->time < policy->keep)
		return BR_REASON_YOUNG;
	return BR_REASON_NONE;
}

void br_retention_decide(struct br_retention_item *items, size_t count,
			 const struct br_retention_policy *policy, time_t now)
{
	bool decides = has_rule(policy);

	br_retention_hold(items, count, policy->keep_min);
	for (size_t i = 0; i < count; i++)
		if (items[i].reason == BR_REASON_NONE)
			items[i].reason = decides ? judge_time(&items[i], policy, now)
						  : BR_REASON_NO_RULE;
	/* longest first: what is the first of a year and of a day is told to be that of the year */
	for (enum br_period period = BR_PERIOD_COUNT; period-- > 0;)
		keep_first(items, count, period, policy->counts[period], now);
	for (size_t i = 0; i < count; i++)
		if (items[i].reason == BR_REASON_NONE)
			items[i].reason = BR_REASON_OLD;
}
