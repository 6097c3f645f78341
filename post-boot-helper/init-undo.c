/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init --undo: back to how it was, as far as what init made is as it was left. */
#include "init-look.h"

#include "audit.h"
#include "beneath.h"
#include "cleanup.h"
#include "marking.h"
#include "mountinfo.h"
#include "name.h"
#include "record.h"
#include "retained.h"
#include "snapshot-take.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct undo {
	const struct init_options *options;
	const struct init_system *system;
	struct init_record *record;
	struct br_mountinfo mounts;
	size_t left; /* things that stay, because they are not what init made any more */
};

/* Output that is lost is found when it is closed. */
static void tell(const struct undo *undo, const char *done, const char *planned, const char *path)
{
	(void)fputs(undo->options->dry_run ? planned : done, stdout);
	br_text_put_name(stdout, path);
	(void)putchar('\n');
}

static void keep(struct undo *undo, const char *path, const char *why)
{
	undo->left++;
	(void)fflush(stdout);
	(void)fputs(INIT_COMMAND ": ", stderr);
	br_text_put_name(stderr, path);
	(void)fprintf(stderr, " stays: %s\n", why);
}

/* --- files --- */

/*
 * Is the root the subvolume that it was, with the id that files had for it? After a reset that id is that of an archive;
 * and one that was moved has other mounts.
 */
static bool is_same_root(const struct undo *undo, int root)
{
	char uuid[INIT_UUID_SIZE];
	struct br_subvol subvol;
	struct br_error ignored;

	if (br_subvol_stat(root, &subvol, &ignored) < 0)
		return false;
	init_uuid_text(subvol.uuid, uuid);
	return strcmp(uuid, undo->record->root_uuid) == 0;
}

static bool names_root(const struct undo *undo, const struct init_written *file)
{
	return strcmp(file->path, undo->options->config) != 0;
}

static int put_back(const struct undo *undo, int root, const struct init_written *file,
		    struct br_error *err)
{
	int r;

	if (undo->options->dry_run)
		return 0;
	if ((r = init_file_put_back(root, file, err)) == 0)
		r = br_subvol_commit(undo->system->top, err);
	audit_result("init-undo", NULL, file->path, r, err);
	return r;
}

static int undo_file(struct undo *undo, int root, const struct init_written *file,
		     struct br_error *err)
{
	enum init_file_state state = init_file_look(root, file);
	int r;

	if (state == INIT_FILE_GONE)
		return 0;
	if (state == INIT_FILE_CHANGED) {
		keep(undo, file->path, "it was changed since");
		return 0;
	}
	if (state == INIT_FILE_WRITTEN && names_root(undo, file) && !is_same_root(undo, root)) {
		br_text_put_name(stdout, file->path);
		(void)puts(
			" stays: it names the root by its name, and what it was would lead elsewhere "
			"by now");
		return 0;
	}
	r = put_back(undo, root, file, err);
	if (r == 0)
		tell(undo, file->kept[0] ? "put back " : "removed ",
		     file->kept[0] ? "would put back " : "would remove ", file->path);
	return r;
}

/* The last one first. A root that moved goes as a whole, if it can. */
static int undo_files(struct undo *undo, struct br_error *err)
{
	BR_AUTO_CLOSE int root = -1;
	int r = init_open_target(undo->system, &root, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	for (size_t i = undo->record->file_count; r == 0 && i > 0; i--)
		r = undo_file(undo, root, &undo->record->files[i - 1], err);
	return r;
}

/* --- subvolumes --- */

static int delete_at(int top, const char *path, uint64_t id, struct br_error *err)
{
	BR_AUTO_CLOSE int parent = -1;
	const char *name;
	int r;

	if ((r = br_open_parent(top, path, &parent, &name, err)) < 0 ||
	    (r = br_subvol_delete_tree(parent, name, id, err)) < 0)
		return r;
	return br_subvol_commit(top, err);
}

/* Why one cannot go; NULL: it can. A blank is read-only: it is what was made, or somebody made it another one. */
static const char *problem_of(const struct undo *undo, const struct init_made *made,
			      const struct br_subvol *subvol)
{
	bool is_root = strcmp(made->path, undo->system->name) == 0;
	uint64_t default_id;
	struct br_error ignored;

	if (br_mountinfo_find_btrfs(&undo->mounts, undo->system->top, made->path))
		return "it, or something in it, is mounted";
	if (br_subvol_get_default(undo->system->top, &default_id, &ignored) < 0 ||
	    (default_id == subvol->id && !(is_root && undo->record->default_id)))
		return "it is the default subvolume";
	if (made->changed && made->changed != subvol->ctransid && !undo->record->is_done)
		return "it is not as it was noted, since blankroot init was interrupted: run that to "
		       "its end first";
	if (made->changed && made->changed != subvol->ctransid)
		return is_root ? "the system was used since, and what it did there is nowhere else"
			       : "it was changed since";
	return NULL;
}

static int set_default_back(const struct undo *undo, struct br_error *err)
{
	uint64_t now;
	int r;

	if (!undo->record->default_id || undo->options->dry_run)
		return 0;
	if ((r = br_subvol_get_default(undo->system->top, &now, err)) < 0 ||
	    now == undo->record->default_id)
		return r;
	if ((r = br_subvol_set_default(undo->system->top, undo->record->default_id, err)) < 0)
		return r;
	return br_subvol_commit(undo->system->top, err);
}

static int delete_made(const struct undo *undo, struct init_made *made, uint64_t id,
		       struct br_error *err)
{
	int r;

	if (undo->options->dry_run)
		return 0;
	if (strcmp(made->path, undo->system->name) == 0 && (r = set_default_back(undo, err)) < 0)
		return r;
	/* those nested in it go first: from then on it is not as it was, and is to go all the same */
	made->changed = 0;
	if ((r = init_record_save(undo->system->top, undo->record, err)) == 0)
		r = delete_at(undo->system->top, made->path, id, err);
	audit_result("init-undo", NULL, made->path, r, err);
	return r;
}

static int undo_subvolume(struct undo *undo, struct init_made *made, struct br_error *err)
{
	struct br_subvol subvol;
	const char *problem;
	int r;

	if (!init_exists(undo->system->top, made->path))
		return 0;
	problem = init_is_ours(undo->system->top, undo->record, made->path, &subvol)
			  ? problem_of(undo, made, &subvol)
			  : "it is not the one that was made";
	if (problem) {
		keep(undo, made->path, problem);
		return 0;
	}
	r = delete_made(undo, made, subvol.id, err);
	if (r == 0)
		tell(undo, "deleted ", "would delete ", made->path);
	return r;
}

/* --- directories --- */

/* With archives or snapshots in it, it is in use. */
static int remove_directory(const struct undo *undo, const struct init_made *made, bool *left_ret,
			    struct br_error *err)
{
	if (undo->options->dry_run) {
		bool is_empty = false;
		int r = init_look_empty(undo->system->top, made->path, &is_empty, err);

		*left_ret = !is_empty;
		return r;
	}
	*left_ret = unlinkat(undo->system->top, made->path, AT_REMOVEDIR) != 0;
	if (!*left_ret || errno == ENOTEMPTY || errno == EEXIST)
		return 0;
	return br_error_set(err, BR_ERR_REMOVE, errno, made->path, NULL);
}

static int undo_directory(struct undo *undo, const struct init_made *made, struct br_error *err)
{
	bool is_left = false;
	int r;

	if (!init_exists(undo->system->top, made->path))
		return 0;
	r = remove_directory(undo, made, &is_left, err);
	if (!undo->options->dry_run && (r < 0 || !is_left))
		audit_result("init-undo", NULL, made->path, r, err);
	if (r == 0 && is_left) {
		br_text_put_name(stdout, made->path);
		(void)puts(" stays, with what is in it");
	} else if (r == 0) {
		tell(undo, "removed ", "would remove ", made->path);
	}
	return r;
}

/* --- the snapshot --- */

static int delete_snapshot(const struct undo *undo, struct br_error *err)
{
	const char *path = undo->record->snapshot;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if (br_mountinfo_find_btrfs(&undo->mounts, undo->system->top, path))
		return br_error_set(err, BR_ERR_IN_USE, 0, path,
				    "it, or something in it, is mounted");
	if ((r = br_subvol_open(undo->system->top, path, &fd, &subvol, err)) < 0)
		return r;
	if (undo->options->dry_run)
		return 0;
	r = delete_at(undo->system->top, path, subvol.id, err);
	audit_result("init-undo", NULL, path, r, err);
	return r;
}

static int undo_snapshot(struct undo *undo, struct br_error *err)
{
	const char *path = undo->record->snapshot;
	int r;

	if (!path[0] || !init_exists(undo->system->top, path))
		return 0;
	if (!undo->options->snapshot) {
		(void)fputs("the snapshot from before stays: ", stdout);
		br_text_put_name(stdout, path);
		(void)putchar('\n');
		return 0;
	}
	r = delete_snapshot(undo, err);
	if (r == 0)
		tell(undo, "deleted ", "would delete ", path);
	return r;
}

static int check_snapshot(const struct undo *undo, struct br_error *err)
{
	const char *wanted = undo->options->snapshot, *path = undo->record->snapshot;
	const char *slash = strrchr(path, '/');

	if (!wanted || strcmp(wanted, path) == 0 || (slash && strcmp(wanted, slash + 1) == 0))
		return 0;
	return br_error_set(err, BR_ERR_USAGE, 0, wanted,
			    "is not the snapshot from before blankroot init, which is %s", path);
}

/* --- all --- */

static int undo_made(struct undo *undo, bool directories, struct br_error *err)
{
	const struct init_record *record = undo->record;
	int r = 0;

	for (size_t i = record->made_count; r == 0 && i > 0; i--) {
		struct init_made *made = &record->made[i - 1];
		bool is_directory = made->uuid[0] == '\0';

		if (is_directory != directories || strcmp(made->path, BR_STATE_DIR) == 0)
			continue;
		r = is_directory ? undo_directory(undo, made, err)
				 : undo_subvolume(undo, made, err);
	}
	return r;
}

/* What was prepared when a run was killed. */
static int drop_staging(const struct undo *undo, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(undo->system->top, INIT_STAGING, &fd, &subvol, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	return delete_at(undo->system->top, INIT_STAGING, subvol.id, err);
}

/* The record goes last: until then another call goes on. */
static int finish(struct undo *undo, struct br_error *err)
{
	const struct init_made *state = init_record_find_made(undo->record, BR_STATE_DIR);
	int r;

	if (undo->left > 0)
		return br_error_set(err, BR_ERR_IN_USE, 0, NULL,
				    "%zu thing%s had to stay; what is above says which, and why",
				    undo->left, undo->left == 1 ? "" : "s");
	if (undo->options->dry_run)
		return 0;
	if ((r = init_record_remove(undo->system->top, err)) < 0)
		return r;
	if (state && (r = undo_directory(undo, state, err)) < 0)
		return r;
	return br_subvol_commit(undo->system->top, err);
}

/* What interrupted runs left, of this command or of snapshots. */
static int clear_leftovers(const struct undo *undo, struct br_error *err)
{
	int r;

	if (undo->options->dry_run)
		return 0;
	if ((r = init_clear_leftovers(undo->system, err)) < 0 ||
	    (r = br_snapshot_clear_unfinished(undo->system->top, err)) < 0 ||
	    (r = drop_staging(undo, err)) < 0)
		return r;
	/* what was written a moment ago counts as a change only once it is on its way to the disk */
	return br_subvol_commit(undo->system->top, err);
}

static int take_back(struct undo *undo, struct br_error *err)
{
	int r;

	if ((r = check_snapshot(undo, err)) < 0 ||
	    (r = br_mountinfo_read(&undo->mounts, err)) < 0 ||
	    (r = clear_leftovers(undo, err)) < 0 || (r = undo_made(undo, false, err)) < 0 ||
	    (r = undo_files(undo, err)) < 0 || (r = undo_snapshot(undo, err)) < 0 ||
	    (r = undo_made(undo, true, err)) < 0)
		return r;
	return finish(undo, err);
}

int init_undo(const struct init_options *options, const struct init_system *system,
	      struct init_record *record, struct br_error *err)
{
	struct undo undo = { options, system, record, { 0 }, 0 };
	int r;

	if (!record->exists)
		return br_error_set(
			err, BR_ERR_USAGE, 0, NULL,
			"nothing to take back: blankroot init was not used on this file "
			"system, or that was taken back already");
	r = take_back(&undo, err);
	br_mountinfo_free(&undo.mounts);
	return r;
}
