/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing metrics in the text format of Prometheus, version 0.0.4. */
#ifndef BLANKROOT_METRICS_WRITE_H
#define BLANKROOT_METRICS_WRITE_H

#include <stdint.h>
#include <stdio.h>

#define METRICS_LABELS_MAX 3

/* Their names, types and texts are in metrics-write.c, and in docs/monitoring/README.md. */
enum metric {
	BUILD_INFO,
	WRITTEN,
	GATHERED_IN,
	PART_SUCCESS,
	BOOTED,
	RESET_SUCCESS,
	RESET_OUTCOME,
	RESET_EXIT_CODE,
	RESET_STARTED,
	RESET_DURATION,
	RESET_WARNINGS,
	CARRIED_PATHS,
	CARRIED_FILES,
	CARRIED_BYTES,
	RETAINED,
	RETAINED_GOOD,
	RETAINED_PINNED,
	RETAINED_TO_GO,
	RETAINED_OLDEST,
	RETAINED_NEWEST,
	EXCLUSIVE,
	EXCLUSIVE_TOTAL,
	OVERHEAD,
	OVERHEAD_LIMIT,
	OVERHEAD_COUNTED,
	OVERHEAD_DURATION,
	OVERHEAD_COMPLETE,
	TASK_RUNNING,
	TASK_STARTED,
	TASK_SUCCESS,
	TASK_DURATION,
	TASK_LAST_SUCCESS,
	TASK_LAST_SUCCESS_DURATION,
	TASK_INTERVAL,
	TASK_DEADLINE,
	SCRUB_STARTED,
	SCRUB_FINISHED,
	SCRUB_ERRORS,
	SCRUB_REPAIRED,
	FINDINGS,
	FS_SIZE,
	FS_USED,
	FS_AVAILABLE,
	FS_LIMIT,
	DEVICES,
	DEVICES_MISSING,
	DEVICE_SIZE,
	DEVICE_ALLOCATED,
	DEVICE_UNALLOCATED,
	DEVICE_ERRORS,
	SPACE_ALLOCATED,
	SPACE_USED,
	NO_METRIC, /* also: how many there are */
};

struct metrics_writer {
	FILE *out;
	enum metric
		last; /* begin with NO_METRIC; samples of one metric are written one after the other */
};

struct metrics_label {
	const char *name, *value; /* value: any bytes; NULL: "" */
};

#define LABELS(...) ((const struct metrics_label[METRICS_LABELS_MAX + 1]){ __VA_ARGS__ })
#define NO_LABELS LABELS({ 0 })

/*
 * Write a sample, below the head of its metric. Failures are found in ferror(writer->out).
 *
 * labels  of LABELS; the first one without a name ends them
 */
void metrics_write(struct metrics_writer *writer, enum metric metric,
		   const struct metrics_label *labels, uint64_t value);

/* The same of microseconds, written as seconds. */
void metrics_write_usec(struct metrics_writer *writer, enum metric metric,
			const struct metrics_label *labels, uint64_t usec);

/* The same of a share, without labels. */
void metrics_write_share(struct metrics_writer *writer, enum metric metric, double share);

#endif
