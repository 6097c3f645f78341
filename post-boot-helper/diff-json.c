/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes as JSON. */
#include "diff.h"
#include "json.h"

#define DIFF_JSON_VERSION 1

static void put_what(struct br_json *json, const struct br_change *change)
{
	br_json_bool(json, "content", change->what & BR_CHANGED_CONTENT);
	br_json_bool(json, "mode", change->what & BR_CHANGED_MODE);
	br_json_bool(json, "owner", change->what & BR_CHANGED_OWNER);
	br_json_bool(json, "time", change->what & BR_CHANGED_TIME);
	br_json_bool(json, "xattrs", change->what & BR_CHANGED_XATTR);
	br_json_bool(json, "flags", change->what & BR_CHANGED_FLAGS);
}

static void put_change(struct br_json *json, const struct br_change *change)
{
	static const char *const kinds[] = { "created", "deleted", "changed", "renamed" };

	br_json_open_object(json, NULL);
	br_json_string(json, "kind", kinds[change->kind]);
	br_json_string(json, "path", change->path);
	if (change->kind == BR_CHANGE_RENAMED)
		br_json_string(json, "renamed_from", change->from);
	if (change->kind != BR_CHANGE_CREATED) {
		br_json_string(json, "old_type", diff_type_name(change->old_mode));
		br_json_number(json, "old_size", change->old_size);
	}
	if (change->kind != BR_CHANGE_DELETED) {
		br_json_string(json, "type", diff_type_name(change->mode));
		br_json_number(json, "size", change->size);
	}
	if (change->kind == BR_CHANGE_CHANGED || change->kind == BR_CHANGE_RENAMED) {
		put_what(json, change);
	} else {
		br_json_bool(json, "subvolume", change->is_subvolume);
		br_json_bool(json, "link", change->is_link);
	}
	br_json_bool(json, "replaced", change->is_replaced);
	br_json_close_object(json);
}

static void put_total(struct br_json *json, const struct diffs *diffs)
{
	struct diff_total total = { 0 };

	diff_total_add_all(&total, diffs);
	br_json_open_object(json, "total");
	br_json_number(json, "created", total.created);
	br_json_number(json, "created_bytes", total.created_bytes);
	br_json_number(json, "changed", total.content);
	br_json_number(json, "changed_bytes", total.content_bytes);
	br_json_number(json, "attributes", total.attributes);
	br_json_number(json, "renamed", total.renamed);
	br_json_number(json, "deleted", total.deleted);
	br_json_close_object(json);
}

void diff_print_json(FILE *out, const struct diffs *diffs)
{
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", DIFF_JSON_VERSION);
	br_json_open_array(&json, "ephemeral");
	for (size_t i = 0; i < diffs->count; i++) {
		const struct diff *diff = &diffs->items[i];

		br_json_open_object(&json, NULL);
		br_json_string(&json, "subvolume", diff->ephemeral->name);
		br_json_string(&json, "mountpoint", diff->ephemeral->mountpoint);
		br_json_string(&json, "from", diff->from);
		br_json_string(&json, "of", diff->of);
		br_json_bool(&json, "related", diff->changes.is_related);
		br_json_open_array(&json, "changes");
		for (size_t k = 0; k < diff->changes.count; k++)
			put_change(&json, &diff->changes.changes[k]);
		br_json_close_array(&json);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	put_total(&json, diffs);
	br_json_close_object(&json);
}
