/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of the boot's reset, boot.json, as docs/boot-contract.md has it. */
#include "boot-report.h"

#include "fields.h"
#include "file.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A path of the configuration takes some 400 bytes; nobody has a hundred thousand of them. */
#define REPORT_MAX (64U << 20)

#define FIELD(kind, structure, member, json_key)             \
	{                                                    \
		.key = (json_key), .type = FIELD_##kind,     \
		.offset = offsetof(struct structure, member) \
	}

static const struct field version_fields[] = {
	{ "version", FIELD_NUMBER, offsetof(struct boot_report, version), true },
	{ 0 },
};

static const struct field report_fields[] = {
	{ "outcome", FIELD_STRING, offsetof(struct boot_report, outcome), true },
	{ "exit_code", FIELD_NUMBER, offsetof(struct boot_report, exit_code), true },
	{ "reason", FIELD_STRING, offsetof(struct boot_report, reason), true },
	FIELD(STRING, boot_report, tool, "tool"),
	FIELD(STRING, boot_report, requested_by, "requested_by"),
	FIELD(STRING_OR_NULL, boot_report, device, "device"),
	FIELD(STRING_OR_NULL, boot_report, filesystem, "filesystem"),
	FIELD(STRING_OR_NULL, boot_report, started, "started"),
	FIELD(NUMBER, boot_report, duration_us, "duration_us"),
	{ 0 },
};

static const struct field error_fields[] = {
	FIELD(STRING, report_error, code, "code"),
	FIELD(NUMBER, report_error, sys_errno, "errno"),
	FIELD(STRING_OR_NULL, report_error, path, "path"),
	FIELD(STRING, report_error, message, "message"),
	{ 0 },
};

static const struct field ephemeral_fields[] = {
	FIELD(STRING, report_ephemeral, name, "name"),
	FIELD(STRING_OR_NULL, report_ephemeral, mountpoint, "mountpoint"),
	FIELD(STRING, report_ephemeral, on_failure, "on_failure"),
	FIELD(STRING_OR_NULL, report_ephemeral, source, "source"),
	FIELD(STRING, report_ephemeral, source_kind, "source_kind"),
	FIELD(NUMBER, report_ephemeral, source_id, "source_id"),
	FIELD(NUMBER, report_ephemeral, old_id, "old_id"),
	FIELD(STRING_OR_NULL, report_ephemeral, archive, "archive"),
	FIELD(BOOLEAN, report_ephemeral, archive_done, "archive_done"),
	{ 0 },
};

static const struct field path_fields[] = {
	FIELD(STRING, report_path, path, "path"),
	FIELD(STRING, report_path, method, "method"),
	FIELD(STRING, report_path, action, "action"),
	FIELD(BOOLEAN, report_path, done, "done"),
	FIELD(NUMBER, report_path, files, "files"),
	FIELD(NUMBER, report_path, directories, "directories"),
	FIELD(NUMBER, report_path, others, "others"),
	FIELD(NUMBER, report_path, hard_links, "hard_links"),
	FIELD(NUMBER, report_path, subvolumes, "subvolumes"),
	FIELD(NUMBER, report_path, bytes_shared, "bytes_shared"),
	FIELD(NUMBER, report_path, bytes_copied, "bytes_copied"),
	FIELD(NUMBER, report_path, duration_us, "duration_us"),
	{ 0 },
};

static const struct field step_fields[] = {
	FIELD(STRING, report_step, step, "step"),
	FIELD(STRING_OR_NULL, report_step, text, "text"),
	FIELD(BOOLEAN, report_step, done, "done"),
	FIELD(NUMBER, report_step, duration_us, "duration_us"),
	{ 0 },
};

static const struct field warning_fields[] = {
	FIELD(STRING, report_warning, code, "code"),
	FIELD(STRING, report_warning, message, "message"),
	{ 0 },
};

/*
 * Read an array of objects into an array of structures.
 *
 * Returns 0 with *elements_ret owned by the caller, also when an element is refused.
 */
static int read_elements(const struct field_reader *reader, const json_t *array, const char *where,
			 const struct field *fields, size_t size, void **elements_ret,
			 size_t *count_ret)
{
	size_t count = json_array_size(array);
	char *elements = calloc(count + 1, size); /* one more: none is no failure */

	*elements_ret = elements;
	if (!elements)
		return br_error_set(reader->err, BR_ERR_NOMEM, ENOMEM, reader->file, NULL);
	*count_ret = count;
	for (size_t i = 0; i < count; i++) {
		char here[128];
		int r;

		(void)snprintf(here, sizeof(here), "%s[%zu].", where, i); /* for messages */
		if (!json_is_object(json_array_get(array, i)) && !reader->lenient)
			return fields_refuse(reader, here, "", "is not an object");
		r = fields_read(reader, json_array_get(array, i), here, fields,
				elements + i * size);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_paths(const struct field_reader *reader, const json_t *ephemeral, size_t i,
		      struct report_ephemeral *out)
{
	void *elements = NULL;
	const json_t *array;
	char where[64];
	int r;

	(void)snprintf(where, sizeof(where), "ephemeral[%zu].", i); /* for messages */
	r = fields_get_array(reader, ephemeral, where, "paths", &array);
	if (r < 0)
		return r;
	(void)snprintf(where, sizeof(where), "ephemeral[%zu].paths", i);
	r = read_elements(reader, array, where, path_fields, sizeof(*out->paths), &elements,
			  &out->path_count);
	out->paths = elements;
	return r;
}

static int read_ephemeral(const struct field_reader *reader, struct boot_report *report)
{
	void *elements = NULL;
	const json_t *array;
	int r = fields_get_array(reader, report->json, "", "ephemeral", &array);

	if (r < 0)
		return r;
	r = read_elements(reader, array, "ephemeral", ephemeral_fields, sizeof(*report->ephemeral),
			  &elements, &report->ephemeral_count);
	report->ephemeral = elements;
	for (size_t i = 0; r == 0 && i < report->ephemeral_count; i++)
		r = read_paths(reader, json_array_get(array, i), i, &report->ephemeral[i]);
	return r;
}

static int read_steps(const struct field_reader *reader, struct boot_report *report)
{
	void *elements = NULL;
	const json_t *array;
	int r = fields_get_array(reader, report->json, "", "steps", &array);

	if (r < 0)
		return r;
	r = read_elements(reader, array, "steps", step_fields, sizeof(*report->steps), &elements,
			  &report->step_count);
	report->steps = elements;
	return r;
}

static int read_dropped(const struct field_reader *reader, struct boot_report *report)
{
	const json_t *array;
	int r = fields_get_array(reader, report->json, "", "dropped_archives", &array);

	if (r < 0)
		return r;
	report->dropped = calloc(json_array_size(array) + 1, sizeof(*report->dropped));
	if (!report->dropped)
		return br_error_set(reader->err, BR_ERR_NOMEM, ENOMEM, reader->file, NULL);
	for (size_t i = 0; i < json_array_size(array); i++) {
		const char *name = json_string_value(json_array_get(array, i));

		if (name)
			report->dropped[report->dropped_count++] = name;
		else if (!reader->lenient)
			return fields_refuse(reader, "dropped_archives", "[]", "is not a string");
	}
	return 0;
}

/* The initramfs may be older than this program, and its report without this key. */
static int read_warnings(const struct field_reader *reader, struct boot_report *report)
{
	void *elements = NULL;
	const json_t *array;
	int r;

	if (!json_object_get(report->json, "warnings"))
		return 0;
	r = fields_get_array(reader, report->json, "", "warnings", &array);
	if (r < 0)
		return r;
	r = read_elements(reader, array, "warnings", warning_fields, sizeof(*report->warnings),
			  &elements, &report->warning_count);
	report->warnings = elements;
	return r;
}

static int read_error(const struct field_reader *reader, struct boot_report *report)
{
	const json_t *error = json_object_get(report->json, "error");

	report->has_error = json_is_object(error);
	if (report->has_error)
		return fields_read(reader, error, "error.", error_fields, &report->error);
	if (!json_is_null(error) && !reader->lenient)
		return fields_refuse(reader, "", "error",
				     error ? "is neither an object nor null" : "is missing");
	return 0;
}

static int read_report(struct field_reader *reader, struct boot_report *report)
{
	int r = fields_read(reader, report->json, "", version_fields, report);

	if (r < 0)
		return r;
	if (report->version == 0)
		return fields_refuse(reader, "", "version", "is 0");
	reader->lenient = report->version > BR_REPORT_VERSION;
	r = fields_read(reader, report->json, "", report_fields, report);
	r = r < 0 ? r : read_error(reader, report);
	r = r < 0 ? r : read_ephemeral(reader, report);
	r = r < 0 ? r : read_steps(reader, report);
	r = r < 0 ? r : read_dropped(reader, report);
	return r < 0 ? r : read_warnings(reader, report);
}

static int parse(const char *path, struct boot_report *report, struct br_error *err)
{
	json_error_t error;

	/* jansson passes over it, other programs do not */
	if (memchr(report->text, '\0', report->size))
		return br_error_set(err, BR_ERR_READ, 0, path, "not valid JSON: a NUL byte");
	report->json = json_loadb(report->text, report->size, JSON_REJECT_DUPLICATES, &error);
	if (!report->json)
		return br_error_set(err, BR_ERR_READ, 0, path, "not valid JSON: line %d: %s",
				    error.line, error.text);
	if (!json_is_object(report->json))
		return br_error_set(err, BR_ERR_READ, 0, path, "not a report: not an object");
	return 0;
}

int boot_report_load(const char *path, struct boot_report *report_ret, struct br_error *err)
{
	struct field_reader reader = { .file = path, .err = err };
	struct boot_report report = { 0 };
	int r = br_file_read(AT_FDCWD, path, REPORT_MAX, &report.text, &report.size, err);

	if (r == 0)
		r = parse(path, &report, err);
	if (r == 0)
		r = read_report(&reader, &report);
	if (r < 0)
		boot_report_free(&report);
	else
		*report_ret = report;
	return r;
}

void boot_report_free(struct boot_report *report)
{
	if (!report)
		return;
	for (size_t i = 0; report->ephemeral && i < report->ephemeral_count; i++)
		free(report->ephemeral[i].paths);
	free(report->ephemeral);
	free(report->steps);
	free(report->dropped);
	free(report->warnings);
	free(report->text);
	json_decref(report->json);
	*report = (struct boot_report){ 0 };
}

bool boot_report_is_good(const struct boot_report *report)
{
	return report->exit_code == 0 || strcmp(report->outcome, "unfinished") == 0;
}
