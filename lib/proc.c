/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proc file system, mounted or not. */
#include "proc.h"

#include "cleanup.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

static int mount_detached(void)
{
	BR_AUTO_CLOSE int context = fsopen("proc", FSOPEN_CLOEXEC);

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC,
		       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
}

int br_proc_open(int *fd_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	int mounted;

	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC) {
		*fd_ret = br_take_fd(&fd);
		return 0;
	}
	mounted = mount_detached();
	if (mounted < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, "/proc",
				    "not mounted, and cannot be mounted");
	*fd_ret = mounted;
	return 0;
}
