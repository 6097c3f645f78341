/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an open subvolume is: on which file system, under which path. */
#include "subvol.h"

#include <btrfsutil.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

int br_subvol_path(int fd, char **path_ret, struct br_error *err)
{
	if (btrfs_util_subvolume_path_fd(fd, 0, path_ret))
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL, "cannot look up its path");
	return 0;
}

int br_subvol_path_of(int fd, uint64_t id, char **path_ret, struct br_error *err)
{
	if (btrfs_util_subvolume_path_fd(fd, id, path_ret))
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "cannot look up the path of subvolume %llu",
				    (unsigned long long)id);
	return 0;
}

void br_subvol_format_uuid(const uint8_t uuid[BR_UUID_SIZE], char text[BR_FSID_SIZE])
{
	size_t at = 0;

	for (size_t i = 0; i < BR_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[at++] = '-';
		(void)snprintf(text + at, BR_FSID_SIZE - at, "%02x", uuid[i]); /* always fits */
		at += 2;
	}
}

int br_subvol_fsid(int fd, char fsid_ret[BR_FSID_SIZE], struct br_error *err)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct statfs fs;

	if (fstatfs(fd, &fs) != 0)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL, NULL);
	/* ioctl numbers mean something else elsewhere */
	if (fs.f_type != BTRFS_SUPER_MAGIC)
		return br_error_set(err, BR_ERR_LAYOUT, 0, NULL, "not on a btrfs");
	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "cannot ask the file system for its UUID");
	br_subvol_format_uuid(info.fsid, fsid_ret);
	return 0;
}
