/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot status tells: gathered first, then printed for people or for programs. */
#ifndef BLANKROOT_STATUS_H
#define BLANKROOT_STATUS_H

#include "boot-report.h"
#include "filesystem.h"
#include "overhead-all.h"
#include "retained-all.h"
#include "scrub-view.h"
#include "status-jobs.h"
#include "timer.h"
#include "volume.h"

#include <stdbool.h>
#include <time.h>

/* Something that somebody should look at. */
struct status_problem {
	bool is_error; /* else a warning: worth knowing, and healthy all the same */
	char *text;
};

struct status {
	time_t now;
	bool has_report;
	struct boot_report report;
	bool has_filesystem; /* what follows is known */
	struct filesystem filesystem;
	struct retained_all retained;
	struct overhead_all overhead;
	struct br_volume volume;
	struct scrub_view scrub;
	struct timer snapshot, prune;
	struct status_job jobs[STATUS_JOBS];
	struct status_problem *problems;
	size_t problem_count;
};

struct status_options {
	struct filesystem_options filesystem;
	const char *report;
	const char *scrub_dir;
	bool asks_systemd; /* about the timers: they are those of the configuration of this system */
};

/*
 * Look at everything. What cannot be found out is a problem among the others, not a failure.
 *
 * Returns 0 with *ret owned by the caller (status_free), or BR_ERR_NOMEM.
 */
BR_MUST_CHECK int status_gather(const struct status_options *options, struct status *ret,
				struct br_error *err);

/* Does the configuration say that snapshots are to be taken again and again? */
bool status_takes_snapshots(const struct status *status);

/* No errors among the problems? */
bool status_is_healthy(const struct status *status);

/* On standard output, for people. BR_ERR_NOMEM. */
BR_MUST_CHECK int status_print(const struct status *status, struct br_error *err);

/* The same for programs. */
void status_print_json(const struct status *status);

/* Release. NULL-safe, and safe on a zeroed structure. */
void status_free(struct status *status);

#endif
