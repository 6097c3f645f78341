/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the scrub that runs, or of the last one. */
#include "scrub-view.h"

#include "table.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct scrub_device_record nothing;

static const struct scrub_device_record *record_of(const struct scrub_view *view,
						   const struct scrub_device *device)
{
	const struct scrub_device_record *record = scrub_record_find(&view->record, device->devid);

	return record ? record : &nothing;
}

static int look_at_kernel(int top, struct scrub_view *view, struct br_error *err)
{
	int is_busy = scrub_devices_are_busy(top, &view->devices, err);

	if (is_busy <= 0)
		return is_busy;
	for (size_t i = 0; i < view->devices.count; i++) {
		struct scrub_device *device = &view->devices.list[i];
		int r = scrub_devices_progress(top, device->devid, &device->progress, err);

		if (r < 0)
			return r;
		device->is_busy = r > 0;
		view->is_running |= device->is_busy;
	}
	return 0;
}

/* The record is a few seconds old. Of a part that was resumed the kernel does not know what was before. */
static void bring_up_to_date(struct scrub_view *view, const struct scrub_device *device)
{
	for (size_t i = 0; device->is_busy && i < view->record.count; i++) {
		struct scrub_device_record *record = &view->record.devices[i];

		if (record->devid == device->devid && record->resumed == 0 &&
		    device->progress.last_physical > record->progress.last_physical)
			record->progress = device->progress;
	}
}

/* The kernel comes first: a scrub that it knows of has a record already, not that of the one before. */
int scrub_view_read(const char *dir, int top, const char *fsid, struct scrub_view *ret,
		    struct br_error *err)
{
	struct scrub_view view = { 0 };
	int r;

	if ((r = scrub_devices_read(top, &view.devices, err)) < 0 ||
	    (r = look_at_kernel(top, &view, err)) < 0 ||
	    (r = scrub_record_read(dir, top, fsid, &view.record, err)) < 0) {
		scrub_view_free(&view);
		return r;
	}
	for (size_t i = 0; i < view.devices.count; i++)
		bring_up_to_date(&view, &view.devices.list[i]);
	scrub_record_sum_up(&view.record);
	*ret = view;
	return 0;
}

const char *scrub_view_state(const struct scrub_view *view)
{
	if (view->is_running)
		return "running";
	if (!view->record.exists)
		return "never";
	return view->record.is_finished ? "finished" : "interrupted";
}

double scrub_view_part(const struct scrub_view *view)
{
	if (view->devices.total == 0)
		return -1;
	if (view->record.scrubbed >= view->devices.total)
		return 1;
	return (double)view->record.scrubbed / (double)view->devices.total;
}

void scrub_view_put_errors(FILE *out, uint64_t errors, uint64_t repaired)
{
	if (errors == 0) {
		(void)fputs("no errors", out);
		return;
	}
	br_text_put_count(out, errors);
	(void)fputs(errors == 1 ? " error, " : " errors, ", out);
	br_text_put_count(out, repaired);
	(void)fputs(errors == 1 ? " repaired" : " of them repaired", out);
}

/* --- devices --- */

static const char *state_of(const struct scrub_view *view, const struct scrub_device *device)
{
	const struct scrub_device_record *record = record_of(view, device);

	if (device->path[0] == '\0')
		return "missing";
	if (device->is_busy)
		return "running";
	if (record->devid == 0)
		return "never";
	if (!scrub_device_record_is_unfinished(record))
		return "finished";
	return view->is_running || record->started == 0 ? "waiting" : "interrupted";
}

static uint64_t scrubbed(const struct scrub_device_record *record)
{
	return record->progress.data_bytes_scrubbed + record->progress.tree_bytes_scrubbed;
}

struct row {
	const struct scrub_view *view;
	const struct scrub_device *device;
};

static void put_cell(FILE *out, const void *data, size_t column)
{
	const struct row *row = data;
	const struct scrub_device_record *record = record_of(row->view, row->device);
	const struct btrfs_scrub_progress *progress = &record->progress;
	const uint64_t numbers[] = { progress->read_errors,      progress->csum_errors,
				     progress->verify_errors,    progress->super_errors,
				     progress->corrected_errors, progress->uncorrectable_errors };

	switch (column) {
	case 0:
		(void)fprintf(out, "%" PRIu64, row->device->devid);
		break;
	case 1:
		(void)fputs(row->device->path[0] ? row->device->path : "-", out);
		break;
	case 2:
		(void)fputs(state_of(row->view, row->device), out);
		break;
	case 3:
		br_text_put_size(out, scrubbed(record));
		break;
	default:
		br_text_put_count(out, numbers[column - 4]);
	}
}

int scrub_view_print_devices(const struct scrub_view *view, struct br_error *err)
{
	static const struct table_column columns[] = {
		{ "ID", true },       { "DEVICE", false },
		{ "STATE", false },   { "SCRUBBED", true },
		{ "READ", true },     { "CSUM", true },
		{ "VERIFY", true },   { "SUPER", true },
		{ "REPAIRED", true }, { "UNCORRECTABLE", true },
	};
	struct row *rows = calloc(view->devices.count + 1, sizeof(*rows));
	int r;

	if (!rows)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; i < view->devices.count; i++)
		rows[i] = (struct row){ view, &view->devices.list[i] };
	r = table_print(&(struct table){ columns, sizeof(columns) / sizeof(columns[0]), put_cell,
					 rows, sizeof(*rows), view->devices.count, false },
			err);
	free(rows);
	return r;
}

/* --- for programs --- */

static void put_device(struct br_json *json, const struct scrub_view *view,
		       const struct scrub_device *device)
{
	const struct scrub_device_record *record = record_of(view, device);
	const struct btrfs_scrub_progress *progress = &record->progress;

	br_json_open_object(json, NULL);
	br_json_number(json, "id", device->devid);
	br_json_string(json, "path", device->path[0] ? device->path : NULL);
	br_json_string(json, "state", state_of(view, device));
	br_json_number(json, "scrubbed", scrubbed(record));
	br_json_number(json, "position", progress->last_physical);
	br_json_number(json, "duration", record->duration);
	br_json_number(json, "read_errors", progress->read_errors);
	br_json_number(json, "csum_errors", progress->csum_errors);
	br_json_number(json, "verify_errors", progress->verify_errors);
	br_json_number(json, "super_errors", progress->super_errors);
	br_json_number(json, "repaired", progress->corrected_errors);
	br_json_number(json, "uncorrectable", progress->uncorrectable_errors);
	br_json_close_object(json);
}

void scrub_view_put_json(struct br_json *json, const struct scrub_view *view)
{
	const struct scrub_record *record = &view->record;

	br_json_string(json, "state", scrub_view_state(view));
	if (record->started > 0)
		br_json_number(json, "started", record->started);
	else
		br_json_string(json, "started", NULL);
	br_json_bool(json, "running", view->is_running);
	br_json_bool(json, "finished", record->is_finished && !view->is_running);
	br_json_number(json, "last_active", record->last_active);
	br_json_number(json, "duration", record->duration);
	br_json_number(json, "scrubbed", record->scrubbed);
	br_json_number(json, "total", view->devices.total);
	br_json_number(json, "errors", record->errors);
	br_json_number(json, "repaired", record->repaired);
	br_json_number(json, "uncorrectable", record->uncorrectable);
	br_json_open_array(json, "devices");
	for (size_t i = 0; i < view->devices.count; i++)
		put_device(json, view, &view->devices.list[i]);
	br_json_close_array(json);
}

void scrub_view_free(struct scrub_view *view)
{
	if (!view)
		return;
	scrub_devices_free(&view->devices);
	scrub_record_free(&view->record);
	*view = (struct scrub_view){ 0 };
}
