/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known, as metrics: docs/monitoring/README.md has a table of them. */
#include "metrics.h"

#include "metrics-write.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

/* --- the metrics themselves, and the boot --- */

static void put_self(struct metrics_writer *writer, const struct metrics *metrics)
{
	metrics_write(writer, BUILD_INFO, LABELS({ "version", BLANKROOT_VERSION }), 1);
	metrics_write(writer, WRITTEN, NO_LABELS, (uint64_t)metrics->now);
	metrics_write_usec(writer, GATHERED_IN, NO_LABELS, metrics->duration_us);
	for (int i = 0; i < METRICS_PART_COUNT; i++)
		metrics_write(writer, PART_SUCCESS,
			      LABELS({ "part", metrics_part_name((enum metrics_part)i) }),
			      metrics->is_known[i]);
	metrics_write(writer, BOOTED, NO_LABELS, (uint64_t)metrics->booted);
}

static void put_outcome(struct metrics_writer *writer, const char *outcome)
{
	static const char *const usual[] = { "reset",  "skipped", "dry-run",    "refused",
					     "failed", "usage",   "unfinished", "missing" };
	bool is_usual = false;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		bool is_this = strcmp(usual[i], outcome) == 0;

		metrics_write(writer, RESET_OUTCOME, LABELS({ "outcome", usual[i] }), is_this);
		is_usual |= is_this;
	}
	if (!is_usual) /* of a newer version */
		metrics_write(writer, RESET_OUTCOME, LABELS({ "outcome", outcome }), 1);
}

static uint64_t bytes_shared(const struct report_path *path)
{
	return path->bytes_shared;
}

static uint64_t bytes_copied(const struct report_path *path)
{
	return path->bytes_copied;
}

static uint64_t files(const struct report_path *path)
{
	return path->files;
}

static uint64_t one(const struct report_path *path)
{
	(void)path;
	return 1;
}

static void put_carried(struct metrics_writer *writer, const struct boot_report *report,
			enum metric metric, const char *how,
			uint64_t (*number)(const struct report_path *path))
{
	for (size_t i = 0; i < report->ephemeral_count; i++) {
		const struct report_ephemeral *ephemeral = &report->ephemeral[i];
		uint64_t sum = 0;

		for (size_t p = 0; p < ephemeral->path_count; p++)
			if (ephemeral->paths[p].done)
				sum += number(&ephemeral->paths[p]);
		metrics_write(writer, metric,
			      LABELS({ "subvolume", ephemeral->name }, { how ? "how" : NULL, how }),
			      sum);
	}
}

static void put_report(struct metrics_writer *writer, const struct metrics *metrics)
{
	const struct boot_report *report = &metrics->report;
	struct tm utc = { 0 };

	metrics_write(writer, RESET_SUCCESS, NO_LABELS, metrics_reset_is_good(metrics));
	put_outcome(writer, metrics->has_report ? report->outcome : "missing");
	if (!metrics->has_report)
		return;
	metrics_write(writer, RESET_EXIT_CODE, NO_LABELS, report->exit_code);
	if (report->started && strptime(report->started, "%Y-%m-%dT%H:%M:%SZ", &utc))
		metrics_write(writer, RESET_STARTED, NO_LABELS, (uint64_t)timegm(&utc));
	metrics_write_usec(writer, RESET_DURATION, NO_LABELS, report->duration_us);
	metrics_write(writer, RESET_WARNINGS, NO_LABELS, report->warning_count);
	put_carried(writer, report, CARRIED_PATHS, NULL, one);
	put_carried(writer, report, CARRIED_FILES, NULL, files);
	put_carried(writer, report, CARRIED_BYTES, "shared", bytes_shared);
	put_carried(writer, report, CARRIED_BYTES, "copied", bytes_copied);
}

/* --- what is kept --- */

static uint64_t number_of(enum metric metric, const struct retained_group *group,
			  const struct retained_summary *summary)
{
	switch (metric) {
	case RETAINED:
		return group->retained.count;
	case RETAINED_GOOD:
		return summary->good;
	case RETAINED_PINNED:
		return summary->pinned;
	case RETAINED_TO_GO:
		return summary->to_go;
	case RETAINED_OLDEST:
		return (uint64_t)summary->oldest;
	default:
		return (uint64_t)summary->newest;
	}
}

static void put_retained(struct metrics_writer *writer, const struct metrics *metrics)
{
	for (int metric = RETAINED; metric <= RETAINED_NEWEST; metric++)
		for (size_t i = 0; i < metrics->retained.count; i++) {
			const struct retained_group *group = &metrics->retained.groups[i];
			struct retained_summary summary;

			retained_summarize(group, &summary);
			if (metric >= RETAINED_OLDEST && !summary.has_times)
				continue;
			metrics_write(writer, (enum metric)metric,
				      LABELS({ "kind", retained_kind_name(group->retained.kind) },
					     { "subvolume", group->retained.subvolume }),
				      number_of((enum metric)metric, group, &summary));
		}
}

static void put_overhead(struct metrics_writer *writer, const struct metrics *metrics)
{
	const struct metrics_overhead *overhead = &metrics->overhead;
	double limit = metrics->filesystem.config.archives.max_overhead;

	for (int i = 0; i < METRICS_KINDS; i++)
		metrics_write(writer, EXCLUSIVE,
			      LABELS({ "kind", retained_kind_name((enum br_retained_kind)i) }),
			      overhead->kinds[i]);
	metrics_write(writer, EXCLUSIVE_TOTAL, NO_LABELS, overhead->total);
	metrics_write_share(writer, OVERHEAD, metrics_overhead_share(overhead));
	if (limit > 0)
		metrics_write_share(writer, OVERHEAD_LIMIT, limit);
	metrics_write(writer, OVERHEAD_COUNTED, NO_LABELS, overhead->counted);
	metrics_write_usec(writer, OVERHEAD_DURATION, NO_LABELS, overhead->duration_us);
	metrics_write(writer, OVERHEAD_COMPLETE, NO_LABELS, overhead->is_complete);
}

/* --- tasks --- */

static void put_task(struct metrics_writer *writer, enum metric metric,
		     const struct metrics *metrics, enum metrics_task task)
{
	const struct metrics_task_facts *facts = &metrics->tasks[task];
	const struct job_record *record = &facts->record;
	const struct metrics_label *labels = LABELS({ "task", metrics_task_name(task) });

	if (metric == TASK_RUNNING && record->exists)
		metrics_write(writer, metric, labels, facts->is_running);
	else if (metric == TASK_STARTED && record->exists)
		metrics_write(writer, metric, labels, record->started);
	else if (metric == TASK_SUCCESS && record->exists)
		metrics_write(writer, metric, labels, record->outcome != JOB_FAILED);
	else if (metric == TASK_DURATION && record->ended)
		metrics_write_usec(writer, metric, labels, record->duration_us);
	else if (metric == TASK_LAST_SUCCESS && facts->last_success)
		metrics_write(writer, metric, labels, facts->last_success);
	else if (metric == TASK_LAST_SUCCESS_DURATION && record->success_ended)
		metrics_write_usec(writer, metric, labels, record->success_duration_us);
	else if (metric == TASK_INTERVAL && facts->interval)
		metrics_write(writer, metric, labels, facts->interval);
	else if (metric == TASK_DEADLINE && facts->deadline)
		metrics_write(writer, metric, labels, facts->deadline);
}

static void put_tasks(struct metrics_writer *writer, const struct metrics *metrics)
{
	const struct job_record *check = &metrics->tasks[METRICS_TASK_CHECK].record;

	for (int metric = TASK_RUNNING; metric <= TASK_DEADLINE; metric++)
		for (int i = 0; i < METRICS_TASK_COUNT; i++)
			put_task(writer, (enum metric)metric, metrics, (enum metrics_task)i);
	for (uint64_t i = 0; i < check->number_count; i++)
		metrics_write(writer, FINDINGS, LABELS({ "severity", check->numbers[i].name }),
			      check->numbers[i].value);
}

static void put_scrub(struct metrics_writer *writer, const struct metrics *metrics)
{
	const struct scrub_record *scrub = &metrics->scrub;

	if (!scrub->exists)
		return;
	metrics_write(writer, SCRUB_STARTED, NO_LABELS, scrub->started);
	metrics_write(writer, SCRUB_FINISHED, NO_LABELS, scrub->is_finished);
	metrics_write(writer, SCRUB_ERRORS, NO_LABELS, scrub->errors);
	metrics_write(writer, SCRUB_REPAIRED, NO_LABELS, scrub->repaired);
}

/* --- devices and space --- */

static void put_device(struct metrics_writer *writer, enum metric metric,
		       const struct br_usage_device *device)
{
	char id[24];

	(void)snprintf(id, sizeof(id), "%" PRIu64, device->id); /* fits */
	if (metric == DEVICE_SIZE)
		metrics_write(writer, metric, LABELS({ "devid", id }, { "device", device->path }),
			      device->size);
	else if (metric == DEVICE_ALLOCATED)
		metrics_write(writer, metric, LABELS({ "devid", id }, { "device", device->path }),
			      device->allocated);
	else if (metric == DEVICE_UNALLOCATED)
		metrics_write(writer, metric, LABELS({ "devid", id }, { "device", device->path }),
			      device->size - device->allocated);
	for (int i = 0; metric == DEVICE_ERRORS && device->has_errors && i < BR_DEVICE_ERROR_COUNT;
	     i++)
		metrics_write(writer, metric,
			      LABELS({ "devid", id }, { "device", device->path },
				     { "type", br_device_error_name((enum br_device_error)i) }),
			      device->errors[i]);
}

static void put_volume(struct metrics_writer *writer, const struct metrics *metrics)
{
	const struct br_volume *volume = &metrics->volume;
	const struct br_usage *usage = &metrics->usage;
	double limit = metrics->filesystem.config.metrics.max_used;

	metrics_write(writer, FS_SIZE, NO_LABELS, volume->total);
	metrics_write(writer, FS_USED, NO_LABELS, volume->used);
	metrics_write(writer, FS_AVAILABLE, NO_LABELS, volume->available);
	if (limit > 0)
		metrics_write_share(writer, FS_LIMIT, limit);
	metrics_write(writer, DEVICES, NO_LABELS, volume->devices);
	metrics_write(writer, DEVICES_MISSING, NO_LABELS, volume->missing);
	for (int metric = DEVICE_SIZE; metric <= DEVICE_ERRORS; metric++)
		for (size_t i = 0; i < usage->device_count; i++)
			put_device(writer, (enum metric)metric, &usage->devices[i]);
	for (size_t i = 0; i < usage->space_count; i++)
		metrics_write(writer, SPACE_ALLOCATED,
			      LABELS({ "type", usage->spaces[i].type },
				     { "profile", usage->spaces[i].profile }),
			      usage->spaces[i].allocated);
	for (size_t i = 0; i < usage->space_count; i++)
		metrics_write(writer, SPACE_USED,
			      LABELS({ "type", usage->spaces[i].type },
				     { "profile", usage->spaces[i].profile }),
			      usage->spaces[i].used);
}

void metrics_put(FILE *out, const struct metrics *metrics)
{
	static void (*const parts[])(struct metrics_writer * writer,
				     const struct metrics *metrics) = {
		[METRICS_REPORT] = put_report,     [METRICS_VOLUME] = put_volume,
		[METRICS_RETAINED] = put_retained, [METRICS_OVERHEAD] = put_overhead,
		[METRICS_SCRUB] = put_scrub,       [METRICS_TASKS] = put_tasks,
	};
	struct metrics_writer writer = { out, NO_METRIC };

	put_self(&writer, metrics);
	for (size_t i = 0; i < METRICS_PART_COUNT; i++)
		if (metrics->is_known[i] && parts[i])
			parts[i](&writer, metrics);
}
