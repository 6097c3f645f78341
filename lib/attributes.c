/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owner, mode, times, inode flags.
 *
 * btrfs ties compression flags to the property "btrfs.compression": FS_IOC_SETFLAGS rewrites or
 * removes the property whenever it is called, whichever flags are to change, and so makes a "zstd"
 * property a "zlib" one; setting the property sets the flags. FS_IOC_FSSETXATTR leaves both alone.
 * Hence FS_IOC_SETFLAGS only before the property is set, and FS_IOC_FSSETXATTR for the flags that
 * come last.
 *
 * Another file system than btrfs keeps flags of its own among those of FS_IOC_SETFLAGS (ext4 that of
 * extents), so there only FS_IOC_FSSETXATTR is used.
 */
#include "attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DATA_FLAGS (FS_NOCOW_FL | FS_DIRSYNC_FL)
#define COMPRESSION_FLAGS (FS_COMPR_FL | FS_NOCOMP_FL)
#define HOLDING_XFLAGS (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND)
#define LAST_XFLAGS (HOLDING_XFLAGS | FS_XFLAG_NODUMP | FS_XFLAG_NOATIME | FS_XFLAG_SYNC)
#define MODE_BITS 07777

static int get_flags(int fd, unsigned *flags_ret)
{
	unsigned flags = 0;

	/* ENOTTY: the place-holder of a nested subvolume, which has no flags. */
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0 && errno != ENOTTY)
		return -1;
	*flags_ret = flags;
	return 0;
}

static int set_flags(const struct br_object *object, unsigned flags, struct br_error *err)
{
	if (ioctl(object->fd, FS_IOC_SETFLAGS, &flags) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, object->name,
				    "cannot set inode flags %#x", flags);
	return 0;
}

int br_attributes_get_flags(const struct br_object *object, unsigned *flags_ret,
			    struct br_error *err)
{
	if (get_flags(object->fd, flags_ret) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, object->name,
				    "cannot read inode flags");
	return 0;
}

int br_attributes_read(const struct br_object *object, struct br_attributes *attributes_ret,
		       struct br_error *err)
{
	struct br_attributes read;

	if (statx(object->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &read.stx) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, object->name, NULL);
	if (read.stx.stx_attributes & STATX_ATTR_VERITY)
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, object->name,
				    "protected by fs-verity");
	if (read.stx.stx_attributes & STATX_ATTR_ENCRYPTED)
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, object->name, "encrypted");
	if (br_attributes_get_flags(object, &read.flags, err) < 0)
		return err->code;
	*attributes_ret = read;
	return 0;
}

int br_attributes_set_data_flags(const struct br_object *dst, unsigned flags, unsigned now,
				 struct br_error *err)
{
	/*
	 * Of a file without checksums the property could not be set; see
	 * br_attributes_reset_data_flags.
	 */
	if (dst->is_foreign ||
	    (((now ^ flags) & DATA_FLAGS) == 0 && (flags & COMPRESSION_FLAGS) == 0))
		return 0;
	return br_attributes_reset_data_flags(dst, flags, err);
}

int br_attributes_reset_data_flags(const struct br_object *dst, unsigned flags,
				   struct br_error *err)
{
	return set_flags(dst, flags & DATA_FLAGS, err);
}

/*
 * Files whose compression was decided by flag alone: "chattr +m", or data that the kernel found
 * incompressible.
 */
static int apply_compression(const struct br_attributes *from, const struct br_object *dst,
			     const struct br_xattr_space *space, struct br_error *err)
{
	unsigned wanted = from->flags & COMPRESSION_FLAGS;

	if (wanted == 0 || dst->is_foreign || from->flags & FS_NOCOW_FL ||
	    br_xattr_listed(space, BR_XATTR_COMPRESSION))
		return 0;
	return set_flags(dst, wanted | (from->flags & DATA_FLAGS), err);
}

static unsigned last_xflags(unsigned flags)
{
	static const unsigned table[][2] = {
		{ FS_IMMUTABLE_FL, FS_XFLAG_IMMUTABLE }, { FS_APPEND_FL, FS_XFLAG_APPEND },
		{ FS_NODUMP_FL, FS_XFLAG_NODUMP },       { FS_NOATIME_FL, FS_XFLAG_NOATIME },
		{ FS_SYNC_FL, FS_XFLAG_SYNC },
	};
	unsigned xflags = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (flags & table[i][0])
			xflags |= table[i][1];
	return xflags;
}

/* Replace some of the flags that FS_IOC_FSSETXATTR knows. */
static int change_xflags(int fd, unsigned mask, unsigned xflags, unsigned *before_ret)
{
	struct fsxattr fsx;
	unsigned before;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &fsx) != 0)
		return -1;
	before = fsx.fsx_xflags & mask;
	fsx.fsx_xflags = (fsx.fsx_xflags & ~mask) | xflags;
	if (before != xflags && ioctl(fd, FS_IOC_FSSETXATTR, &fsx) != 0)
		return -1;
	if (before_ret)
		*before_ret = before;
	return 0;
}

/* Where there are no such flags, none is set. */
static bool has_no_xflags(int failed)
{
	return failed == ENOTTY || failed == EOPNOTSUPP;
}

int br_attributes_release(int fd, unsigned *held_ret)
{
	int r = change_xflags(fd, HOLDING_XFLAGS, 0, held_ret);

	if (r == 0 || !has_no_xflags(errno))
		return r;
	if (held_ret)
		*held_ret = 0;
	return 0;
}

int br_attributes_hold(int fd, unsigned held)
{
	return change_xflags(fd, HOLDING_XFLAGS, held, NULL);
}

static int apply_last_flags(const struct br_attributes *from, const struct br_object *dst,
			    struct br_error *err)
{
	unsigned xflags = last_xflags(from->flags);

	if (xflags != 0 && change_xflags(dst->fd, xflags, xflags, NULL) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, dst->name,
				    "cannot set extended inode flags %#x", xflags);
	return 0;
}

static int change_owner(const struct br_object *dst, uid_t uid, gid_t gid)
{
	if (dst->fd >= 0)
		return fchown(dst->fd, uid, gid);
	return fchownat(dst->dir, dst->name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

static int change_mode(const struct br_object *dst, mode_t mode)
{
	if (dst->fd >= 0)
		return fchmod(dst->fd, mode);
	if (fchmodat(dst->dir, dst->name, mode, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	/*
	 * Before Linux 6.6 the C library needs /proc for this. We made it and it is no symbolic
	 * link.
	 */
	return errno == EOPNOTSUPP ? fchmodat(dst->dir, dst->name, mode, 0) : -1;
}

static int look_at(const struct br_object *dst, struct stat *ret, struct br_error *err)
{
	int r = dst->fd >= 0 ? fstat(dst->fd, ret)
			     : fstatat(dst->dir, dst->name, ret, AT_SYMLINK_NOFOLLOW);

	if (r != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, dst->name,
				    "cannot look at the copy");
	return 0;
}

/* Owner first: it clears setuid bits, and capabilities, which are extended attributes. */
static int apply_owner_and_mode(const struct br_attributes *from, const struct br_object *dst,
				const struct stat *now, struct br_error *err)
{
	const struct statx *stx = &from->stx;
	mode_t mode = stx->stx_mode & MODE_BITS;
	struct stat looked;

	if (!now) {
		int r = look_at(dst, &looked, err);

		if (r < 0)
			return r;
		now = &looked;
	}
	if ((now->st_uid != stx->stx_uid || now->st_gid != stx->stx_gid) &&
	    change_owner(dst, stx->stx_uid, stx->stx_gid) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, dst->name,
				    "cannot set the owner");
	if (!S_ISLNK(now->st_mode) && (now->st_mode & MODE_BITS) != mode &&
	    change_mode(dst, mode) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, dst->name,
				    "cannot set the mode");
	return 0;
}

static int apply_times(const struct br_attributes *from, const struct br_object *dst,
		       struct br_error *err)
{
	const struct statx *stx = &from->stx;
	const struct timespec times[2] = {
		{ .tv_sec = stx->stx_atime.tv_sec, .tv_nsec = stx->stx_atime.tv_nsec },
		{ .tv_sec = stx->stx_mtime.tv_sec, .tv_nsec = stx->stx_mtime.tv_nsec },
	};
	int r = dst->fd >= 0 ? futimens(dst->fd, times)
			     : utimensat(dst->dir, dst->name, times, AT_SYMLINK_NOFOLLOW);

	if (r != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, dst->name,
				    "cannot set the times");
	return 0;
}

int br_attributes_apply(const struct br_attributes *from, const struct br_object *src,
			const struct br_object *dst, const struct stat *now,
			struct br_xattr_space *space, struct br_error *err)
{
	const char *skip = (from->flags & FS_NOCOW_FL) ? BR_XATTR_COMPRESSION : NULL;
	int r = apply_owner_and_mode(from, dst, now, err);

	if (r == 0)
		r = br_xattr_copy(src, dst, skip, space, err);
	if (r == 0)
		r = apply_compression(from, dst, space, err);
	if (r == 0)
		r = apply_times(from, dst, err);
	if (r == 0)
		r = apply_last_flags(from, dst, err);
	return r;
}

int br_attributes_apply_basic(const struct br_attributes *from, const struct br_object *dst,
			      struct br_error *err)
{
	int r = apply_owner_and_mode(from, dst, NULL, err);

	return r < 0 ? r : apply_times(from, dst, err);
}

static int clear_flags(const struct br_object *object, struct br_error *err)
{
	unsigned flags;

	if (object->is_foreign) {
		if (change_xflags(object->fd, LAST_XFLAGS, 0, NULL) != 0 && !has_no_xflags(errno))
			return br_error_set(err, BR_ERR_FLAGS, errno, object->name,
					    "cannot clear inode flags");
		return 0;
	}
	if (get_flags(object->fd, &flags) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, object->name,
				    "cannot read inode flags");
	return flags != 0 ? set_flags(object, 0, err) : 0;
}

static int clear_open(const struct br_object *object, struct br_error *err)
{
	struct stat st;
	int r = clear_flags(object, err);

	if (r < 0)
		return r;
	if (fstat(object->fd, &st) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, object->name,
				    "cannot look at the copy");
	if (!S_ISDIR(st.st_mode))
		return 0;
	/* As it is now, each object made inside would get its group. */
	if (fchown(object->fd, (uid_t)-1, getegid()) != 0 || fchmod(object->fd, S_IRWXU) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, object->name,
				    "cannot clear the mode");
	return 0;
}

int br_attributes_clear(const struct br_object *object, struct br_xattr_space *space,
			struct br_error *err)
{
	int r = object->fd >= 0 ? clear_open(object, err) : 0;

	return r < 0 ? r : br_xattr_clear(object, space, err);
}
