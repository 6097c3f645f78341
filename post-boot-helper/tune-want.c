/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything there is to tune, and what mode and configuration want of it. */
#include "cleanup.h"
#include "tune.h"

#include <stdlib.h>
#include <string.h>

struct want {
	const struct tune_facts *facts;
	const struct br_config *config;
	enum br_performance mode;
	struct tune_list list;
};

static bool is_knob(const struct tune_row *row, const char *name)
{
	return strcmp(row->knob->name, name) == 0;
}

/* --- what is not as the mode takes it to be --- */

static uint64_t number_of(const char *text)
{
	return strtoull(text, NULL, 10);
}

/* Values that are only raised, and ways that others are better than. NULL: go on. */
static const char *reason_to_leave(const struct want *want, const struct tune_row *row,
				   const char *value)
{
	const struct br_knob *dynamic = br_knob_find("btrfs.dynamic_reclaim");
	const struct tune_row *other;

	if (is_knob(row, "vm.min_free_kbytes") && number_of(row->current) > number_of(value))
		return "is more already";
	if (is_knob(row, "btrfs.discard_iops_limit") &&
	    (number_of(row->current) == 0 || number_of(row->current) > number_of(value)))
		return "is more already";
	if (is_knob(row, "btrfs.bg_reclaim_threshold") &&
	    (other = tune_list_find(&want->list, dynamic, row->object)) && other->current)
		return "dynamic_reclaim does better";
	if (!tune_is_offered(row->knob, row->object, value))
		return "this kernel does not offer it";
	return NULL;
}

static int want_mode(struct want *want, struct tune_row *row, const struct tune_disk *disk,
		     struct br_error *err)
{
	const char *value, *reason;
	char buf[32];

	value = tune_mode_value(want->mode, row->knob, want->facts, disk, buf);
	if (!value || !row->current)
		return 0;
	reason = reason_to_leave(want, row, value);
	if (reason)
		return tune_set_text(&row->note, reason, err);
	if (tune_set_text(&row->wanted, value, err) < 0)
		return err->code;
	return tune_set_text(&row->source, tune_mode_name(want->mode), err);
}

/* --- what the configuration says --- */

static int set_source(struct tune_row *row, const struct br_origin *origin, struct br_error *err)
{
	BR_AUTO_FREE char *source = NULL;

	if (asprintf(&source, "%s:%u", origin->file, origin->line) < 0) {
		source = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	return tune_set_text(&row->source, source, err);
}

static int override(struct want *want, struct tune_row *row, struct br_error *err)
{
	const struct br_tuning_list *set = &want->config->tuning.set;
	struct br_knob_setting setting;
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->count; i++) {
		if (br_knob_parse(set->items[i].text, &setting) || setting.knob != row->knob)
			continue;
		if (row->current && !tune_is_offered(row->knob, row->object, setting.value) &&
		    strcmp(setting.value, BR_KNOB_KEEP) != 0)
			return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
					    "%s:%u: \"%s\": this kernel does not offer it for %s",
					    set->items[i].origin.file, set->items[i].origin.line,
					    set->items[i].text, row->object);
		r = tune_set_text(&row->wanted,
				  strcmp(setting.value, BR_KNOB_KEEP) == 0 ? NULL : setting.value,
				  err);
		if (r == 0)
			r = tune_set_text(&row->note, NULL, err);
		if (r == 0)
			r = set_source(row, &set->items[i].origin, err);
	}
	return r;
}

/* --- rows --- */

static int add(struct want *want, const struct br_knob *knob, const char *object,
	       const struct tune_disk *disk, struct br_error *err)
{
	struct tune_row *row = tune_list_add(&want->list, knob, object, err);
	int r;

	if (!row)
		return err->code;
	if ((r = tune_read(want->facts, knob, object, &row->current, err)) < 0 ||
	    (r = want_mode(want, row, disk, err)) < 0)
		return r;
	if (want->mode != BR_PERFORMANCE_NONE && (r = override(want, row, err)) < 0)
		return r;
	if (!row->current && !row->note)
		return tune_set_text(&row->note,
				     knob->kind == BR_KNOB_MOUNT ? "the file system is not mounted"
								 : "this kernel does not have it",
				     err);
	return 0;
}

static int add_mounts(struct want *want, const struct br_knob *knob, struct br_error *err)
{
	int r = 0;

	if (!tune_mount_is_single(knob))
		return add(want, knob, want->facts->fsid, NULL, err);
	for (size_t i = 0; r == 0 && i < want->facts->mount_count; i++)
		if (!tune_list_find(&want->list, knob, want->facts->mounts.mounts[i].target))
			r = add(want, knob, want->facts->mounts.mounts[i].target, NULL, err);
	return r;
}

static int add_disks(struct want *want, const struct br_knob *knob, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->facts->disk_count; i++)
		r = add(want, knob, want->facts->disks[i].name, &want->facts->disks[i], err);
	return r;
}

/* origin NULL: the mode knows it, and it is passed over where it is not */
static int add_directory(struct want *want, const struct br_knob *knob, const char *path,
			 const struct br_origin *origin, struct br_error *err)
{
	bool is_nodatacow = strcmp(knob->name, "directory.nodatacow") == 0;
	struct tune_row *row;
	int r;

	if (!(row = tune_list_add(&want->list, knob, path, err)))
		return err->code;
	if ((r = tune_read(want->facts, knob, path, &row->current, err)) < 0)
		return r;
	if (!row->current && !origin) {
		free(row->object);
		want->list.count--;
		return 0;
	}
	if ((r = tune_set_text(&row->wanted, is_nodatacow ? "yes" : "zstd", err)) < 0 ||
	    (r = tune_set_text(&row->note,
			       row->current ? "for new files only"
					    : "is no directory of this file system",
			       err)) < 0)
		return r;
	return origin ? set_source(row, origin, err)
		      : tune_set_text(&row->source, tune_mode_name(want->mode), err);
}

static bool is_kept(const struct want *want, const struct br_knob *knob)
{
	const struct br_tuning_list *set = &want->config->tuning.set;
	struct br_knob_setting setting;
	bool kept = false;

	for (size_t i = 0; i < set->count; i++)
		if (!br_knob_parse(set->items[i].text, &setting) && setting.knob == knob)
			kept = strcmp(setting.value, BR_KNOB_KEEP) == 0 ||
			       strcmp(setting.value, "no") == 0;
	return kept;
}

static int add_directories(struct want *want, const struct br_knob *knob, struct br_error *err)
{
	const struct br_tuning_policy *tuning = &want->config->tuning;
	const struct br_tuning_list *list = strcmp(knob->name, "directory.nodatacow") == 0
						    ? &tuning->nodatacow
						    : &tuning->compress;
	const char *const *known = tune_mode_directories(want->mode, knob);
	int r = 0;

	if (want->mode == BR_PERFORMANCE_NONE || is_kept(want, knob))
		return 0;
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = add_directory(want, knob, list->items[i].text, &list->items[i].origin, err);
	for (; r == 0 && list->count == 0 && *known; known++)
		r = add_directory(want, knob, *known, NULL, err);
	return r;
}

/* --- what does not go together --- */

static const struct tune_row *find_wanted(const struct want *want, const char *name)
{
	const struct tune_row *row = tune_list_find(&want->list, br_knob_find(name), "");

	return row && row->wanted ? row : NULL;
}

static int check_dirty(const struct want *want, struct br_error *err)
{
	const struct tune_row *low = find_wanted(want, "vm.dirty_background_bytes");
	const struct tune_row *high = find_wanted(want, "vm.dirty_bytes");

	if (!low || !high || !br_knob_dirty_is_reversed(low->wanted, high->wanted))
		return 0;
	return br_error_set(err, BR_ERR_CONFIG, 0, NULL,
			    "%s=%s (%s) is above %s=%s (%s), at which writers have to wait",
			    low->knob->name, low->wanted, low->source, high->knob->name,
			    high->wanted, high->source);
}

/* A directory that is compressed cannot be nodatacow, and the other way round: what the mode has of it is left. */
static int check_directory(const struct want *want, struct tune_row *row, struct br_error *err)
{
	bool is_nodatacow = is_knob(row, "directory.nodatacow");
	const struct br_knob *other = br_knob_find(is_nodatacow ? "directory.compress"
								: "directory.nodatacow");
	BR_AUTO_FREE char *is = NULL;
	int r = tune_read(want->facts, other, row->object, &is, err);

	if (r < 0 || !is || strcmp(is, "no") == 0)
		return r;
	if (strcmp(row->source, tune_mode_name(want->mode)) != 0)
		return br_error_set(
			err, BR_ERR_CONFIG, 0, row->object,
			"%s: it has %s=%s, and what is not copied on write is not "
			"compressed; 'blankroot tune --reset' or chattr(1) takes it back",
			row->source, other->name, is);
	r = tune_set_text(&row->wanted, NULL, err);
	return r < 0 ? r
		     : tune_set_text(&row->note,
				     is_nodatacow ? "is to be compressed" : "is nodatacow", err);
}

static int check(const struct want *want, struct br_error *err)
{
	int r = check_dirty(want, err);

	for (size_t i = 0; r == 0 && i < want->list.count; i++)
		if (want->list.rows[i].knob->kind == BR_KNOB_DIRECTORY &&
		    want->list.rows[i].current && want->list.rows[i].wanted)
			r = check_directory(want, &want->list.rows[i], err);
	return r;
}

static int add_knob(struct want *want, const struct br_knob *knob, struct br_error *err)
{
	switch (knob->kind) {
	case BR_KNOB_MOUNT:
		return add_mounts(want, knob, err);
	case BR_KNOB_QUEUE:
		return add_disks(want, knob, err);
	case BR_KNOB_DIRECTORY:
		return add_directories(want, knob, err);
	default:
		return add(want, knob, knob->kind == BR_KNOB_BTRFS ? want->facts->fsid : "", NULL,
			   err);
	}
}

int tune_want(const struct tune_facts *facts, const struct br_config *config,
	      enum br_performance mode, struct tune_list *ret, struct br_error *err)
{
	struct want want = { .facts = facts, .config = config, .mode = mode };
	int r = 0;

	for (const struct br_knob *knob = br_knobs; r == 0 && knob->name; knob++)
		r = add_knob(&want, knob, err);
	if (r == 0)
		r = check(&want, err);
	if (r < 0) {
		tune_list_free(&want.list);
		return r;
	}
	*ret = want.list;
	return 0;
}
