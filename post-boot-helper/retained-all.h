/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All archives, parked subvolumes and snapshots of a file system, as list and prune look at them. */
#ifndef BLANKROOT_RETAINED_ALL_H
#define BLANKROOT_RETAINED_ALL_H

#include "config.h"
#include "request.h"
#include "retained.h"

#include <time.h>

struct retained_group {
	struct br_retained retained;
	struct br_retention_policy policy;
};

struct retained_all {
	struct br_request request;
	struct br_retained_facts facts;
	struct retained_group *groups;
	size_t count;
	char **others; /* subvolumes that the configuration does not name, but that have snapshots */
	size_t other_count;
};

/*
 * List everything, and decide what stays. Snapshots of a subvolume that the configuration does not
 * name are listed too: no rule says that they go.
 *
 * top     the top level; as long as ret is used, like the configuration
 * only    path of one subvolume; NULL: all
 *
 * Returns 0 with *ret owned by the caller (retained_all_free). BR_ERR_USAGE: nothing of that
 * subvolume is kept here. Errors of br_retained_list and br_request_read.
 */
BR_MUST_CHECK int retained_all_read(int top, const struct br_config *config, const char *only,
				    time_t now, struct retained_all *ret, struct br_error *err);

/*
 * The same for those who only show it: of many, marks are taken from what retained_all_keep wrote where that is still
 * true.
 */
BR_MUST_CHECK int retained_all_glance(int top, const struct br_config *config, const char *only,
				      time_t now, struct retained_all *ret, struct br_error *err);

/* br_retained_keep for all of them. */
void retained_all_keep(const struct retained_all *all);

/* How many there are in all groups. */
size_t retained_all_items(const struct retained_all *all);

struct retained_summary {
	size_t good, pinned;
	size_t to_go; /* that prune would delete now */
	bool has_times;
	time_t oldest, newest; /* of those whose time is known */
};

/* Count what is in a group. */
void retained_summarize(const struct retained_group *group, struct retained_summary *ret);

/*
 * BR_ERR_OPEN with what the kernel said, for an item of BR_REASON_UNREADABLE; else 0.
 */
BR_MUST_CHECK int retained_check_readable(const struct br_retained *retained,
					  const struct br_retention_item *item,
					  struct br_error *err);

/* The same for all of them: of the first such one. For those who have done what they could. */
BR_MUST_CHECK int retained_all_check_readable(const struct retained_all *all, struct br_error *err);

/* Is an item meant by this, its name or its path from the top level? */
bool retained_is_meant(const struct br_retained *retained, const struct br_retention_item *item,
		       const char *name);

/* "archive", "parked", "snapshot". */
const char *retained_kind_name(enum br_retained_kind kind);

/* Release. NULL-safe, and safe on a zeroed structure. */
void retained_all_free(struct retained_all *all);

#endif
