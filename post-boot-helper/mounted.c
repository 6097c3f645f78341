/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where subvolumes are seen in the running system. */
#include "mounted.h"

#include "cleanup.h"
#include "subvol.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>

bool mounted_shows(const struct br_mount *mount, const char *subvolume, const char *filesystem)
{
	BR_AUTO_CLOSE int fd = -1;
	char fsid[BR_FSID_SIZE];
	struct br_error ignored;
	bool is_root = false;

	if (strcmp(mount->type, "btrfs") != 0 || mount->root[0] != '/' ||
	    strcmp(mount->root + 1, subvolume) != 0)
		return false;
	fd = open(mount->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && br_subvol_is_root(fd, &is_root, &ignored) == 0 && is_root &&
	       br_subvol_fsid(fd, fsid, &ignored) == 0 &&
	       (!filesystem || strcasecmp(fsid, filesystem) == 0);
}

static bool is_subvolume(int fd, const char *subvolume, int top)
{
	char fsid[BR_FSID_SIZE], wanted[BR_FSID_SIZE];
	BR_AUTO_FREE char *path = NULL;
	struct br_error ignored;
	bool is_root = false;

	return br_subvol_is_root(fd, &is_root, &ignored) == 0 && is_root &&
	       br_subvol_fsid(fd, fsid, &ignored) == 0 &&
	       br_subvol_fsid(top, wanted, &ignored) == 0 && strcmp(fsid, wanted) == 0 &&
	       br_subvol_path(fd, &path, &ignored) == 0 && strcmp(path, subvolume) == 0;
}

int mounted_open(const char *where, const char *subvolume, int top, int *fd_ret,
		 struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, where, NULL);
	if (!is_subvolume(fd, subvolume, top))
		return br_error_set(err, BR_ERR_LAYOUT, 0, where,
				    "%s of this file system is not what is mounted there",
				    subvolume);
	*fd_ret = br_take_fd(&fd);
	return 0;
}
