/* SPDX-License-Identifier: GPL-2.0-or-later */
/* btrfs subvolumes: properties, snapshots, deletion, the default, commits. */
#include "subvol.h"

#include "attributes.h"
#include "beneath.h"
#include "deadline.h"
#include "subvol-internal.h"

#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int br_subvol_is_root(int fd, bool *ret, struct br_error *err)
{
	bool is_root = false;
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, NULL, NULL);
	if (S_ISDIR(st.st_mode) && st.st_ino == BR_SUBVOL_ROOT_INO) {
		if (fstatfs(fd, &fs) != 0)
			return br_error_set(err, BR_ERR_STAT, errno, NULL, NULL);
		is_root = fs.f_type == BTRFS_SUPER_MAGIC;
	}
	*ret = is_root;
	return 0;
}

bool br_subvol_may_be_btrfs(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) != 0 || fs.f_type == BTRFS_SUPER_MAGIC;
}

int br_subvol_stat(int fd, struct br_subvol *subvol_ret, struct br_error *err)
{
	struct btrfs_util_subvolume_info info;
	enum btrfs_util_error failed;
	bool is_root = false;
	int r = br_subvol_is_root(fd, &is_root, err);

	if (r < 0)
		return r;
	if (!is_root)
		return br_error_set(err, BR_ERR_LAYOUT, 0, NULL,
				    "not the root of a btrfs subvolume");
	failed = btrfs_util_subvolume_info_fd(fd, 0, &info);
	if (failed)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL, "%s",
				    btrfs_util_strerror(failed));

	*subvol_ret = (struct br_subvol){
		.id = info.id,
		.parent_id = info.parent_id,
		.generation = info.generation,
		.ctransid = info.ctransid,
		.otransid = info.otransid,
		.created = info.otime.tv_sec,
		.read_only = info.flags & 1, /* BTRFS_ROOT_SUBVOL_RDONLY */
	};
	memcpy(subvol_ret->uuid, info.uuid, BR_UUID_SIZE);
	memcpy(subvol_ret->parent_uuid, info.parent_uuid, BR_UUID_SIZE);
	return 0;
}

int br_subvol_open(int dirfd, const char *path, int *fd_ret, struct br_subvol *subvol_ret,
		   struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (r < 0)
		return r;
	r = br_subvol_stat(fd, &subvol, err);
	if (r < 0) {
		(void)br_error_name(err, path);
		return r; /* so that the analyser follows, not what that returned */
	}
	if (subvol_ret)
		*subvol_ret = subvol;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

int br_subvol_create(int parent, const char *name, struct br_error *err)
{
	BR_AUTO_CLOSE int dirfd = br_subvol_reopen(parent);

	if (dirfd < 0 || btrfs_util_create_subvolume_fd(dirfd, name, 0, NULL, NULL))
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, name,
				    "cannot create the subvolume");
	return 0;
}

static int take_snapshot(int src, int dst_parent, const char *name, int flags, struct br_error *err)
{
	BR_AUTO_CLOSE int dirfd = br_subvol_reopen(dst_parent);

	if (dirfd < 0 || btrfs_util_create_snapshot_fd2(src, dirfd, name, flags, NULL, NULL))
		return br_error_set(err, BR_ERR_SNAPSHOT, errno, name, NULL);
	return 0;
}

int br_subvol_snapshot(int src, int dst_parent, const char *name, struct br_error *err)
{
	return take_snapshot(src, dst_parent, name, 0, err);
}

int br_subvol_snapshot_read_only(int src, int dst_parent, const char *name, struct br_error *err)
{
	return take_snapshot(src, dst_parent, name, BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY, err);
}

int br_subvol_set_read_only(int fd, bool read_only, struct br_error *err)
{
	enum btrfs_util_error failed = btrfs_util_set_subvolume_read_only_fd(fd, read_only);

	if (failed)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "cannot make the subvolume %s",
				    read_only ? "read-only" : "writable");
	return 0;
}

int br_subvol_get_default(int fd, uint64_t *id_ret, struct br_error *err)
{
	uint64_t id;
	enum btrfs_util_error failed = btrfs_util_get_default_subvolume_fd(fd, &id);

	if (failed)
		return br_error_set(err, BR_ERR_DEFAULT, errno, NULL, "%s",
				    btrfs_util_strerror(failed));
	*id_ret = id;
	return 0;
}

int br_subvol_set_default(int fd, uint64_t id, struct br_error *err)
{
	enum btrfs_util_error failed = btrfs_util_set_default_subvolume_fd(fd, id);

	if (failed)
		return br_error_set(err, BR_ERR_DEFAULT, errno, NULL, "%s",
				    btrfs_util_strerror(failed));
	return 0;
}

/*
 * An immutable or append-only root directory cannot be deleted; in a read-only subvolume it cannot
 * be changed.
 */
static int release_root(int fd, const char *path, struct br_error *err)
{
	int r;

	if (br_attributes_release(fd, NULL) == 0)
		return 0;
	if (errno == EROFS) {
		r = br_subvol_set_read_only(fd, false, err);
		if (r < 0 || br_attributes_release(fd, NULL) == 0)
			return r;
	}
	return br_error_set(err, BR_ERR_FLAGS, errno, path, "cannot make it removable");
}

struct unsealing {
	int fd;
	bool is_read_only; /* the subvolume around the nested ones, still */
};

/*
 * Make a nested subvolume removable: itself, and the directory that holds it. Those around it have
 * been before; that around all of them only now that there is one, whose entry could not be removed.
 */
static int unseal_one(void *data, const char *path, uint64_t id, struct br_error *err)
{
	struct unsealing *unsealing = data;
	BR_AUTO_CLOSE int nested = -1;
	BR_AUTO_CLOSE int parent = -1;
	BR_AUTO_CLOSE int dirfd = -1;
	const char *name;
	int r;

	(void)id;
	if (unsealing->is_read_only && (r = br_subvol_set_read_only(unsealing->fd, false, err)) < 0)
		return r;
	unsealing->is_read_only = false;
	if ((r = br_open_parent(unsealing->fd, path, &parent, &name, err)) < 0 ||
	    (r = br_subvol_open(unsealing->fd, path, &nested, NULL, err)) < 0 ||
	    (r = br_subvol_set_read_only(nested, false, err)) < 0 ||
	    (r = release_root(nested, path, err)) < 0)
		return r;
	dirfd = br_subvol_reopen(parent);
	if (dirfd < 0 || br_attributes_release(dirfd, NULL) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, path,
				    "cannot make its directory changeable");
	return 0;
}

int br_subvol_delete_tree(int parent, const char *name, uint64_t id, struct br_error *err)
{
	BR_AUTO_CLOSE int dirfd = br_subvol_reopen(parent);
	enum btrfs_util_error failed;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(parent, name, &fd, &subvol, err);

	if (r < 0)
		return r;
	if (subvol.id != id)
		return br_error_set(err, BR_ERR_LAYOUT, 0, name,
				    "is subvolume %llu, not %llu as expected: not deleted",
				    (unsigned long long)subvol.id, (unsigned long long)id);
	struct unsealing unsealing = { fd, subvol.read_only };
	r = br_subvol_visit_nested(fd, unseal_one, &unsealing, err);
	if (r < 0)
		return br_error_name(err, name);
	if ((r = release_root(fd, name, err)) < 0)
		return r;
	if (dirfd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, "its directory");
	failed = btrfs_util_delete_subvolume_fd(dirfd, name, BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE);
	if (failed)
		return br_error_set(err, BR_ERR_DELETE, errno, name, "%s",
				    btrfs_util_strerror(failed));
	return 0;
}

#define CLEANER_PAUSE (20 * BR_NSEC_PER_MSEC)

static int is_being_cleaned(int fd, uint64_t id, bool *ret, struct br_error *err)
{
	BR_AUTO_FREE uint64_t *ids = NULL;
	enum btrfs_util_error failed;
	size_t count = 0;

	failed = btrfs_util_deleted_subvolumes_fd(fd, &ids, &count);
	if (failed)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "listing deleted subvolumes: %s", btrfs_util_strerror(failed));
	*ret = false;
	for (size_t i = 0; i < count; i++)
		*ret |= ids[i] == id;
	return 0;
}

int br_subvol_wait_cleaned(int fd, uint64_t id, unsigned seconds, struct br_error *err)
{
	struct br_deadline deadline = br_deadline_in(seconds);
	bool pending = false;

	do {
		int r = is_being_cleaned(fd, id, &pending, err);

		if (r < 0 || !pending)
			return r;
		/* the ioctl behind it wakes the kernel thread that frees deleted subvolumes */
		if (btrfs_util_sync_fd(fd))
			return br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
	} while (br_deadline_pause(deadline, CLEANER_PAUSE));
	return 0;
}

int br_subvol_commit(int fd, struct br_error *err)
{
	uint64_t transid;

	if (syncfs(fd) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
	/*
	 * syncfs reports what happened to file data since the descriptor was opened; the
	 * transaction itself may have been aborted by an earlier failure, which only the ioctls
	 * tell.
	 */
	if (btrfs_util_start_sync_fd(fd, &transid) || btrfs_util_wait_sync_fd(fd, transid))
		return br_error_set(err, BR_ERR_SYNC, errno, NULL,
				    "the transaction was not committed");
	return 0;
}
