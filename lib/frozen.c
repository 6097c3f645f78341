/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A subvolume that does not change while it is read. */
#include "frozen.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "mountinfo.h"
#include "name.h"
#include "private-dir.h"
#include "subvol-internal.h"
#include "subvol.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* The lock is on the snapshot: it ends with its owner, however that ends. */
static int lock(int fd, int how, const char *name, struct br_error *err)
{
	while (flock(fd, how) != 0)
		if (errno != EINTR)
			return br_error_set(err, BR_ERR_LOCKED, errno, name, NULL);
	return 0;
}

/* What becomes of those without an owner. */
struct clearing {
	int state;
	bool dry_run;
	br_frozen_teller tell; /* NULL: nobody is told */
	void *data;
};

/*
 * A boot loader may have been told to start from one that somebody worked in: never is a root deleted under those who use
 * it. What cannot be told counts as mounted.
 */
static bool is_mounted(int state, const char *name)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	BR_AUTO_FREE char *path = br_name_join(BR_STATE_DIR, name);
	struct br_error none;

	return !path || br_mountinfo_read(&mounts, &none) < 0 ||
	       br_mountinfo_find_btrfs(&mounts, state, path);
}

/* Open an entry that is a snapshot without an owner, locked as long as it is open. -1: it is none. */
static int take_ownerless(int state, const char *name, int *fd_ret, struct br_subvol *subvol_ret,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_subvol_open(state, name, &fd, subvol_ret, err);

	*fd_ret = -1;
	if (r == BR_ERR_LAYOUT ||
	    (r < 0 && (err->sys_errno == ENOTDIR || err->sys_errno == ENOENT)))
		return 0; /* no snapshot, or its owner has just deleted it */
	if (r < 0)
		return r;
	if (lock(fd, LOCK_EX | LOCK_NB, name, err) < 0)
		return err->sys_errno == EWOULDBLOCK ? 0 : err->code;
	*fd_ret = is_mounted(state, name) ? -1 : br_take_fd(&fd);
	return 0;
}

static int clear_one(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct clearing *clearing = data;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	(void)type; /* a subvolume is told by its root */
	if (strncmp(name, BR_FROZEN_PREFIX, strlen(BR_FROZEN_PREFIX)) != 0)
		return 0;
	if ((r = take_ownerless(clearing->state, name, &fd, &subvol, err)) < 0 || fd < 0)
		return r;
	if (!clearing->dry_run &&
	    (r = br_subvol_delete_tree(clearing->state, name, subvol.id, err)) < 0)
		return r;
	if (clearing->tell)
		clearing->tell(clearing->data, name);
	return 0;
}

/* A name that is free: ids of processes come again, and one process may freeze several. */
static int pick_name(int state, char *name, size_t size, struct br_error *err)
{
	struct stat st;

	for (unsigned n = 1;; n++) {
		(void)snprintf(name, size, BR_FROZEN_PREFIX "%ld-%u", (long)getpid(), n);
		if (fstatat(state, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		return errno == ENOENT ? 0 : br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	}
}

static int make(int subvol, const struct br_frozen *frozen, struct br_error *err)
{
	if (subvol < 0)
		return br_subvol_create(frozen->state, frozen->name, err);
	return br_subvol_snapshot_read_only(subvol, frozen->state, frozen->name, err);
}

/*
 * Under the lock of the directory nobody takes a snapshot that is not locked yet for ownerless. subvol -1: an empty
 * subvolume.
 */
static int take_snapshot(int subvol, struct br_frozen *frozen, struct br_error *err)
{
	struct clearing clearing = { .state = frozen->state };
	struct br_subvol made;
	int r = br_entries_visit(frozen->state, clear_one, &clearing, err);

	if (r == 0)
		r = pick_name(frozen->state, frozen->name, sizeof(frozen->name), err);
	if (r < 0)
		return r;
	if ((r = make(subvol, frozen, err)) < 0 ||
	    (r = br_subvol_open(frozen->state, frozen->name, &frozen->fd, &made, err)) < 0 ||
	    (r = lock(frozen->fd, LOCK_EX | LOCK_NB, frozen->name, err)) < 0)
		return r;
	frozen->id = made.id;
	return 0;
}

static int freeze(int top, int subvol, struct br_frozen *frozen, struct br_error *err)
{
	int r = br_private_dir_open(top, BR_STATE_DIR, &frozen->state, err);

	if (r < 0 || (r = lock(frozen->state, LOCK_EX, BR_STATE_DIR, err)) < 0)
		return r;
	r = take_snapshot(subvol, frozen, err);
	(void)flock(frozen->state, LOCK_UN); /* closing it would do as well */
	return r < 0 ? br_error_prefix_path(err, BR_STATE_DIR) : 0;
}

int br_frozen_make(int top, int subvol, struct br_frozen *ret, struct br_error *err)
{
	struct br_frozen frozen = BR_FROZEN_NONE;
	struct br_subvol properties;
	int r = br_subvol_stat(subvol, &properties, err);

	if (r < 0)
		return r;
	if (properties.read_only) {
		frozen.fd = br_subvol_reopen(subvol);
		if (frozen.fd < 0)
			return br_error_set(err, BR_ERR_OPEN, errno, NULL, NULL);
	} else if ((r = freeze(top, subvol, &frozen, err)) < 0) {
		br_frozen_free(&frozen);
		return r;
	}
	*ret = frozen;
	return 0;
}

int br_frozen_make_area(int top, struct br_frozen *ret, struct br_error *err)
{
	struct br_frozen area = BR_FROZEN_NONE;
	int r = freeze(top, -1, &area, err);

	if (r < 0) {
		br_frozen_free(&area);
		return r;
	}
	*ret = area;
	return 0;
}

void br_frozen_free(struct br_frozen *frozen)
{
	struct br_error ignored;

	if (frozen->state >= 0 && frozen->id != 0)
		/* the next one that is made deletes it */
		(void)!br_subvol_delete_tree(frozen->state, frozen->name, frozen->id, &ignored);
	br_cleanup_close(&frozen->fd);
	br_cleanup_close(&frozen->state);
	*frozen = (struct br_frozen)BR_FROZEN_NONE;
}

int br_frozen_clear(int top, bool dry_run, br_frozen_teller tell, void *data, struct br_error *err)
{
	struct clearing clearing = { .dry_run = dry_run, .tell = tell, .data = data };
	BR_AUTO_CLOSE int state = -1;
	int r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	/* as in take_snapshot; it ends with the descriptor */
	if ((r = lock(state, LOCK_EX, BR_STATE_DIR, err)) < 0)
		return r;
	clearing.state = state;
	r = br_entries_visit(state, clear_one, &clearing, err);
	return r < 0 ? br_error_prefix_path(err, BR_STATE_DIR) : 0;
}
