/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.json: docs/boot-contract.md. */
#include "report.h"

#include "json.h"
#include "text.h"
#include "warning.h"

#include <stdlib.h>

static const char *const requesters[] = {
	[BR_REQUESTER_DEFAULT] = "configuration",
	[BR_REQUESTER_CMDLINE] = "kernel-command-line",
	[BR_REQUESTER_ONE_SHOT] = "one-shot-request",
};

static void put_time(struct br_json *json, const char *key, time_t when)
{
	char text[sizeof("+999999999-12-31T23:59:59Z")];
	struct tm utc;

	if (gmtime_r(&when, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		br_json_string(json, key, text);
	else
		br_json_string(json, key, NULL);
}

static void put_error(struct br_json *json, const struct br_error *error)
{
	char message[BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX];

	if (error->code == BR_OK) {
		br_json_string(json, "error", NULL);
		return;
	}
	br_error_format(error, message, sizeof(message));
	br_json_open_object(json, "error");
	br_json_string(json, "code", br_code_name(error->code));
	br_json_number(json, "errno", (uint64_t)error->sys_errno);
	br_json_string(json, "path", error->path[0] ? error->path : NULL);
	br_json_string(json, "message", message);
	br_json_close_object(json);
}

static void put_stats(struct br_json *json, const struct br_step_result *result)
{
	br_json_number(json, "files", result->stats.files);
	br_json_number(json, "directories", result->stats.directories);
	br_json_number(json, "others", result->stats.others);
	br_json_number(json, "hard_links", result->stats.hard_links);
	br_json_number(json, "subvolumes", result->stats.subvolumes);
	br_json_number(json, "bytes_shared", result->stats.bytes_shared);
	br_json_number(json, "bytes_copied", result->stats.bytes_copied);
	br_json_number(json, "duration_us", result->usec);
}

/* The step of this type and path, NULL when the plan has none. */
static const struct br_step *find_step(const struct br_plan *plan, enum br_step_type type,
				       size_t ephemeral, size_t path)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].type == type && plan->steps[i].ephemeral == ephemeral &&
		    plan->steps[i].path == path)
			return &plan->steps[i];
	return NULL;
}

/* As in the configuration. */
static void put_absolute(struct br_json *json, const char *key, const char *path)
{
	char *absolute;

	if (asprintf(&absolute, "/%s", path) < 0)
		absolute = NULL;
	br_json_string(json, key, absolute);
	free(absolute);
}

static void put_path(struct br_json *json, const struct br_reset *reset, size_t ephemeral,
		     size_t path)
{
	const struct br_persist *persist = &reset->config.ephemeral[ephemeral].persist[path];
	const struct br_path_facts *facts = &reset->facts.ephemeral[ephemeral].paths[path];
	const struct br_step *carry = find_step(&reset->plan, BR_STEP_CARRY, ephemeral, path);
	const struct br_step *create = find_step(&reset->plan, BR_STEP_CREATE_PATH, ephemeral,
						 path);
	const struct br_step *step = carry ? carry : create;
	const char *action = carry                               ? "carry"
			     : create                            ? "create"
			     : facts->source != BR_OBJECT_ABSENT ? "keep-from-source"
								 : "absent";
	struct br_step_result none = { 0 };
	const struct br_step_result *result = step && reset->results
						      ? &reset->results[step - reset->plan.steps]
						      : &none;

	br_json_open_object(json, NULL);
	put_absolute(json, "path", persist->path);
	br_json_string(json, "method",
		       persist->method == BR_METHOD_SUBVOLUME ? "subvolume" : "copy");
	br_json_string(json, "action", action);
	br_json_bool(json, "done", !step || result->done);
	put_stats(json, result);
	br_json_close_object(json);
}

static void put_ephemeral(struct br_json *json, const struct br_reset *reset, size_t i)
{
	const struct br_ephemeral_facts *facts = &reset->facts.ephemeral[i];
	const struct br_step *archive = find_step(&reset->plan, BR_STEP_ARCHIVE, i,
						  BR_STEP_NO_INDEX);

	br_json_open_object(json, NULL);
	br_json_string(json, "name", reset->config.ephemeral[i].name);
	br_json_string(json, "mountpoint", reset->config.ephemeral[i].mountpoint);
	br_json_string(json, "on_failure",
		       reset->config.ephemeral[i].on_failure == BR_ON_FAILURE_STOP ? "stop"
										   : "continue");
	br_json_string(json, "source", facts->source_path);
	br_json_string(json, "source_kind", facts->source_is_archive ? "archive" : "blank");
	br_json_number(json, "source_id", facts->source.id);
	br_json_number(json, "old_id", facts->has_old ? facts->old.id : 0);
	br_json_string(json, "archive", archive ? archive->to : NULL);
	br_json_bool(json, "archive_done",
		     archive && reset->results && reset->results[archive - reset->plan.steps].done);
	br_json_open_array(json, "paths");
	for (size_t p = 0; p < reset->config.ephemeral[i].persist_count; p++)
		put_path(json, reset, i, p);
	br_json_close_array(json);
	br_json_close_object(json);
}

static void put_step(struct br_json *json, const struct br_reset *reset, size_t i)
{
	const struct br_step *step = &reset->plan.steps[i];
	char *text = reset->facts.ephemeral || step->type == BR_STEP_USE_REQUEST
			     ? br_step_describe(step, &reset->config, &reset->facts)
			     : NULL;

	br_json_open_object(json, NULL);
	br_json_string(json, "step", br_step_name(step->type));
	br_json_string(json, "text", text);
	br_json_bool(json, "done", reset->results && reset->results[i].done);
	br_json_number(json, "duration_us", reset->results ? reset->results[i].usec : 0);
	br_json_close_object(json);
	free(text);
}

static void put_warnings(struct br_json *json, const struct br_reset *reset)
{
	struct br_warning warning;
	size_t position = 0;

	br_json_open_array(json, "warnings");
	while (br_warning_next(reset, &position, &warning)) {
		char *message = br_text_make(br_warning_put, &warning);

		br_json_open_object(json, NULL);
		br_json_string(json, "code", br_warning_name(warning.type));
		br_json_string(json, "message", message);
		br_json_close_object(json);
		free(message);
	}
	br_json_close_array(json);
}

static void put_arrays(struct br_json *json, const struct br_reset *reset)
{
	br_json_open_array(json, "ephemeral");
	for (size_t i = 0; reset->facts.ephemeral && i < reset->config.ephemeral_count; i++)
		put_ephemeral(json, reset, i);
	br_json_close_array(json);
	br_json_open_array(json, "steps");
	for (size_t i = 0; i < reset->plan.count; i++)
		put_step(json, reset, i);
	br_json_close_array(json);
	br_json_open_array(json, "dropped_archives");
	for (size_t i = 0; i < reset->dropped_count; i++)
		br_json_string(json, NULL, reset->dropped[i]);
	br_json_close_array(json);
	put_warnings(json, reset);
}

struct report {
	const struct br_reset *reset;
	const char *tool;
};

static void put_report(FILE *out, const void *data)
{
	const struct report *report = data;
	const struct br_reset *reset = report->reset;
	struct br_json writer = br_json_start(out), *json = &writer;
	char *line = br_report_line(reset);

	br_json_open_object(json, NULL);
	br_json_number(json, "version", BR_REPORT_VERSION);
	br_json_string(json, "tool", report->tool);
	br_json_string(json, "outcome", br_outcome_name(reset->outcome));
	br_json_number(json, "exit_code", (uint64_t)br_outcome_exit_code(reset->outcome));
	br_json_string(json, "reason", line);
	br_json_string(json, "requested_by", requesters[reset->requester]);
	put_error(json, &reset->error);
	br_json_string(json, "device", reset->device.path);
	br_json_string(json, "filesystem", reset->device.path ? reset->device.fsid : NULL);
	put_time(json, "started", reset->started);
	br_json_number(json, "duration_us", reset->usec);
	put_arrays(json, reset);
	br_json_close_object(json);
	free(line);
}

char *br_report_json(const struct br_reset *reset, const char *tool)
{
	return br_text_make(put_report, &(struct report){ reset, tool });
}
