/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Was anything in a tree changed since a certain moment? */
#include "unchanged.h"

#include "cleanup.h"
#include "tree-inode.h"
#include "walk.h"

#include <btrfsutil.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC UINT64_C(1000000000)

int br_moment_take(int fd, struct br_moment *ret, struct br_error *err)
{
	struct timespec now;

	if (btrfs_util_start_sync_fd(fd, &ret->transid) ||
	    btrfs_util_wait_sync_fd(fd, ret->transid))
		return br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now); /* cannot fail for this clock */
	ret->nsec = (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
	return 0;
}

struct look {
	const struct br_moment *moment;
	struct br_walk walk;
	char **path_ret;
};

static uint64_t nsec_of(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * NSEC_PER_SEC + (uint64_t)time->tv_nsec;
}

/* fd: in the subvolume of the inode. Of what was renamed, the change time is that of the renaming. */
static int is_changed(const struct look *look, int fd, const struct stat *st, bool renamed,
		      bool *ret, struct br_error *err)
{
	uint64_t nsec = nsec_of(renamed ? &st->st_mtim : &st->st_ctim);
	struct br_inode inode;
	int r;

	*ret = false;
	if (nsec < look->moment->nsec)
		return 0;
	r = br_inode_read(fd, st->st_ino, &inode, err);
	*ret = r == 0 && inode.transid > look->moment->transid;
	return r;
}

static int tell(const struct look *look, const char *name, struct br_error *err)
{
	if (asprintf(look->path_ret, "%s%s%s", br_walk_path(&look->walk), *name ? "/" : "", name) >=
	    0)
		return 0;
	*look->path_ret = NULL;
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int enter(struct look *look, int parent, const char *name, bool renamed,
		 struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(parent, name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	bool changed = false;
	struct stat st;
	int r;

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, NULL);
	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	if ((r = is_changed(look, fd, &st, renamed, &changed, err)) < 0 ||
	    (r = br_walk_push(&look->walk, name, br_take_fd(&fd), -1, err)) < 0)
		return r;
	return changed ? tell(look, "", err) : 0;
}

static int look_at(struct look *look, const struct br_walk_entry *entry, struct br_error *err)
{
	int dir = br_walk_fd(&look->walk, BR_WALK_SOURCE);
	bool changed = false;
	struct stat st;
	int r;

	if (entry->type == DT_DIR)
		return enter(look, dir, entry->name, false, err);
	if (fstatat(dir, entry->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			return br_error_set(err, BR_ERR_STAT, errno, entry->name, NULL);
		return tell(look, entry->name, err);
	}
	r = is_changed(look, dir, &st, false, &changed, err);
	return r == 0 && changed ? tell(look, entry->name, err) : r;
}

/* Until the first change. */
static int look_at_all(struct look *look, struct br_error *err)
{
	int r = 0;

	while (r == 0 && !*look->path_ret && br_walk_depth(&look->walk) > 0) {
		struct br_walk_entry entry;

		r = br_walk_next(&look->walk, &entry, err);
		if (r > 0)
			r = look_at(look, &entry, err);
		else if (r == 0)
			r = br_walk_pop(&look->walk, err);
	}
	return r;
}

int br_unchanged_since(int parent, const char *name, const struct br_moment *moment, bool renamed,
		       char **path_ret, struct br_error *err)
{
	struct look look = { .moment = moment, .path_ret = path_ret };
	int r;

	*path_ret = NULL;
	/* what was written is noted in the inodes when it reaches the disk */
	if (syncfs(parent) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
	r = br_walk_init(&look.walk, 0, err);
	if (r == 0)
		r = enter(&look, parent, name, renamed, err);
	if (r == 0)
		r = look_at_all(&look, err);
	br_walk_free(&look.walk);
	if (r < 0) {
		free(*path_ret);
		*path_ret = NULL;
	}
	return r;
}
