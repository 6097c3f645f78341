/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot status for programs. The keys are explained in docs/boot-contract.md. */
#include "json.h"
#include "status.h"

#define STATUS_JSON_VERSION 1

static void put_problems(struct br_json *json, const struct status *status)
{
	br_json_open_array(json, "problems");
	for (size_t i = 0; i < status->problem_count; i++) {
		br_json_open_object(json, NULL);
		br_json_string(json, "severity",
			       status->problems[i].is_error ? "error" : "warning");
		br_json_string(json, "message", status->problems[i].text);
		br_json_close_object(json);
	}
	br_json_close_array(json);
}

static void put_boot(struct br_json *json, const struct boot_report *report)
{
	br_json_open_object(json, "boot");
	br_json_bool(json, "good", boot_report_is_good(report));
	br_json_string(json, "outcome", report->outcome);
	br_json_string(json, "reason", report->reason);
	br_json_string(json, "started", report->started);
	br_json_number(json, "duration_us", report->duration_us);
	br_json_close_object(json);
}

static void put_next_boot(struct br_json *json, const struct br_request *request)
{
	static const char *const actions[] = { [BR_REQUEST_NONE] = "reset",
					       [BR_REQUEST_SKIP] = "skip",
					       [BR_REQUEST_FROM] = "from",
					       [BR_REQUEST_INVALID] = "invalid" };

	br_json_open_object(json, "next_boot");
	br_json_string(json, "action", actions[request->kind]);
	br_json_string(json, "archive", request->archive);
	br_json_close_object(json);
}

static void put_filesystem(struct br_json *json, const struct status *status)
{
	const struct br_volume *volume = &status->volume;

	br_json_open_object(json, "filesystem");
	br_json_string(json, "uuid", status->filesystem.device.fsid);
	br_json_string(json, "device", status->filesystem.device.path);
	br_json_number(json, "devices", volume->devices);
	br_json_number(json, "missing", volume->missing);
	br_json_number(json, "errors", volume->errors);
	br_json_number(json, "size", volume->size);
	br_json_number(json, "unallocated", volume->unallocated);
	br_json_number(json, "total", volume->total);
	br_json_number(json, "used", volume->used);
	br_json_number(json, "available", volume->available);
	br_json_close_object(json);
}

static void put_overhead(struct br_json *json, const struct br_overhead *counted)
{
	br_json_open_object(json, "overhead");
	br_json_bool(json, "complete", counted->is_complete);
	br_json_number(json, "bytes", counted->total);
	br_json_number(json, "archives", counted->groups[BR_RETAINED_ARCHIVE]);
	br_json_number(json, "parked", counted->groups[BR_RETAINED_PARKED]);
	br_json_number(json, "snapshots", counted->groups[BR_RETAINED_SNAPSHOT]);
	br_json_close_object(json);
}

static void put_scrub(struct br_json *json, const struct scrub_view *scrub)
{
	if (!scrub->record.exists && !scrub->is_running) {
		br_json_string(json, "scrub", NULL);
		return;
	}
	br_json_open_object(json, "scrub");
	scrub_view_put_json(json, scrub);
	br_json_close_object(json);
}

static void put_snapshots(struct br_json *json, const struct status *status)
{
	static const char *const states[] = { [TIMER_UNKNOWN] = "unknown",
					      [TIMER_INACTIVE] = "inactive",
					      [TIMER_ACTIVE] = "active" };

	if (!status_takes_snapshots(status)) {
		br_json_string(json, "snapshots", NULL);
		return;
	}
	br_json_open_object(json, "snapshots");
	br_json_string(json, "schedule", status->filesystem.config.snapshots.every.text);
	br_json_string(json, "timer", states[status->snapshot.state]);
	if (status->snapshot.next > 0)
		br_json_number(json, "next", status->snapshot.next);
	else
		br_json_string(json, "next", NULL);
	br_json_close_object(json);
}

static void put_group(struct br_json *json, const struct retained_group *group)
{
	struct retained_summary summary;

	retained_summarize(group, &summary);
	br_json_open_object(json, NULL);
	br_json_string(json, "kind", retained_kind_name(group->retained.kind));
	br_json_string(json, "subvolume", group->retained.subvolume);
	br_json_number(json, "count", group->retained.count);
	br_json_number(json, "good", summary.good);
	br_json_number(json, "pinned", summary.pinned);
	br_json_number(json, "to_go", summary.to_go);
	if (summary.has_times) {
		br_json_number(json, "oldest", (uint64_t)summary.oldest);
		br_json_number(json, "newest", (uint64_t)summary.newest);
	}
	br_json_close_object(json);
}

void status_print_json(const struct status *status)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", STATUS_JSON_VERSION);
	br_json_bool(&json, "healthy", status_is_healthy(status));
	put_problems(&json, status);
	if (status->has_report)
		put_boot(&json, &status->report);
	else
		br_json_string(&json, "boot", NULL);
	if (status->has_filesystem) {
		put_next_boot(&json, &status->retained.request);
		put_filesystem(&json, status);
		put_overhead(&json, &status->overhead.counted);
		put_scrub(&json, &status->scrub);
		put_snapshots(&json, status);
		br_json_open_array(&json, "retained");
		for (size_t i = 0; i < status->retained.count; i++)
			put_group(&json, &status->retained.groups[i]);
		br_json_close_array(&json);
		status_jobs_put_json(&json, status->jobs);
	}
	br_json_close_object(&json);
}
