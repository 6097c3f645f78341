/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of directories, for what is made in them from then on. */
#include "beneath.h"
#include "cleanup.h"
#include "subvol.h"
#include "tune.h"
#include "xattr.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

static bool is_nodatacow(const struct br_knob *knob)
{
	return strcmp(knob->name, "directory.nodatacow") == 0;
}

/* *fd_ret -1: not there, or of another file system. */
static int open_directory(const struct tune_facts *facts, const char *path, int *fd_ret,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	char fsid[BR_FSID_SIZE];
	struct br_error ignored;
	int r = br_open_real_directory(path, &fd, err);

	*fd_ret = -1;
	if (r < 0)
		return err->sys_errno == ENOENT || err->sys_errno == ENOTDIR || r == BR_ERR_SYMLINK
			       ? 0
			       : r;
	if (br_subvol_fsid(fd, fsid, &ignored) == 0 && strcmp(fsid, facts->fsid) == 0)
		*fd_ret = br_take_fd(&fd);
	return 0;
}

static int get_flags(int fd, const char *path, int *ret, struct br_error *err)
{
	if (ioctl(fd, FS_IOC_GETFLAGS, ret) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, path, NULL);
	return 0;
}

static int get_compress(int fd, const char *path, char value[64], struct br_error *err)
{
	ssize_t n = fgetxattr(fd, BR_XATTR_COMPRESSION, value, 63);

	if (n < 0 && errno != ENODATA)
		return br_error_set(err, BR_ERR_XATTR, errno, path, NULL);
	value[n > 0 ? n : 0] = '\0';
	if (n <= 0)
		(void)snprintf(value, 64, "no");
	return 0;
}

int tune_directory_read(const struct tune_facts *facts, const struct br_knob *knob,
			const char *object, char **ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	char value[64] = "no";
	int flags = 0;
	int r = open_directory(facts, object, &fd, err);

	*ret = NULL;
	if (r < 0 || fd < 0)
		return r;
	if (is_nodatacow(knob)) {
		r = get_flags(fd, object, &flags, err);
		if (flags & FS_NOCOW_FL)
			(void)snprintf(value, sizeof(value), "yes");
	} else {
		r = get_compress(fd, object, value, err);
	}
	if (r < 0)
		return r;
	*ret = strdup(value);
	return *ret ? 0 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int set_nodatacow(int fd, const char *path, bool is_wanted, struct br_error *err)
{
	int flags;
	int r = get_flags(fd, path, &flags, err);

	if (r < 0)
		return r;
	if (is_wanted && flags & FS_COMPR_FL)
		return br_error_set(
			err, BR_ERR_FLAGS, 0, path,
			"it is to be compressed, and what is not copied on write is not");
	flags = is_wanted ? flags | FS_NOCOW_FL : flags & ~FS_NOCOW_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, path, NULL);
	return 0;
}

static int set_compress(int fd, const char *path, const char *value, struct br_error *err)
{
	int flags;
	int r = get_flags(fd, path, &flags, err);
	bool is_no = strcmp(value, "no") == 0;

	if (r < 0)
		return r;
	if (!is_no && flags & FS_NOCOW_FL)
		return br_error_set(
			err, BR_ERR_XATTR, 0, path,
			"it is nodatacow, and what is not copied on write is not compressed");
	/* removed, it is as if it never was: "no" would be a property too */
	if (is_no ? fremovexattr(fd, BR_XATTR_COMPRESSION) != 0 && errno != ENODATA
		  : fsetxattr(fd, BR_XATTR_COMPRESSION, value, strlen(value), 0) != 0)
		return br_error_set(err, BR_ERR_XATTR, errno, path, NULL);
	return 0;
}

int tune_directory_write(const struct tune_facts *facts, const struct br_knob *knob,
			 const char *object, const char *value, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = open_directory(facts, object, &fd, err);

	if (r < 0)
		return r;
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, ENOENT, object, NULL);
	return is_nodatacow(knob) ? set_nodatacow(fd, object, strcmp(value, "yes") == 0, err)
				  : set_compress(fd, object, value, err);
}
