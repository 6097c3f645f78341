/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Removing a tree, bottom up, to any depth. */
#include "attributes.h"
#include "cleanup.h"
#include "copy.h"
#include "subvol.h"
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct removal {
	struct br_walk walk;
	bool with_subvolumes;
};

/* Other names of the file stay, in what is not removed: it is as immutable or append-only as before. */
static int remove_held_file(int dir, const char *name, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(dir, name,
				      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	unsigned held = 0;

	if (fd < 0 || br_attributes_release(fd, &held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, "cannot make it removable");
	if (unlinkat(dir, name, 0) != 0)
		return br_error_set(err, BR_ERR_REMOVE, errno, name, NULL);
	if (br_attributes_hold(fd, held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, "of its other names");
	return 0;
}

static int remove_file(int dir, const char *name, unsigned char type, struct br_error *err)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM || type != DT_REG)
		return br_error_set(err, BR_ERR_REMOVE, errno, name, NULL);
	return remove_held_file(dir, name, err);
}

static int remove_empty_directory(int dir, const char *name, struct br_error *err)
{
	if (unlinkat(dir, name, AT_REMOVEDIR) != 0)
		return br_error_set(err, BR_ERR_REMOVE, errno, name, NULL);
	return 0;
}

static int remove_subvolume(const struct removal *removal, int fd, int dir, const char *name,
			    struct br_error *err)
{
	struct br_subvol subvol;

	/* The kernel's rmdir deletes an empty one (Linux 4.18). */
	if (!removal->with_subvolumes)
		return br_error_set(err, BR_ERR_TYPE, 0, name, "it is a subvolume");
	if (br_subvol_stat(fd, &subvol, err) < 0)
		return br_error_name(err, name);
	return br_subvol_delete_tree(dir, name, subvol.id, err);
}

static int enter_directory(struct removal *removal, int dir, const char *name, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(dir, name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	bool is_subvolume = false;
	struct statx stx;

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, NULL);
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	if (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return br_error_set(err, BR_ERR_REMOVE, EBUSY, name, "it is a mount point");
	if (br_subvol_is_root(fd, &is_subvolume, err) < 0)
		return br_error_name(err, name);
	if (is_subvolume)
		return remove_subvolume(removal, fd, dir, name, err);
	if (stx.stx_ino == BR_SUBVOL_PLACEHOLDER_INO)
		return remove_empty_directory(dir, name, err);
	if (stx.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND) &&
	    br_attributes_release(fd, NULL) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, "cannot make it removable");
	return br_walk_push(&removal->walk, name, br_take_fd(&fd), -1, err);
}

static int leave_directory(struct br_walk *walk, int parent, struct br_error *err)
{
	const char *last = br_walk_name(walk);
	size_t size = strlen(last) + 1;
	char name[NAME_MAX + 1];
	int r;

	if (size > sizeof(name))
		return br_error_set(err, BR_ERR_REMOVE, ENAMETOOLONG, br_walk_path(walk), NULL);
	memcpy(name, last, size);
	r = br_walk_pop(walk, err);
	if (r < 0)
		return r;
	r = remove_empty_directory(
		br_walk_depth(walk) > 0 ? br_walk_fd(walk, BR_WALK_SOURCE) : parent, name, err);
	return r < 0 ? br_error_prefix_path(err, br_walk_path(walk)) : 0;
}

static int remove_object(struct removal *removal, int dir, const char *name, unsigned char type,
			 struct br_error *err)
{
	if (type == DT_DIR)
		return enter_directory(removal, dir, name, err);
	return remove_file(dir, name, type, err);
}

static int remove_next(struct removal *removal, int parent, struct br_error *err)
{
	struct br_walk *walk = &removal->walk;
	struct br_walk_entry entry;
	int r = br_walk_next(walk, &entry, err);

	if (r <= 0)
		return r < 0 ? r : leave_directory(walk, parent, err);
	r = remove_object(removal, br_walk_fd(walk, BR_WALK_SOURCE), entry.name, entry.type, err);
	return r < 0 ? br_error_prefix_path(err, br_walk_path(walk)) : 0;
}

static int remove_tree(struct removal *removal, int parent, const char *name, struct br_error *err)
{
	struct stat st;
	int r;

	if (!br_walk_is_plain(name))
		return br_error_set(err, BR_ERR_REMOVE, EINVAL, name, "not a plain name");
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	r = br_walk_init(&removal->walk, 0, err);
	if (r == 0)
		r = remove_object(removal, parent, name, IFTODT(st.st_mode), err);
	while (r == 0 && br_walk_depth(&removal->walk) > 0)
		r = remove_next(removal, parent, err);
	br_walk_free(&removal->walk);
	return r;
}

int br_remove_tree(int parent, const char *name, struct br_error *err)
{
	struct removal removal = { .with_subvolumes = false };

	return remove_tree(&removal, parent, name, err);
}

int br_remove_copy(int parent, const char *name, struct br_error *err)
{
	struct removal removal = { .with_subvolumes = true };

	return remove_tree(&removal, parent, name, err);
}
