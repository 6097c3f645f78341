/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of blankroot tune, and the same for programs. Its keys are explained in docs/boot-contract.md. */
#include "json.h"
#include "table.h"
#include "text.h"
#include "tune.h"

#include <stdlib.h>
#include <string.h>

#define JSON_VERSION 1

enum column { KNOB, OBJECT, BEFORE, CURRENT, WANTED, FROM, NOTE };

static const struct table_column columns[] = {
	[KNOB] = { .name = "KNOB" },     [OBJECT] = { .name = "OF" },
	[BEFORE] = { .name = "BEFORE" }, [CURRENT] = { .name = "CURRENT" },
	[WANTED] = { .name = "WANTED" }, [FROM] = { .name = "FROM" },
	[NOTE] = { .name = "NOTE" },
};

static void put_value(FILE *out, const struct br_knob *knob, const char *value)
{
	if (!value)
		return;
	if (knob->is_size && *value && value[strspn(value, "0123456789")] == '\0')
		br_text_put_size(out, strtoull(value, NULL, 10));
	else
		(void)fputs(value, out);
}

/* Of the file system its UUID is known by now. */
static const char *object_of(const struct tune_row *row)
{
	bool is_file_system = row->knob->kind == BR_KNOB_BTRFS ||
			      (row->knob->kind == BR_KNOB_MOUNT && row->object[0] != '/');

	return is_file_system ? "file system" : row->object[0] ? row->object : "machine";
}

static void put_note(FILE *out, const struct tune_row *row)
{
	if (row->has_failed)
		(void)fputs("failed: ", out);
	else if (row->was_changed)
		(void)fputs(row->note ? "changed; " : "changed", out);
	(void)fputs(row->note ? row->note : "", out);
}

static void put_cell(FILE *out, const void *data, size_t column)
{
	const struct tune_row *row = data;

	switch ((enum column)column) {
	case KNOB:
		(void)fputs(row->knob->name, out);
		break;
	case OBJECT:
		(void)fputs(object_of(row), out);
		break;
	case BEFORE:
		put_value(out, row->knob, row->before);
		break;
	case CURRENT:
		put_value(out, row->knob, row->current ? row->current : "-");
		break;
	case WANTED:
		put_value(out, row->knob, row->wanted);
		break;
	case FROM:
		(void)fputs(row->source ? row->source : "", out);
		break;
	case NOTE:
		put_note(out, row);
		break;
	}
}

static void put_json(const struct tune_told *told, const struct tune_list *list)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", JSON_VERSION);
	br_json_string(&json, "action", told->action);
	br_json_string(&json, "mode", tune_mode_name(told->mode));
	br_json_bool(&json, "dry_run", told->dry_run);
	br_json_open_array(&json, "knobs");
	for (size_t i = 0; i < list->count; i++) {
		const struct tune_row *row = &list->rows[i];

		br_json_open_object(&json, NULL);
		br_json_string(&json, "knob", row->knob->name);
		br_json_string(&json, "object", row->object);
		br_json_string(&json, "before", row->before);
		br_json_string(&json, "current", row->current);
		br_json_string(&json, "wanted", row->wanted);
		br_json_string(&json, "from", row->source);
		br_json_string(&json, "note", row->note);
		br_json_bool(&json, "changed", row->was_changed);
		br_json_bool(&json, "failed", row->has_failed);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_close_object(&json);
}

static void put_summary(const struct tune_told *told, const struct tune_list *list)
{
	size_t changed = 0, differing = 0, failed = 0;

	for (size_t i = 0; i < list->count; i++) {
		changed += list->rows[i].was_changed;
		differing += tune_row_differs(&list->rows[i]);
		failed += list->rows[i].has_failed;
	}
	(void)printf("\nmode %s: ", tune_mode_name(told->mode));
	if (told->dry_run)
		(void)printf("%zu would be changed\n", differing);
	else if (strcmp(told->action, "show") == 0)
		(void)printf("%zu differ\n", differing);
	else if (failed > 0)
		(void)printf("%zu changed, %zu failed\n", changed, failed);
	else
		(void)printf("%zu changed\n", changed);
}

int tune_print(const struct tune_told *told, const struct tune_list *list, struct br_error *err)
{
	struct table table = {
		.columns = columns,
		.column_count = sizeof(columns) / sizeof(columns[0]),
		.put = put_cell,
		.rows = list->rows,
		.row_size = sizeof(*list->rows),
		.row_count = list->count,
	};
	int r;

	if (told->json) {
		put_json(told, list);
		return 0;
	}
	if ((r = table_print(&table, err)) == 0)
		put_summary(told, list);
	return r;
}
