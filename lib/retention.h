/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Retention: which archives or snapshots of one subvolume stay, which go, and why. Nothing here
 * looks at a disk or a clock. The rules: docs/retention.md.
 */
#ifndef BR_RETENTION_H
#define BR_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

/* Calendar periods, all in UTC; a week begins on Monday. */
enum br_period {
	BR_PERIOD_HOUR,
	BR_PERIOD_DAY,
	BR_PERIOD_WEEK,
	BR_PERIOD_MONTH,
	BR_PERIOD_YEAR,
	BR_PERIOD_COUNT,
};

enum br_reason {
	BR_REASON_NONE, /* nothing is decided yet */
	/* always stay, even when space runs out */
	BR_REASON_WRITABLE,   /* somebody works in it: not one of ours any more */
	BR_REASON_UNREADABLE, /* damaged: who knows what it says */
	BR_REASON_PINNED,
	BR_REASON_MOUNTED,
	BR_REASON_DEFAULT,   /* the default subvolume */
	BR_REASON_REQUESTED, /* the next boot is to start from it, or this one does */
	BR_REASON_NEWEST_GOOD,
	BR_REASON_MINIMUM,
	/* stay as long as there is space */
	BR_REASON_NO_RULE, /* the policy does not say that anything goes */
	BR_REASON_UNDATED,
	BR_REASON_FUTURE,
	BR_REASON_YOUNG,
	BR_REASON_PERIOD,
	/* go */
	BR_REASON_OLD,
	BR_REASON_OVERHEAD,
	BR_REASON_SPACE,
};

struct br_retention_item {
	uint64_t id; /* of the subvolume: the order of age, whatever a clock said ... */
	uint64_t
		replaced_by; /* ... unless this is greater: it was in use until that one came; or 0 */
	char *name;          /* for the caller */
	const char *comment; /* for the caller; NULL: none */
	bool has_time;
	time_t time;    /* of retirement, or of creation */
	bool good;      /* its boot was good */
	int unreadable; /* of BR_REASON_UNREADABLE, for the caller: what the kernel said of it */
	/* BR_REASON_WRITABLE to BR_REASON_REQUESTED: what is known beforehand; else BR_REASON_NONE */
	enum br_reason held;

	/* the decision */
	enum br_reason reason;
	enum br_period period; /* BR_REASON_PERIOD: the first of a period of this kind */
	unsigned nth;          /* and of which, counted from the newest: 1 ... */
	bool is_first;         /* for br_retention_decide alone */
};

struct br_retention_policy {
	unsigned keep_min; /* of the newest that always stay */
	bool has_keep;
	uint64_t keep;                    /* seconds; younger ones stay */
	unsigned counts[BR_PERIOD_COUNT]; /* how many periods of a kind keep their first item */
};

/* Is this a reason to delete? */
bool br_reason_is_to_go(enum br_reason reason);

/* Is this a reason to stay even when space runs out? */
bool br_reason_is_absolute(enum br_reason reason);

/* Can it be relied on? What is writable or unreadable stays, but counts for nothing. */
bool br_retention_counts(const struct br_retention_item *item);

/* What the order of age is decided by: ids, which only grow. */
uint64_t br_retention_rank(const struct br_retention_item *item);

/* Sort by age: ascending rank. */
void br_retention_sort(struct br_retention_item *items, size_t count);

/*
 * Find those that always stay: held, the newest good one, the newest keep_min ones. The reason of
 * all others becomes BR_REASON_NONE. Only those of br_retention_counts count.
 *
 * items  of one subvolume, sorted
 */
void br_retention_hold(struct br_retention_item *items, size_t count, unsigned keep_min);

/*
 * Decide about all items: afterwards each has a reason.
 *
 * items  of one subvolume, sorted
 */
void br_retention_decide(struct br_retention_item *items, size_t count,
			 const struct br_retention_policy *policy, time_t now);

/*
 * The one that goes next when space has run out: the oldest without an absolute reason and not yet
 * decided to go. NULL when none may go.
 *
 * items  sorted, after br_retention_hold or br_retention_decide
 */
struct br_retention_item *br_retention_next_for_space(struct br_retention_item *items,
						      size_t count);

/*
 * Write why an item stays or goes: "pinned", "first of its month, 3 of 12". Needs the policy that
 * decided, and its time.
 */
void br_retention_explain(FILE *out, const struct br_retention_item *item,
			  const struct br_retention_policy *policy, time_t now);

/* Which period of its kind a time falls into; neighbouring ones have neighbouring numbers. */
int64_t br_period_number(enum br_period period, time_t time);

#endif
