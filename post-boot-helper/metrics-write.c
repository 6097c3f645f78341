/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of all metrics, and the text format of Prometheus. */
#include "metrics-write.h"

#include "cleanup.h"
#include "error.h"

#include <inttypes.h>
#include <stdlib.h>

#define VALUE_MAX ((size_t)4 * 4096) /* of a label, escaped: longer than any path */

static const struct {
	const char *name, *type, *help;
} families[] = {
	[BUILD_INFO] = { "blankroot_build_info", "gauge", "Version of blankroot; the value is 1." },
	[WRITTEN] = { "blankroot_metrics_timestamp_seconds", "gauge",
		      "When these metrics were gathered." },
	[GATHERED_IN] = { "blankroot_metrics_duration_seconds", "gauge",
			  "How long it took to gather these metrics." },
	[PART_SUCCESS] = { "blankroot_metrics_part_success", "gauge",
			   "Whether a part of these metrics could be gathered." },
	[BOOTED] = { "blankroot_boot_timestamp_seconds", "gauge",
		     "When the running system was started." },
	[RESET_SUCCESS] = { "blankroot_reset_success", "gauge",
			    "Whether the root was reset at this boot, or somebody asked for no "
			    "reset." },
	[RESET_OUTCOME] = { "blankroot_reset_outcome", "gauge",
			    "Outcome of the reset at this boot; 1 for the one that it was." },
	[RESET_EXIT_CODE] = { "blankroot_reset_exit_code", "gauge",
			      "Exit code of the reset at this boot." },
	[RESET_STARTED] = { "blankroot_reset_timestamp_seconds", "gauge",
			    "When the reset at this boot began, by the clock of that moment." },
	[RESET_DURATION] = { "blankroot_reset_duration_seconds", "gauge",
			     "How long the reset at this boot took." },
	[RESET_WARNINGS] = { "blankroot_reset_warnings", "gauge",
			     "Warnings of the reset at this boot." },
	[CARRIED_PATHS] = { "blankroot_reset_carried_paths", "gauge",
			    "Persistent paths that the reset at this boot carried." },
	[CARRIED_FILES] = { "blankroot_reset_carried_files", "gauge",
			    "Files that the reset at this boot carried." },
	[CARRIED_BYTES] = { "blankroot_reset_carried_bytes", "gauge",
			    "Bytes of files that the reset at this boot carried." },
	[RETAINED] = { "blankroot_retained_subvolumes", "gauge",
		       "Archives, parked subvolumes and snapshots." },
	[RETAINED_GOOD] = { "blankroot_retained_good_subvolumes", "gauge",
			    "Of them, those whose boot was good." },
	[RETAINED_PINNED] = { "blankroot_retained_pinned_subvolumes", "gauge",
			      "Of them, those that are pinned." },
	[RETAINED_TO_GO] = { "blankroot_retained_expired_subvolumes", "gauge",
			     "Of them, those that the next prune deletes." },
	[RETAINED_OLDEST] = { "blankroot_retained_oldest_timestamp_seconds", "gauge",
			      "When the oldest of them was retired or taken." },
	[RETAINED_NEWEST] = { "blankroot_retained_newest_timestamp_seconds", "gauge",
			      "When the newest of them was retired or taken." },
	[EXCLUSIVE] = { "blankroot_retained_exclusive_bytes", "gauge",
			"Bytes that only archives, parked subvolumes or snapshots hold, by kind." },
	[EXCLUSIVE_TOTAL] = { "blankroot_overhead_bytes", "gauge",
			      "Bytes that archives, parked subvolumes and snapshots hold together "
			      "and nothing else does." },
	[OVERHEAD] = { "blankroot_archives_overhead_ratio", "gauge",
		       "Share of the used bytes that only archives hold." },
	[OVERHEAD_LIMIT] = { "blankroot_archives_overhead_limit_ratio", "gauge",
			     "Share of the used bytes that only archives may hold." },
	[OVERHEAD_COUNTED] = { "blankroot_overhead_timestamp_seconds", "gauge",
			       "When it was counted what archives and snapshots hold." },
	[OVERHEAD_DURATION] = { "blankroot_overhead_duration_seconds", "gauge",
				"How long it took to count that." },
	[OVERHEAD_COMPLETE] = { "blankroot_overhead_complete", "gauge",
				"Whether all of it was counted in the time there was." },
	[TASK_RUNNING] = { "blankroot_task_running", "gauge",
			   "Whether the task runs at the moment." },
	[TASK_STARTED] = { "blankroot_task_last_run_timestamp_seconds", "gauge",
			   "When the last run of the task began." },
	[TASK_SUCCESS] = { "blankroot_task_last_run_success", "gauge",
			   "Whether the last run of the task did not fail." },
	[TASK_DURATION] = { "blankroot_task_last_run_duration_seconds", "gauge",
			    "How long the last run of the task took." },
	[TASK_LAST_SUCCESS] = { "blankroot_task_last_success_timestamp_seconds", "gauge",
				"When the task last ended with success." },
	[TASK_LAST_SUCCESS_DURATION] = { "blankroot_task_last_success_duration_seconds", "gauge",
					 "How long the last run with success took." },
	[TASK_INTERVAL] = { "blankroot_task_interval_seconds", "gauge",
			    "How often the task is scheduled." },
	[TASK_DEADLINE] = { "blankroot_task_deadline_timestamp_seconds", "gauge",
			    "From when on a success of the task is overdue." },
	[SCRUB_STARTED] = { "blankroot_scrub_timestamp_seconds", "gauge",
			    "When the last scrub began, whoever ran it." },
	[SCRUB_FINISHED] = { "blankroot_scrub_finished", "gauge",
			     "Whether the last scrub went to its end." },
	[SCRUB_ERRORS] = { "blankroot_scrub_errors", "gauge",
			   "Errors that the last scrub found, those repaired included." },
	[SCRUB_REPAIRED] = { "blankroot_scrub_repaired_errors", "gauge",
			     "Errors that the last scrub repaired." },
	[FINDINGS] = { "blankroot_check_findings", "gauge",
		       "What the last recorded blankroot check found about the next boot." },
	[FS_SIZE] = { "blankroot_filesystem_size_bytes", "gauge",
		      "Size of the file system, as df counts." },
	[FS_USED] = { "blankroot_filesystem_used_bytes", "gauge",
		      "Used bytes of the file system, as df counts." },
	[FS_AVAILABLE] = { "blankroot_filesystem_available_bytes", "gauge",
			   "Available bytes of the file system, as df counts." },
	[FS_LIMIT] = { "blankroot_filesystem_used_limit_ratio", "gauge",
		       "Share of the file system that may be used." },
	[DEVICES] = { "blankroot_devices", "gauge", "Devices that belong to the file system." },
	[DEVICES_MISSING] = { "blankroot_devices_missing", "gauge",
			      "Devices of the file system that are not there." },
	[DEVICE_SIZE] = { "blankroot_device_size_bytes", "gauge", "Size of a device." },
	[DEVICE_ALLOCATED] = { "blankroot_device_allocated_bytes", "gauge",
			       "Bytes of a device that block groups have." },
	[DEVICE_UNALLOCATED] = { "blankroot_device_unallocated_bytes", "gauge",
				 "Bytes of a device that no block group has." },
	[DEVICE_ERRORS] = { "blankroot_device_errors_total", "counter",
			    "Errors of a device since its counters were reset." },
	[SPACE_ALLOCATED] = { "blankroot_space_allocated_bytes", "gauge",
			      "Bytes of block groups of a type and profile, one copy." },
	[SPACE_USED] = { "blankroot_space_used_bytes", "gauge",
			 "Used bytes in block groups of a type and profile, one copy." },
};

/* Of a name that is no valid UTF-8, or not printable, the readable form: else the whole file would be refused. */
static void put_value(FILE *out, const char *value)
{
	BR_AUTO_FREE char *escaped = malloc(VALUE_MAX);

	if (!escaped)
		return; /* a label without value is better than no metrics */
	(void)br_escape(escaped, VALUE_MAX, value);
	for (const char *c = escaped; *c; c++) {
		if (*c == '"' || *c == '\\')
			(void)fputc('\\', out); /* failures are found in the end */
		(void)fputc(*c, out);
	}
}

static void begin(struct metrics_writer *writer, enum metric metric,
		  const struct metrics_label *labels)
{
	const char *name = families[metric].name;

	if (writer->last != metric)
		(void)fprintf(writer->out, "# HELP %s %s\n# TYPE %s %s\n", name,
			      families[metric].help, name, families[metric].type);
	writer->last = metric;
	(void)fputs(name, writer->out);
	for (size_t i = 0; labels[i].name; i++) {
		(void)fprintf(writer->out, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
		put_value(writer->out, labels[i].value ? labels[i].value : "");
		(void)fputc('"', writer->out);
	}
	if (labels[0].name)
		(void)fputc('}', writer->out);
}

void metrics_write(struct metrics_writer *writer, enum metric metric,
		   const struct metrics_label *labels, uint64_t value)
{
	begin(writer, metric, labels);
	(void)fprintf(writer->out, " %" PRIu64 "\n", value);
}

void metrics_write_usec(struct metrics_writer *writer, enum metric metric,
			const struct metrics_label *labels, uint64_t usec)
{
	begin(writer, metric, labels);
	(void)fprintf(writer->out, " %" PRIu64 ".%06u\n", usec / 1000000,
		      (unsigned)(usec % 1000000));
}

void metrics_write_share(struct metrics_writer *writer, enum metric metric, double share)
{
	begin(writer, metric, NO_LABELS);
	(void)fprintf(writer->out, " %.6f\n", share);
}
