/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories of blankroot's own in the top level. */
#include "private-dir.h"

#include "beneath.h"
#include "cleanup.h"
#include "subvol.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

static int secure(int fd, const char *name, struct br_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	if (st.st_uid == 0 && (st.st_mode & 077) == 0)
		return 0;
	if (fchown(fd, 0, 0) != 0 || fchmod(fd, 0700) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, name, NULL);
	return 0;
}

int br_private_dir_open(int top, const char *name, int *fd_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	bool is_subvolume = false;
	int r;

	if (mkdirat(top, name, 0700) != 0 && errno != EEXIST)
		return br_error_set(err, BR_ERR_CREATE, errno, name, NULL);
	r = br_open_beneath(top, name, O_RDONLY | O_DIRECTORY, 0, &fd, err);
	if (r == 0 && br_subvol_is_root(fd, &is_subvolume, err) < 0)
		return br_error_name(err, name);
	if (r == BR_ERR_SYMLINK || (r < 0 && err->sys_errno == ENOTDIR) || is_subvolume)
		return br_error_set(err, BR_ERR_LAYOUT, 0, name,
				    "must be a plain directory; rename what is there");
	if (r < 0 || (r = secure(fd, name, err)) < 0)
		return r;
	*fd_ret = br_take_fd(&fd);
	return 0;
}
