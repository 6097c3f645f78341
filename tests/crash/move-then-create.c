/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reset as many shell recipes do it. */
#include "move-then-create.h"

#include "cleanup.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* Where the test's mount namespace has a directory that nobody needs. */
#define MOUNTPOINT "/dev/move-then-create"

static int reset(int top)
{
	BR_AUTO_CLOSE int blank = openat(top, "root-blank", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct btrfs_ioctl_vol_args_v2 args = { .fd = blank };

	strcpy(args.name, "root");
	if (blank < 0 || renameat(top, "root", top, "old_roots/root.20260101T000000Z") != 0 ||
	    ioctl(top, BTRFS_IOC_SNAP_CREATE_V2, &args) != 0 || syncfs(top) != 0) {
		fprintf(stderr, "move-then-create: %m\n");
		return 1;
	}
	return 0;
}

int move_then_create(const char *device)
{
	if (mkdir(MOUNTPOINT, 0700) != 0 ||
	    mount(device, MOUNTPOINT, "btrfs", MS_NOATIME, "subvolid=5") != 0) {
		fprintf(stderr, "move-then-create: %s: %m\n", device);
		return 1;
	}
	int top = open(MOUNTPOINT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = top >= 0 ? reset(top) : 1;
	if (top >= 0)
		(void)close(top);
	if (umount2(MOUNTPOINT, 0) != 0 || rmdir(MOUNTPOINT) != 0)
		return 1;
	return status;
}
