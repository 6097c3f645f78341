/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is monitored of a machine: gathered first, then written for Prometheus (metrics-put.c), or judged (alerts.h). */
#ifndef BLANKROOT_METRICS_H
#define BLANKROOT_METRICS_H

#include "boot-report.h"
#include "filesystem.h"
#include "job-record.h"
#include "metrics-overhead.h"
#include "retained-all.h"
#include "scrub-record.h"
#include "usage.h"
#include "volume.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define METRICS_COMMAND "blankroot metrics" /* for messages */
#define METRICS_STATE_DIR "/run/blankroot"

/* Each can be missing by itself. */
enum metrics_part {
	METRICS_REPORT,     /* of this boot; one that does not exist is known not to exist */
	METRICS_FILESYSTEM, /* configuration, and the top level: without it none of the following */
	METRICS_VOLUME,
	METRICS_RETAINED,
	METRICS_OVERHEAD,
	METRICS_SCRUB,
	METRICS_TASKS,
	METRICS_PART_COUNT,
};

enum metrics_task {
	METRICS_TASK_SNAPSHOT,
	METRICS_TASK_PRUNE,
	METRICS_TASK_SCRUB,
	METRICS_TASK_BALANCE,
	METRICS_TASK_TRIM,
	METRICS_TASK_DEFRAG,
	METRICS_TASK_CHECK,
	METRICS_TASK_COUNT,
};

struct metrics_task_facts {
	struct job_record record;
	bool is_running;
	uint64_t
		last_success; /* seconds since the epoch, also as others know it; 0: none is known */
	uint64_t
		interval; /* seconds from one run to the next; 0: not scheduled, or not that regularly */
	uint64_t deadline; /* from when on it is overdue; 0: never */
};

struct metrics_options {
	struct filesystem_options filesystem;
	const char *report;
	const char *scrub_dir;
	const char *
		state_dir; /* where the overhead is kept, which takes long to count, and what was alerted */
};

struct metrics {
	time_t now, booted;
	uint64_t duration_us;              /* of the gathering */
	bool is_known[METRICS_PART_COUNT]; /* what belongs to the part is filled */
	struct br_error
		failures[METRICS_PART_COUNT]; /* why not; without a code: it needs another part */
	bool has_report;
	struct boot_report report;
	struct filesystem filesystem;
	struct br_volume volume;
	struct br_usage usage;
	struct retained_all retained;
	struct metrics_overhead overhead;
	struct scrub_record scrub;
	struct metrics_task_facts tasks[METRICS_TASK_COUNT];
};

/*
 * Look at everything, without any lock. What cannot be found out is missing, and its error kept: this does not fail.
 *
 * ret  owned by the caller (metrics_free)
 */
void metrics_gather(const struct metrics_options *options, struct metrics *ret);

/* Was there a reset at this boot, or was it left out because somebody asked for that? Needs METRICS_REPORT. */
bool metrics_reset_is_good(const struct metrics *metrics);

/* Share of the file system that is used. Needs METRICS_VOLUME. */
double metrics_used_share(const struct metrics *metrics);

/* Write them in the text format of Prometheus. Failures are found in ferror(out). */
void metrics_put(FILE *out, const struct metrics *metrics);

/* "report", "filesystem" ... */
const char *metrics_part_name(enum metrics_part part);

/* "snapshot", "prune" ... */
const char *metrics_task_name(enum metrics_task task);

/* Release. NULL-safe. */
void metrics_free(struct metrics *metrics);

#endif
