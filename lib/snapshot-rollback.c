/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rolling a persistent subvolume back to a snapshot. */
#include "snapshot-rollback.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "mountinfo.h"
#include "name.h"
#include "private-dir.h"
#include "record.h"
#include "retained.h"
#include "retire.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Entries of BR_STATE_DIR: the new state before the exchange and the former one right after; */
#define STAGING "rollback-"
/* a file named by the id of a subvolume that was or is about to be replaced, until it is read-only. */
#define REPLACED "replaced-"

struct id_name {
	char text[sizeof(REPLACED) + 20];
};

static struct id_name replaced_name(uint64_t id)
{
	struct id_name name;

	(void)snprintf(name.text, sizeof(name.text), REPLACED "%" PRIu64, id);
	return name;
}

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- looking --- */

static int open_snapshot(struct br_rollback *rollback, const char *snapshot, struct br_error *err)
{
	BR_AUTO_FREE char *path = br_name_join(BR_SNAPSHOTS_DIR, snapshot);

	if (!path)
		return no_memory(err);
	if (!br_name_archive_subvolume(snapshot, &rollback->subvolume))
		return br_error_set(err, BR_ERR_USAGE, 0, snapshot, "is the name of no snapshot");
	return br_subvol_open(rollback->top, path, &rollback->snapshot, NULL, err);
}

/* The subvolume may be gone, but not the directory that it was in. */
static int open_current(struct br_rollback *rollback, struct br_error *err)
{
	BR_AUTO_CLOSE int parent = -1;
	const char *name;
	int r;

	if ((r = br_open_parent(rollback->top, rollback->subvolume, &parent, &name, err)) < 0)
		return r;
	r = br_subvol_open(rollback->top, rollback->subvolume, &rollback->current,
			   &rollback->subvol, err);
	return r == BR_ERR_OPEN && err->sys_errno == ENOENT ? 0 : r;
}

static int refuse(const struct br_rollback *rollback, const char *why, struct br_error *err)
{
	(void)br_error_set(err, BR_ERR_LAYOUT, 0, rollback->subvolume, "%s", why);
	return BR_ERR_LAYOUT;
}

static int check_current(const struct br_rollback *rollback, struct br_error *err)
{
	uint64_t default_id;
	bool has_nested;
	int r;

	if (rollback->current < 0)
		return 0;
	if ((r = br_subvol_get_default(rollback->top, &default_id, err)) < 0 ||
	    (r = br_subvol_has_nested(rollback->current, "", &has_nested, err)) < 0)
		return r;
	if (rollback->subvol.id == default_id)
		return refuse(
			rollback,
			"it is the default subvolume, which mounts find by its id: they would go on "
			"with what is replaced; 'btrfs subvolume set-default 5 MOUNTPOINT' first",
			err);
	if (rollback->subvol.read_only)
		return refuse(rollback, "it is read-only", err);
	if (has_nested)
		return refuse(
			rollback,
			"other subvolumes are nested in it, which no snapshot has: they would be "
			"gone from it; move or delete them first",
			err);
	return 0;
}

static int fill_names(struct br_rollback *rollback, struct br_error *err)
{
	int r = br_name_escape(rollback->subvolume, &rollback->escaped, err);

	if (r < 0)
		return r;
	if (asprintf(&rollback->staging, STAGING "%s", rollback->escaped) < 0) {
		rollback->staging = NULL; /* undefined after a failure */
		return no_memory(err);
	}
	return 0;
}

int br_rollback_open(int top, const char *snapshot, struct br_rollback *ret, struct br_error *err)
{
	struct br_rollback rollback = { .top = top, .snapshot = -1, .current = -1 };
	int r;

	if ((r = open_snapshot(&rollback, snapshot, err)) < 0 ||
	    (r = fill_names(&rollback, err)) < 0 || (r = open_current(&rollback, err)) < 0 ||
	    (r = check_current(&rollback, err)) < 0) {
		br_rollback_close(&rollback);
		return r;
	}
	*ret = rollback;
	return 0;
}

void br_rollback_close(struct br_rollback *rollback)
{
	if (!rollback)
		return;
	br_cleanup_close(&rollback->snapshot);
	br_cleanup_close(&rollback->current);
	free(rollback->subvolume);
	free(rollback->staging);
	free(rollback->escaped);
}

/* --- the former state becomes a snapshot --- */

static int note_replaced(int state, uint64_t id, struct br_error *err)
{
	struct id_name name = replaced_name(id);
	BR_AUTO_CLOSE int fd = openat(state, name.text, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
				      0600);

	return fd < 0 ? br_error_set(err, BR_ERR_CREATE, errno, name.text, NULL) : 0;
}

static bool is_noted(int state, uint64_t id)
{
	struct stat st;

	/* what cannot be told is noted: nothing of it is deleted */
	return fstatat(state, replaced_name(id).text, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

/* A note that stays means nothing once the subvolume is read-only. */
static void forget_replaced(int state, uint64_t id)
{
	(void)unlinkat(state, replaced_name(id).text, 0);
}

static int mark(int fd, uint64_t successor, struct br_error *err)
{
	if (successor != 0 && br_record_set_number(fd, BR_XATTR_REPLACED_BY, successor, err) < 0)
		return err->code;
	return br_record_set_comment(fd, "was in use until a rollback", err);
}

/* successor: id of what took its place; 0: nobody knows */
static int keep(const struct br_rollback *rollback, int state, int former, uint64_t successor,
		time_t now, char **kept_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int snapshots = -1;
	int r;

	if ((r = mark(former, successor, err)) < 0 ||
	    (r = br_private_dir_open(rollback->top, BR_SNAPSHOTS_DIR, &snapshots, err)) < 0)
		return r;
	return br_retire_rename(state, rollback->staging, snapshots, rollback->escaped, now,
				kept_ret, err);
}

static int seal(int state, int former, uint64_t id, struct br_error *err)
{
	int r = br_subvol_set_read_only(former, true, err);

	if (r == 0)
		forget_replaced(state, id);
	return r;
}

/* --- doing --- */

static int make_staging(const struct br_rollback *rollback, int state, struct br_subvol *ret,
			struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = br_subvol_snapshot(rollback->snapshot, state, rollback->staging, err)) < 0 ||
	    (r = br_subvol_open(state, rollback->staging, &fd, ret, err)) < 0)
		return r;
	return br_record_clear_marks(fd, err);
}

static int rename_staging(const struct br_rollback *rollback, int state, unsigned flags,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int parent = -1;
	const char *name;
	int r = br_open_parent(rollback->top, rollback->subvolume, &parent, &name, err);

	if (r < 0)
		return r;
	if (renameat2(state, rollback->staging, parent, name, flags) != 0)
		return br_error_set(err, flags & RENAME_EXCHANGE ? BR_ERR_EXCHANGE : BR_ERR_RENAME,
				    errno, rollback->subvolume, NULL);
	return 0;
}

static int exchange(const struct br_rollback *rollback, int state, const struct br_subvol *new,
		    time_t now, char **kept_ret, struct br_error *err)
{
	struct br_error later;
	int r = note_replaced(state, rollback->subvol.id, err);

	if (r < 0)
		return r;
	if ((r = rename_staging(rollback, state, RENAME_EXCHANGE, err)) < 0) {
		forget_replaced(state, rollback->subvol.id);
		return r;
	}
	if ((r = keep(rollback, state, rollback->current, new->id, now, kept_ret, err)) == 0)
		return 0;
	/* back, so that a failure changes nothing; where that fails too, br_rollback_finish goes on */
	if (rename_staging(rollback, state, RENAME_EXCHANGE, &later) == 0) {
		(void)!br_record_clear_marks(rollback->current, &later);
		forget_replaced(state, rollback->subvol.id);
	}
	return r;
}

static int put_in_place(const struct br_rollback *rollback, int state, time_t now, char **kept_ret,
			struct br_error *err)
{
	struct br_subvol staging = { 0 };
	struct br_error later;
	int r = make_staging(rollback, state, &staging, err);

	if (r == 0 && rollback->current < 0)
		r = rename_staging(rollback, state, RENAME_NOREPLACE, err);
	else if (r == 0)
		r = exchange(rollback, state, &staging, now, kept_ret, err);
	/* what was not even opened is left to br_rollback_finish */
	if (r < 0 && staging.id != 0 && !is_noted(state, rollback->subvol.id))
		(void)!br_subvol_delete_tree(state, rollback->staging, staging.id, &later);
	return r;
}

int br_rollback_run(const struct br_rollback *rollback, bool in_use, time_t now, char **kept_ret,
		    struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r;

	*kept_ret = NULL;
	if ((r = br_private_dir_open(rollback->top, BR_STATE_DIR, &state, err)) < 0 ||
	    (r = put_in_place(rollback, state, now, kept_ret, err)) < 0)
		return r;
	if (rollback->current >= 0 && !in_use &&
	    (r = seal(state, rollback->current, rollback->subvol.id, err)) < 0)
		return r;
	return br_subvol_commit(rollback->top, err);
}

/* --- what an interruption left --- */

struct finishing {
	int top, state;
	time_t now;
	struct br_mountinfo mounts;
};

/*
 * What is in the place of staging was replaced if that is noted, and before the exchange it is not what
 * is noted. Whatever is in doubt is kept.
 */
static int finish_staging(const struct finishing *finishing, struct br_rollback *rollback,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	BR_AUTO_FREE char *kept = NULL;
	struct br_subvol staging;
	int r;

	if (br_subvol_open(finishing->state, rollback->staging, &fd, &staging, err) < 0)
		return 0; /* not one of ours */
	if ((r = open_current(rollback, err)) < 0 && err->sys_errno != ENOENT)
		return r;
	if (!is_noted(finishing->state, staging.id) &&
	    (rollback->current < 0 || staging.id > rollback->subvol.id))
		return br_subvol_delete_tree(finishing->state, rollback->staging, staging.id, err);
	if ((r = note_replaced(finishing->state, staging.id, err)) < 0)
		return r;
	return keep(rollback, finishing->state, fd, rollback->current < 0 ? 0 : rollback->subvol.id,
		    finishing->now, &kept, err);
}

static int visit_staging(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct finishing *finishing = data;
	__attribute__((cleanup(br_rollback_close))) struct br_rollback rollback = {
		.top = finishing->top, .snapshot = -1, .current = -1
	};
	int r;

	(void)type;
	if (strncmp(name, STAGING, strlen(STAGING)) != 0 ||
	    !br_name_unescape(name + strlen(STAGING), &rollback.subvolume))
		return 0;
	r = fill_names(&rollback, err);
	return r < 0 ? r : finish_staging(finishing, &rollback, err);
}

/* Sealed is only what is among the snapshots: before the exchange, what is noted is in use. */
static int finish_replaced(const struct finishing *finishing, uint64_t id, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	struct br_error none;
	int r;

	/* ids are never used again: one that is gone was deleted since */
	if (br_subvol_path_of(finishing->top, id, &path, &none) < 0 ||
	    strncmp(path, BR_SNAPSHOTS_DIR "/", strlen(BR_SNAPSHOTS_DIR "/")) != 0) {
		forget_replaced(finishing->state, id);
		return 0;
	}
	if (br_mountinfo_find_btrfs(&finishing->mounts, finishing->top, path))
		return 0;
	if ((r = br_subvol_open(finishing->top, path, &fd, &subvol, err)) < 0)
		return r;
	return subvol.id != id ? 0 : seal(finishing->state, fd, id, err);
}

static int visit_replaced(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct finishing *finishing = data;
	uint64_t id;
	char *end;

	(void)type;
	if (strncmp(name, REPLACED, strlen(REPLACED)) != 0)
		return 0;
	errno = 0;
	id = strtoull(name + strlen(REPLACED), &end, 10);
	if (errno != 0 || *end != '\0' || strcmp(replaced_name(id).text, name) != 0)
		return 0;
	return finish_replaced(finishing, id, err);
}

int br_rollback_finish(int top, time_t now, struct br_error *err)
{
	struct finishing finishing = { .top = top, .now = now };
	struct br_error none = { 0 };
	BR_AUTO_CLOSE int state = -1;
	int r;

	if (br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, &none) < 0)
		return 0;
	finishing.state = state;
	if ((r = br_mountinfo_read(&finishing.mounts, err)) < 0)
		return r;
	r = br_entries_visit(state, visit_staging, &finishing, err);
	if (r == 0)
		r = br_entries_visit(state, visit_replaced, &finishing, err);
	br_mountinfo_free(&finishing.mounts);
	return r;
}
