/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at a directory that is to become a subvolume. */
#include "convert.h"

#include "beneath.h"
#include "cleanup.h"
#include "mountinfo.h"
#include "subvol.h"
#include "tree-path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static int fail(struct br_error *err, enum br_code code, int sys_errno, const char *path,
		const char *text)
{
	return br_error_set(err, code, sys_errno, path, "%s", text);
}

/* Absolute, not the root, without empty, "." and ".." components. */
static bool is_path(const char *path)
{
	size_t length;

	if (path[0] != '/')
		return false;
	do {
		path++;
		length = strcspn(path, "/");
		if (length == 0 || (length <= 2 && strncmp(path, "..", length) == 0))
			return false;
		path += length;
	} while (*path);
	return true;
}

static int fail_link(const char *path, struct br_error *err)
{
	return fail(err, BR_ERR_SYMLINK, 0, path, "give the path without links");
}

/* One directory further down, whatever is mounted there. */
static int step(int *fd, const char *name, const char *path, struct br_error *err)
{
	int next = openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	struct stat st;

	if (next < 0) {
		int saved = errno;
		bool is_link = fstatat(*fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			       S_ISLNK(st.st_mode);

		return is_link ? fail_link(path, err)
			       : br_error_set(err, BR_ERR_OPEN, saved, path, NULL);
	}
	br_cleanup_close(fd);
	*fd = next;
	return 0;
}

static int open_parent(struct br_conversion *c, struct br_error *err)
{
	const char *last = strrchr(c->path, '/');
	BR_AUTO_FREE char *parent = last == c->path ? strdup("/")
						    : strndup(c->path, (size_t)(last - c->path));
	int r;

	c->name = strdup(last + 1);
	if (!parent || !c->name) {
		(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		return BR_ERR_NOMEM;
	}
	r = br_open_real_directory(parent, &c->parent, err);
	return r == BR_ERR_SYMLINK ? fail_link(c->path, err) : r;
}

static int open_dir(struct br_conversion *c, struct br_error *err)
{
	struct statfs fs;
	struct stat st;
	int r;

	c->dir = openat(c->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->dir < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, c->path, NULL);
	if ((r = step(&c->dir, c->name, c->path, err)) < 0)
		return r;
	if (fstatfs(c->dir, &fs) != 0 || fstat(c->dir, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, c->path, NULL);
	if (fs.f_type != BTRFS_SUPER_MAGIC)
		return fail(err, BR_ERR_LAYOUT, 0, c->path, "is not on a btrfs");
	c->ino = st.st_ino;
	return br_subvol_is_root(c->dir, &c->is_subvolume, err);
}

/* Up to the root of the subvolume; where only a part of it is mounted, that cannot be reached. */
static int open_root(struct br_conversion *c, struct br_error *err)
{
	struct stat st;
	dev_t dev;

	if (fstat(c->parent, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, c->path, NULL);
	dev = st.st_dev;
	c->root = openat(c->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (ino_t before = 0; c->root >= 0;) {
		int up;

		if (fstat(c->root, &st) != 0)
			return br_error_set(err, BR_ERR_STAT, errno, c->path, NULL);
		if (st.st_dev != dev || st.st_ino == before)
			return fail(err, BR_ERR_LAYOUT, 0, c->path,
				    "only a part of the subvolume around it is mounted there");
		if (st.st_ino == BR_SUBVOL_ROOT_INO)
			break;
		before = st.st_ino;
		up = openat(c->root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		br_cleanup_close(&c->root);
		c->root = up;
	}
	if (c->root < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, c->path, NULL);
	/* what is exchanged must not be anybody's but ours in between */
	if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return fail(err, BR_ERR_LAYOUT, 0, c->path,
			    "others can write to the root directory of the subvolume around it");
	return 0;
}

static bool is_at_or_below(const char *target, const char *path)
{
	size_t length = strlen(path);

	return strncmp(target, path, length) == 0 &&
	       (target[length] == '\0' || target[length] == '/');
}

static int check_mounts(const struct br_conversion *c, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	int r = br_mountinfo_read(&mounts, err);

	for (size_t i = 0; r == 0 && i < mounts.count; i++)
		if (is_at_or_below(mounts.mounts[i].target, c->path))
			r = fail(err, BR_ERR_LAYOUT, 0, mounts.mounts[i].target,
				 "something is mounted there; unmount it first");
	return r;
}

int br_conversion_check_nested(const struct br_conversion *c, struct br_error *err)
{
	__attribute__((cleanup(
		br_tree_paths_free))) struct br_tree_paths paths = br_tree_paths_begin(c->root);
	bool has_nested = false;
	const char *path;
	int r = br_tree_path_of_dir(&paths, c->ino, &path, err);

	if (r == 0)
		r = br_subvol_has_nested(c->root, path, &has_nested, err);
	return r == 0 && has_nested
		       ? fail(err, BR_ERR_LAYOUT, 0, c->path,
			      "has subvolumes in it, which would have to be moved by hand")
		       : r;
}

/* Only for what an interruption may have left: that it cannot be reached is no mistake of anybody. */
static int look_around(struct br_conversion *c)
{
	struct br_error none = { 0 };

	if (open_root(c, &none) < 0) {
		br_cleanup_close(&c->root);
		c->root = -1;
	}
	return 0;
}

static int look(struct br_conversion *c, struct br_error *err)
{
	int r;

	if ((r = open_parent(c, err)) < 0 || (r = open_dir(c, err)) < 0)
		return r;
	if (c->is_subvolume)
		return look_around(c);
	if ((r = check_mounts(c, err)) < 0 || (r = open_root(c, err)) < 0)
		return r;
	return br_conversion_check_nested(c, err);
}

int br_conversion_open(const char *path, struct br_conversion *ret, struct br_error *err)
{
	struct br_conversion c = { .parent = -1, .dir = -1, .root = -1 };
	int r;

	if (!is_path(path))
		return fail(err, BR_ERR_USAGE, 0, path,
			    "the path must be absolute, without '.', '..' and double slashes");
	c.path = strdup(path);
	r = c.path ? look(&c, err) : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (r < 0)
		br_conversion_close(&c);
	else
		*ret = c;
	return r;
}

void br_conversion_close(struct br_conversion *conversion)
{
	free(conversion->path);
	free(conversion->name);
	br_cleanup_close(&conversion->parent);
	br_cleanup_close(&conversion->dir);
	br_cleanup_close(&conversion->root);
	*conversion = (struct br_conversion){ .parent = -1, .dir = -1, .root = -1 };
}
