/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why an archive or a snapshot stays or goes, in words. */
#include "retention.h"

#include "text.h"

#include <inttypes.h>

static const char *const reasons[] = {
	[BR_REASON_WRITABLE] = "writable: somebody works in it",
	[BR_REASON_UNREADABLE] = "damaged: it cannot be read",
	[BR_REASON_PINNED] = "pinned",
	[BR_REASON_MOUNTED] = "mounted",
	[BR_REASON_DEFAULT] = "the default subvolume",
	[BR_REASON_REQUESTED] = "the next boot starts from it",
	[BR_REASON_NEWEST_GOOD] = "the newest whose boot was good",
	[BR_REASON_NO_RULE] = "nothing says how long to keep it",
	[BR_REASON_UNDATED] = "its age is unknown",
	[BR_REASON_FUTURE] = "dated in the future",
	[BR_REASON_OVERHEAD] = "archives held too much, and it was the oldest that may go",
	[BR_REASON_SPACE] = "space had run out, and it was the oldest that may go",
};

static const char *const periods[BR_PERIOD_COUNT] = { "hour", "day", "week", "month", "year" };

static bool has_counts(const struct br_retention_policy *policy)
{
	for (size_t i = 0; i < BR_PERIOD_COUNT; i++)
		if (policy->counts[i] > 0)
			return true;
	return false;
}

static void explain_age(FILE *out, const struct br_retention_item *item,
			const struct br_retention_policy *policy, time_t now)
{
	br_text_put_length(out, (uint64_t)now - (uint64_t)item->time);
	(void)fputs(" old", out);
	if (policy->has_keep) {
		(void)fputs(item->reason == BR_REASON_YOUNG ? ", less than " : ", limit ", out);
		br_text_put_length(out, policy->keep);
	}
	if (item->reason == BR_REASON_OLD && has_counts(policy))
		(void)fputs(", not among the periods to keep", out);
}

void br_retention_explain(FILE *out, const struct br_retention_item *item,
			  const struct br_retention_policy *policy, time_t now)
{
	switch (item->reason) {
	case BR_REASON_MINIMUM:
		if (policy->keep_min == 1)
			(void)fputs("the newest", out);
		else
			(void)fprintf(out, "one of the newest %u", policy->keep_min);
		break;
	case BR_REASON_PERIOD:
		(void)fprintf(out, "first of its %s, %u of %u", periods[item->period], item->nth,
			      policy->counts[item->period]);
		break;
	case BR_REASON_YOUNG:
	case BR_REASON_OLD:
		explain_age(out, item, policy, now);
		break;
	default:
		(void)fputs(reasons[item->reason] ? reasons[item->reason] : "undecided", out);
	}
}
