/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot init: carrying the steps out. What is made is in the record before it has its place, and each step is on the
 * disk before the next begins.
 */
#include "init-look.h"

#include "audit.h"
#include "beneath.h"
#include "cleanup.h"
#include "copy.h"
#include "file-leftovers.h"
#include "marking.h"
#include "name.h"
#include "private-dir.h"
#include "record.h"
#include "retained.h"
#include "snapshot-take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define STAGING INIT_STAGING_NAME
#define COMMENT "before blankroot init"

struct work {
	const struct init_system *system;
	struct init_plan *plan;
	struct init_record *record;
	int state; /* BR_STATE_DIR */
};

/* --- directories --- */

/* What is not there yet is init's, also when it is killed before it is there. */
static int note_directory(const struct work *work, const char *path, struct br_error *err)
{
	if (init_exists(work->system->top, path))
		return 0;
	return init_record_add_made(work->record, path, NULL, err);
}

/* The record is in it: one with nothing in it, and no notes of a reset on it, was made for a record that is not there yet. */
static int note_state_directory(const struct work *work, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(work->system->top, BR_STATE_DIR,
				      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	bool is_empty = false;
	int r = init_look_empty(work->system->top, BR_STATE_DIR, &is_empty, err);

	if (r < 0)
		return r;
	if (fd >= 0 && is_empty && flistxattr(fd, NULL, 0) == 0)
		return init_record_add_made(work->record, BR_STATE_DIR, NULL, err);
	return note_directory(work, BR_STATE_DIR, err);
}

static int clear_in(int dir, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_open_beneath(dir, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (r < 0)
		return init_is_missing(err) ? 0 : r;
	return br_file_clear_leftovers(fd, err);
}

int init_clear_leftovers(const struct init_system *system, struct br_error *err)
{
	BR_AUTO_CLOSE int root = -1;
	int r = clear_in(system->top, BR_STATE_DIR, err);

	if (r < 0)
		return r;
	if ((r = init_open_target(system, &root, err)) < 0)
		return init_is_missing(err) ? 0 : r; /* it has not moved yet */
	if ((r = clear_in(root, "etc", err)) < 0 || (r = clear_in(root, "etc/default", err)) < 0 ||
	    (r = clear_in(root, "etc/kernel", err)) < 0 ||
	    (r = clear_in(root, "boot/grub", err)) < 0 ||
	    (r = clear_in(root, "boot/grub2", err)) < 0)
		return r;
	return clear_in(root, "boot/loader/entries", err);
}

static int make_directory(const struct work *work, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = note_directory(work, path, err)) < 0 ||
	    (r = init_record_save(work->system->top, work->record, err)) < 0 ||
	    (r = br_private_dir_open(work->system->top, path, &fd, err)) < 0)
		return r;
	return br_subvol_commit(work->system->top, err);
}

/* --- the snapshot for safety --- */

static int take_snapshot(const struct work *work, const char *name, int dir, struct br_error *err)
{
	const struct init_system *system = work->system;
	struct br_snapshot_source source = { .subvolume = system->name,
					     .fd = system->fd,
					     .subvol = system->subvol };
	BR_AUTO_FREE char *copy = strdup(name);
	BR_AUTO_CLOSE int fd = -1;
	int r;

	source.name = copy;
	if (!copy)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (!init_exists(dir, name) && (r = br_snapshot_take(&source, dir, COMMENT, err)) < 0)
		return r;
	if ((r = br_subvol_open(dir, name, &fd, NULL, err)) < 0)
		return r;
	return br_marking_pin(system->top, fd, true, err);
}

static int do_snapshot(const struct work *work, const char *path, struct br_error *err)
{
	const char *name = strrchr(path, '/') + 1;
	BR_AUTO_CLOSE int dir = -1;
	int r;

	if ((r = make_directory(work, BR_SNAPSHOTS_DIR, err)) < 0 ||
	    (r = br_snapshot_clear_unfinished(work->system->top, err)) < 0 ||
	    (r = br_private_dir_open(work->system->top, BR_SNAPSHOTS_DIR, &dir, err)) < 0)
		return r;
	return take_snapshot(work, name, dir, err);
}

/* --- subvolumes --- */

static int drop_staging(const struct work *work, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(work->state, STAGING, &fd, &subvol, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	return br_subvol_delete_tree(work->state, STAGING, subvol.id, err);
}

/* Put what was prepared in its place; it is in the record before. */
static int put_staging(const struct work *work, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if ((r = br_subvol_open(work->state, STAGING, &fd, &subvol, err)) < 0 ||
	    (r = br_subvol_commit(fd, err)) < 0 ||
	    (r = init_record_add_made(work->record, path, subvol.uuid, err)) < 0 ||
	    (r = init_record_save(work->system->top, work->record, err)) < 0)
		return r;
	if (renameat2(work->state, STAGING, work->system->top, path, RENAME_NOREPLACE) != 0)
		return br_error_set(err, BR_ERR_RENAME, errno, path, NULL);
	return br_subvol_commit(work->system->top, err);
}

/* What is blankroot's own stays in the top level, and so do its snapshots. */
static int clear_moved(const struct work *work, struct br_error *err)
{
	static const char *const own[] = { BR_STATE_DIR, BR_SNAPSHOTS_DIR, INIT_ARCHIVES };
	BR_AUTO_CLOSE int fd = -1;
	int r = br_subvol_open(work->state, STAGING, &fd, NULL, err);

	for (size_t i = 0; r == 0 && i < sizeof(own) / sizeof(own[0]); i++)
		r = br_remove_tree(fd, own[i], err);
	return r;
}

/* A snapshot has a place-holder where a subvolume was, in which nothing can be: the mount point is a directory. */
static int make_mount_point(int root, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int parent = -1;
	const char *name;
	int r = br_open_parent(root, path + 1, &parent, &name, err);

	if (r < 0)
		return r;
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0 || mkdirat(parent, name, 0755) != 0)
		return br_error_set(err, BR_ERR_CREATE, errno, path, NULL);
	return 0;
}

static int make_mount_points(const struct work *work, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_subvol_open(work->state, STAGING, &fd, NULL, err);

	for (size_t i = 0; r == 0 && i < work->plan->nested.count; i++)
		r = make_mount_point(fd, work->plan->nested.paths[i], err);
	return r;
}

static int do_move(const struct work *work, const char *path, struct br_error *err)
{
	int r;

	if ((r = drop_staging(work, err)) < 0 ||
	    (r = br_subvol_snapshot(work->system->fd, work->state, STAGING, err)) < 0 ||
	    (r = clear_moved(work, err)) < 0 || (r = make_mount_points(work, err)) < 0)
		return r;
	return put_staging(work, path, err);
}

/* --- the blank --- */

static bool is_wanted(const char *path, const void *data)
{
	const struct init_keeps *keeps = data;

	for (size_t i = 0; i < keeps->count; i++) {
		const char *kept = keeps->keeps[i].persist.path;
		size_t length = strlen(kept);

		if (strncmp(path, kept, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return false;
	}
	return true;
}

static int prepare_blank(const struct work *work, struct br_error *err)
{
	const struct br_subvol_filter filter = { is_wanted, &work->plan->keeps };
	BR_AUTO_CLOSE int source = -1;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = drop_staging(work, err)) < 0 ||
	    (r = init_open_target(work->system, &source, err)) < 0 ||
	    (r = br_subvol_snapshot(source, work->state, STAGING, err)) < 0 ||
	    (r = br_subvol_open(work->state, STAGING, &fd, NULL, err)) < 0 ||
	    (r = br_subvol_snapshot_nested(source, fd, &filter, NULL, err)) < 0)
		return r;
	return br_record_clear_marks(fd, err);
}

/* One that is there is of an interrupted run, or an empty one of init --format. */
static int drop_empty(const struct work *work, const char *path, struct br_error *err)
{
	struct br_subvol subvol;
	bool is_empty = false;
	int r = init_look_empty(work->system->top, path, &is_empty, err);

	if (r < 0)
		return r;
	if (!is_empty || !init_is_ours(work->system->top, work->record, path, &subvol))
		return 0;
	return br_subvol_delete_tree(work->system->top, path, subvol.id, err);
}

static int do_blank(const struct work *work, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = drop_empty(work, path, err);

	if (r < 0)
		return r;
	if (!init_exists(work->system->top, path) &&
	    ((r = prepare_blank(work, err)) < 0 || (r = put_staging(work, path, err)) < 0))
		return r;
	if ((r = br_subvol_open(work->system->top, path, &fd, NULL, err)) < 0 ||
	    (r = br_subvol_set_read_only(fd, true, err)) < 0)
		return r;
	return br_subvol_commit(work->system->top, err);
}

/* --- files --- */

static int do_file(const struct work *work, const struct init_step *step, struct br_error *err)
{
	BR_AUTO_CLOSE int root = -1;
	int r;

	if ((r = init_open_target(work->system, &root, err)) < 0 ||
	    (r = init_record_add_file(work->record, step->path, step->kept, step->text, err)) < 0 ||
	    (r = init_record_save(work->system->top, work->record, err)) < 0 ||
	    (r = init_file_write(root, step, err)) < 0)
		return r;
	return br_subvol_commit(work->system->top, err);
}

/* --- the default subvolume --- */

static int do_default(const struct work *work, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	work->record->default_id = work->system->default_id;
	if ((r = init_record_save(work->system->top, work->record, err)) < 0 ||
	    (r = br_subvol_open(work->system->top, path, &fd, &subvol, err)) < 0 ||
	    (r = br_subvol_set_default(fd, subvol.id, err)) < 0)
		return r;
	return br_subvol_commit(work->system->top, err);
}

/* --- all --- */

int init_open_target(const struct init_system *system, int *fd_ret, struct br_error *err)
{
	return br_subvol_open(system->top, system->name, fd_ret, NULL, err);
}

static int do_step(const struct work *work, const struct init_step *step, struct br_error *err)
{
	switch (step->kind) {
	case INIT_STEP_SNAPSHOT:
		return do_snapshot(work, step->path, err);
	case INIT_STEP_DIRECTORY:
		return make_directory(work, step->path, err);
	case INIT_STEP_MOVE:
		return do_move(work, step->path, err);
	case INIT_STEP_FILE:
		return do_file(work, step, err);
	case INIT_STEP_DEFAULT:
		return do_default(work, step->path, err);
	case INIT_STEP_BLANK:
		return do_blank(work, step->path, err);
	}
	return br_error_set(err, BR_ERR_USAGE, 0, step->path, NULL);
}

/* By what somebody has changed it is known later whether it may be taken back. */
static int note_states(const struct work *work, bool is_done, struct br_error *err)
{
	bool is_changed = is_done;

	for (size_t i = 0; i < work->record->made_count; i++) {
		struct init_made *made = &work->record->made[i];
		BR_AUTO_CLOSE int fd = -1;
		struct br_subvol subvol;
		int r;

		if (!made->uuid[0])
			continue;
		r = br_subvol_open(work->system->top, made->path, &fd, &subvol, err);
		if (r < 0 && err->sys_errno == ENOENT)
			continue; /* an interrupted run did not come as far as to put it there */
		if (r < 0)
			return r;
		is_changed |= made->changed != subvol.ctransid;
		made->changed = subvol.ctransid;
	}
	work->record->is_done = is_done;
	return is_changed ? init_record_save(work->system->top, work->record, err) : 0;
}

/* What init --format made is a system by now: only the blank is still init's to take back. */
static void forget_format(struct init_record *record, const char *blank)
{
	size_t left = 0;

	for (size_t i = 0; i < record->made_count; i++) {
		if (strcmp(record->made[i].path, blank) == 0) {
			record->made[left++] = record->made[i];
			continue;
		}
		free(record->made[i].path);
		free(record->made[i].uuid);
	}
	record->made_count = left;
}

/* A new one, or one of --format, in which there was no system yet. */
static int begin_record(const struct work *work, struct br_error *err)
{
	struct init_record *record = work->record;
	char uuid[INIT_UUID_SIZE];

	init_uuid_text(work->system->subvol.uuid, uuid);
	if (record->exists)
		forget_format(record, work->system->blank);
	free(record->root);
	free(record->root_uuid);
	free(record->snapshot);
	record->root = strdup(work->system->subvolume);
	record->root_uuid = strdup(uuid);
	record->snapshot = strdup("");
	if (!record->root || !record->root_uuid || !record->snapshot)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return record->exists ? 0 : note_state_directory(work, err);
}

static int begin(const struct work *work, struct br_error *err)
{
	struct init_record *record = work->record;
	int r;

	if ((r = init_clear_leftovers(work->system, err)) < 0 ||
	    ((!record->exists || !record->snapshot[0]) && (r = begin_record(work, err)) < 0))
		return r;
	for (size_t i = 0; i < work->plan->count; i++)
		if (work->plan->steps[i].kind == INIT_STEP_SNAPSHOT) {
			free(record->snapshot);
			record->snapshot = strdup(work->plan->steps[i].path);
			if (!record->snapshot)
				return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		}
	record->exists = true;
	record->is_done = false;
	return init_record_save(work->system->top, record, err);
}

int init_plan_run(const struct init_system *system, struct init_plan *plan,
		  struct init_record *record, struct br_error *err)
{
	struct work work = { system, plan, record, -1 };
	BR_AUTO_CLOSE int state = -1;
	int r;

	if ((r = begin(&work, err)) < 0 ||
	    (r = br_private_dir_open(system->top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	work.state = state;
	for (size_t i = 0; r == 0 && i < plan->count; i++) {
		if (plan->steps[i].by_hand)
			continue;
		r = do_step(&work, &plan->steps[i], err);
		plan->steps[i].is_done = r == 0;
		audit_result("init", NULL, plan->steps[i].path, r, err);
		if (r == 0 && i + 1 < plan->count)
			r = note_states(&work, false, err);
	}
	return r < 0 ? r : note_states(&work, true, err);
}
