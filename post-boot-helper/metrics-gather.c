/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at everything that is monitored. */
#include "metrics.h"

#include "interval.h"
#include "text.h"

#include <errno.h>
#include <string.h>

/* Nobody is told before a run was missed, with the time that a timer may take for it and that a run may take. */
#define MISSED_RUNS 2
#define GRACE_SECONDS 7200

#define PRUNE_INTERVAL 86400 /* of blankroot-generator's timer */

static const char *const task_names[] = {
	[METRICS_TASK_SNAPSHOT] = "snapshot", [METRICS_TASK_PRUNE] = "prune",
	[METRICS_TASK_SCRUB] = "scrub",       [METRICS_TASK_BALANCE] = "balance",
	[METRICS_TASK_TRIM] = "trim",         [METRICS_TASK_DEFRAG] = "defrag",
	[METRICS_TASK_CHECK] = "check",
};

static const char *const part_names[] = {
	[METRICS_REPORT] = "report",     [METRICS_FILESYSTEM] = "filesystem",
	[METRICS_VOLUME] = "volume",     [METRICS_RETAINED] = "retained",
	[METRICS_OVERHEAD] = "overhead", [METRICS_SCRUB] = "scrub",
	[METRICS_TASKS] = "tasks",
};

const char *metrics_part_name(enum metrics_part part)
{
	return part_names[part];
}

const char *metrics_task_name(enum metrics_task task)
{
	return task_names[task];
}

static uint64_t now_usec(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now); /* these are everywhere */
	return (uint64_t)now.tv_sec * 1000 * 1000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- the boot --- */

static int gather_report(const struct metrics_options *options, struct metrics *metrics,
			 struct br_error *err)
{
	int r = boot_report_load(options->report, &metrics->report, err);

	metrics->has_report = r == 0;
	return r == BR_ERR_OPEN && err->sys_errno == ENOENT ? 0 : r;
}

bool metrics_reset_is_good(const struct metrics *metrics)
{
	return metrics->has_report && boot_report_is_good(&metrics->report);
}

/* --- the file system --- */

static int gather_filesystem(const struct metrics_options *options, struct metrics *metrics,
			     struct br_error *err)
{
	return filesystem_open(&options->filesystem, &metrics->filesystem, err);
}

static int gather_volume(const struct metrics_options *options, struct metrics *metrics,
			 struct br_error *err)
{
	int r = br_volume_read(metrics->filesystem.top, &metrics->volume, err);

	(void)options;
	return r < 0 ? r : br_usage_read(metrics->filesystem.top, &metrics->usage, err);
}

double metrics_used_share(const struct metrics *metrics)
{
	const struct br_volume *volume = &metrics->volume;

	return volume->total ? 1 - (double)volume->available / (double)volume->total : 0;
}

static int gather_retained(const struct metrics_options *options, struct metrics *metrics,
			   struct br_error *err)
{
	(void)options;
	return retained_all_glance(metrics->filesystem.top, &metrics->filesystem.config, NULL,
				   metrics->now, &metrics->retained, err);
}

static int gather_overhead(const struct metrics_options *options, struct metrics *metrics,
			   struct br_error *err)
{
	return metrics_overhead_get(&metrics->retained, metrics->filesystem.device.fsid,
				    metrics->volume.used, options->state_dir, &metrics->overhead,
				    err);
}

static int gather_scrub(const struct metrics_options *options, struct metrics *metrics,
			struct br_error *err)
{
	return scrub_record_read(options->scrub_dir, metrics->filesystem.top,
				 metrics->filesystem.device.fsid, &metrics->scrub, err);
}

/* --- tasks --- */

static const struct br_schedule *schedule_of(const struct br_config *config, enum metrics_task task)
{
	switch (task) {
	case METRICS_TASK_SNAPSHOT:
		return config->snapshots.subvolume_count > 0 ? &config->snapshots.every : NULL;
	case METRICS_TASK_SCRUB:
		return &config->maintenance.scrub;
	case METRICS_TASK_BALANCE:
		return &config->maintenance.balance;
	case METRICS_TASK_TRIM:
		return &config->maintenance.trim;
	default:
		return NULL;
	}
}

/* The longest time between two runs; 0: never, or by a calendar expression, whose runs may be any time apart. */
static uint64_t interval_of(const struct br_config *config, enum metrics_task task)
{
	static const struct {
		const char *word;
		uint64_t days;
	} words[] = { { "daily", 1 },      { "weekly", 7 },         { "monthly", 31 },
		      { "quarterly", 92 }, { "semiannually", 184 }, { "yearly", 366 },
		      { "annually", 366 } };
	const struct br_schedule *schedule = schedule_of(config, task);
	uint64_t seconds = 0;

	if (task == METRICS_TASK_PRUNE)
		return PRUNE_INTERVAL;
	if (!schedule || !schedule->text || br_interval_parse(schedule->text, &seconds))
		return seconds;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(schedule->text, words[i].word) == 0)
			return words[i].days * 86400;
	if (strcmp(schedule->text, "hourly") == 0)
		return 3600;
	return strcmp(schedule->text, "minutely") == 0 ? 60 : 0;
}

/* Somebody else may do it too, or have done it before there were records. */
static uint64_t known_otherwise(const struct metrics *metrics, enum metrics_task task)
{
	if (task == METRICS_TASK_SCRUB && metrics->is_known[METRICS_SCRUB] &&
	    metrics->scrub.is_finished)
		return metrics->scrub.started;
	return 0;
}

/* What never succeeded is late when the machine has been up for that long. */
static void judge_time(const struct metrics *metrics, struct metrics_task_facts *facts)
{
	uint64_t since = facts->last_success ? facts->last_success : (uint64_t)metrics->booted;

	if (facts->interval > 0)
		facts->deadline = since + MISSED_RUNS * facts->interval + GRACE_SECONDS;
}

static int gather_tasks(const struct metrics_options *options, struct metrics *metrics,
			struct br_error *err)
{
	const struct filesystem *filesystem = &metrics->filesystem;

	(void)options;
	for (int i = 0; i < METRICS_TASK_COUNT; i++) {
		enum metrics_task task = (enum metrics_task)i;
		struct metrics_task_facts *facts = &metrics->tasks[i];
		uint64_t otherwise = known_otherwise(metrics, task);
		int r = job_record_read(filesystem->top, task_names[i], &facts->record, err);

		if (r < 0)
			return r;
		facts->is_running = job_record_is_running(filesystem->top, &facts->record);
		facts->last_success = facts->record.success_ended;
		if (otherwise > facts->last_success)
			facts->last_success = otherwise;
		facts->interval = interval_of(&filesystem->config, task);
		judge_time(metrics, facts);
	}
	return 0;
}

/* --- all --- */

static const struct {
	int (*gather)(const struct metrics_options *options, struct metrics *metrics,
		      struct br_error *err);
	int needs[2]; /* parts without which it cannot be; -1: none */
} parts[] = {
	[METRICS_REPORT] = { gather_report, { -1, -1 } },
	[METRICS_FILESYSTEM] = { gather_filesystem, { -1, -1 } },
	[METRICS_VOLUME] = { gather_volume, { METRICS_FILESYSTEM, -1 } },
	[METRICS_RETAINED] = { gather_retained, { METRICS_FILESYSTEM, -1 } },
	[METRICS_OVERHEAD] = { gather_overhead, { METRICS_RETAINED, METRICS_VOLUME } },
	[METRICS_SCRUB] = { gather_scrub, { METRICS_FILESYSTEM, -1 } },
	[METRICS_TASKS] = { gather_tasks, { METRICS_FILESYSTEM, -1 } },
};

static bool is_possible(const struct metrics *metrics, size_t part)
{
	for (size_t i = 0; i < 2; i++)
		if (parts[part].needs[i] >= 0 && !metrics->is_known[parts[part].needs[i]])
			return false;
	return true;
}

void metrics_gather(const struct metrics_options *options, struct metrics *ret)
{
	uint64_t since = now_usec(CLOCK_MONOTONIC);

	*ret = (struct metrics){ .now = time(NULL), .filesystem.top = -1 };
	ret->booted = ret->now - (time_t)(now_usec(CLOCK_BOOTTIME) / (1000 * 1000));
	for (size_t i = 0; i < METRICS_PART_COUNT; i++)
		ret->is_known[i] = is_possible(ret, i) &&
				   parts[i].gather(options, ret, &ret->failures[i]) == 0;
	ret->duration_us = now_usec(CLOCK_MONOTONIC) - since;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	br_usage_free(&metrics->usage);
	scrub_record_free(&metrics->scrub);
	retained_all_free(&metrics->retained);
	filesystem_close(&metrics->filesystem);
	boot_report_free(&metrics->report);
	*metrics = (struct metrics){ .filesystem.top = -1 };
}
