/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a machine, judged as docs/monitoring/blankroot.rules.yml does. */
#include "alerts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX 4096

static const struct {
	const char *name, *severity;
	enum metrics_part part; /* without which it cannot be judged; METRICS_PART_COUNT: none */
} kinds[] = {
	[ALERT_RESET_FAILED] = { "BlankrootResetFailed", "critical", METRICS_REPORT },
	[ALERT_TASK_FAILED] = { "BlankrootTaskFailed", "warning", METRICS_TASKS },
	[ALERT_TASK_OVERDUE] = { "BlankrootTaskOverdue", "warning", METRICS_TASKS },
	[ALERT_SCRUB_ERRORS] = { "BlankrootScrubErrors", "critical", METRICS_SCRUB },
	[ALERT_SPACE_LOW] = { "BlankrootSpaceLow", "warning", METRICS_VOLUME },
	[ALERT_OVERHEAD_HIGH] = { "BlankrootOverheadHigh", "warning", METRICS_OVERHEAD },
	[ALERT_DEVICE_ERRORS] = { "BlankrootDeviceErrors", "critical", METRICS_VOLUME },
	[ALERT_DEGRADED] = { "BlankrootDegraded", "critical", METRICS_VOLUME },
	[ALERT_CHECK_FAILED] = { "BlankrootCheckFailed", "warning", METRICS_TASKS },
	[ALERT_METRICS_INCOMPLETE] = { "BlankrootMetricsIncomplete", "warning",
				       METRICS_PART_COUNT },
};

const char *alert_name(enum alert_kind kind)
{
	return kinds[kind].name;
}

const char *alert_severity(enum alert_kind kind)
{
	return kinds[kind].severity;
}

bool alert_is_judged(enum alert_kind kind, const struct metrics *metrics)
{
	return kinds[kind].part == METRICS_PART_COUNT || metrics->is_known[kinds[kind].part];
}

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

int alerts_add(struct alerts *alerts, enum alert_kind kind, const char *object, const char *text,
	       struct br_error *err)
{
	struct alert *grown = reallocarray(alerts->list, alerts->count + 1, sizeof(*alerts->list));
	struct alert alert = { .kind = kind };

	if (!grown)
		return no_memory(err);
	alerts->list = grown;
	alert.object = strdup(object);
	alert.text = strdup(text);
	if (!alert.object || !alert.text) {
		free(alert.object);
		free(alert.text);
		return no_memory(err);
	}
	grown[alerts->count++] = alert;
	return 0;
}

BR_PRINTF(5, 6)
static int add(struct alerts *alerts, enum alert_kind kind, const char *object,
	       struct br_error *err, const char *fmt, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* a long one is cut */
	va_end(args);
	return alerts_add(alerts, kind, object, text, err);
}

struct alert *alerts_get(const struct alerts *alerts, enum alert_kind kind, const char *object)
{
	for (size_t i = 0; i < alerts->count; i++)
		if (alerts->list[i].kind == kind && strcmp(alerts->list[i].object, object) == 0)
			return &alerts->list[i];
	return NULL;
}

/* --- what is wrong --- */

static int find_reset(const struct metrics *metrics, struct alerts *alerts, struct br_error *err)
{
	if (!metrics->is_known[METRICS_REPORT] || metrics_reset_is_good(metrics))
		return 0;
	return add(alerts, ALERT_RESET_FAILED, "", err, "%s",
		   metrics->has_report ? metrics->report.reason
				       : "the reset did not run at this boot");
}

static int find_task(const struct metrics *metrics, enum metrics_task task, struct alerts *alerts,
		     struct br_error *err)
{
	const struct metrics_task_facts *facts = &metrics->tasks[task];
	const char *name = metrics_task_name(task);
	int r = 0;

	if (facts->record.outcome == JOB_FAILED)
		r = add(alerts, ALERT_TASK_FAILED, name, err, "the last %s failed: %s", name,
			facts->record.message);
	if (r == 0 && facts->deadline && (uint64_t)metrics->now > facts->deadline)
		r = add(alerts, ALERT_TASK_OVERDUE, name, err,
			"%s is overdue: the last success was %" PRIu64 " hours ago", name,
			((uint64_t)metrics->now -
			 (facts->last_success ? facts->last_success : (uint64_t)metrics->booted)) /
				3600);
	return r;
}

static int find_tasks(const struct metrics *metrics, struct alerts *alerts, struct br_error *err)
{
	const struct job_record *check = &metrics->tasks[METRICS_TASK_CHECK].record;
	int r = 0;

	if (!metrics->is_known[METRICS_TASKS])
		return 0;
	for (int i = 0; r == 0 && i < METRICS_TASK_COUNT; i++)
		r = find_task(metrics, (enum metrics_task)i, alerts, err);
	for (uint64_t i = 0; r == 0 && i < check->number_count; i++)
		if (strcmp(check->numbers[i].name, "error") == 0 && check->numbers[i].value > 0)
			r = add(alerts, ALERT_CHECK_FAILED, "", err,
				"%" PRIu64 " errors for the next boot (blankroot check)",
				check->numbers[i].value);
	return r;
}

static int find_scrub(const struct metrics *metrics, struct alerts *alerts, struct br_error *err)
{
	const struct scrub_record *scrub = &metrics->scrub;

	if (!metrics->is_known[METRICS_SCRUB] || scrub->errors == 0)
		return 0;
	return add(alerts, ALERT_SCRUB_ERRORS, "", err,
		   "the last scrub found %" PRIu64 " errors, %" PRIu64 " of them repaired",
		   scrub->errors, scrub->repaired);
}

static int find_device(const struct br_usage_device *device, struct alerts *alerts,
		       struct br_error *err)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BR_DEVICE_ERROR_COUNT; i++)
		sum += device->errors[i];
	if (sum == 0)
		return 0;
	return add(alerts, ALERT_DEVICE_ERRORS, device->path, err,
		   "%s has had %" PRIu64 " errors (btrfs device stats)", device->path, sum);
}

static int find_volume(const struct metrics *metrics, struct alerts *alerts, struct br_error *err)
{
	const struct br_volume *volume = &metrics->volume;
	double limit;
	int r = 0;

	if (!metrics->is_known[METRICS_VOLUME])
		return 0;
	limit = metrics->filesystem.config.metrics.max_used;
	if (limit > 0 && metrics_used_share(metrics) > limit)
		r = add(alerts, ALERT_SPACE_LOW, "", err,
			"%.1f%% of the file system are used, more than %.1f%%",
			100 * metrics_used_share(metrics), 100 * limit);
	for (size_t i = 0; r == 0 && i < metrics->usage.device_count; i++)
		r = find_device(&metrics->usage.devices[i], alerts, err);
	if (r == 0 && volume->missing > 0)
		r = add(alerts, ALERT_DEGRADED, "", err,
			"%" PRIu64 " of %" PRIu64 " devices are missing", volume->missing,
			volume->devices);
	return r;
}

static int find_overhead(const struct metrics *metrics, struct alerts *alerts, struct br_error *err)
{
	double share, limit;

	if (!metrics->is_known[METRICS_OVERHEAD])
		return 0;
	share = metrics_overhead_share(&metrics->overhead);
	limit = metrics->filesystem.config.archives.max_overhead;
	if (limit <= 0 || share <= limit)
		return 0;
	return add(alerts, ALERT_OVERHEAD_HIGH, "", err,
		   "archives hold %.1f%% of what is used, more than %.1f%%", 100 * share,
		   100 * limit);
}

/* A part that only lacks another one is not told of. */
static int find_missing(const struct metrics *metrics, struct alerts *alerts, struct br_error *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < METRICS_PART_COUNT; i++) {
		char message[MESSAGE_MAX];

		if (metrics->failures[i].code == BR_OK || metrics->is_known[i])
			continue;
		br_error_format(&metrics->failures[i], message, sizeof(message));
		r = add(alerts, ALERT_METRICS_INCOMPLETE, metrics_part_name((enum metrics_part)i),
			err, "%s", message);
	}
	return r;
}

int alerts_find(const struct metrics *metrics, struct alerts *ret, struct br_error *err)
{
	static int (*const finds[])(const struct metrics *metrics, struct alerts *alerts,
				    struct br_error *err) = { find_reset,    find_tasks,
							      find_scrub,    find_volume,
							      find_overhead, find_missing };
	struct alerts alerts = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(finds) / sizeof(finds[0]); i++)
		r = finds[i](metrics, &alerts, err);
	if (r < 0)
		alerts_free(&alerts);
	else
		*ret = alerts;
	return r;
}

void alerts_free(struct alerts *alerts)
{
	if (!alerts)
		return;
	for (size_t i = 0; i < alerts->count; i++) {
		free(alerts->list[i].object);
		free(alerts->list[i].text);
	}
	free(alerts->list);
	*alerts = (struct alerts){ 0 };
}
