/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of a reset: the system calls that nothing can do without, one after another. No
 * configuration, no device search, no checks, no record of what is going on, nothing carried. For
 * comparison only: a power cut between its calls leaves a root that nobody can tell from staging.
 *
 *   floor DEVICE ARCHIVE     on a file system with root, root-blank, old_roots and .blankroot
 */
#include <err.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

static int mount_top(const char *device)
{
	int context = fsopen("btrfs", FSOPEN_CLOEXEC);
	int mounted, top;

	if (context < 0 || fsconfig(context, FSCONFIG_SET_STRING, "source", device, 0) != 0 ||
	    fsconfig(context, FSCONFIG_SET_STRING, "subvolid", "5", 0) != 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) != 0)
		err(1, "%s", device);
	mounted = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOATIME);
	if (mounted < 0)
		err(1, "%s", device);
	top = openat(mounted, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		err(1, "top level of %s", device);
	(void)close(mounted);
	(void)close(context);
	return top;
}

static void snapshot(int top)
{
	struct btrfs_ioctl_vol_args_v2 args = { .name = "staging-root" };
	int blank = openat(top, "root-blank", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int state = openat(top, ".blankroot", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	args.fd = blank;
	if (blank < 0 || state < 0 || ioctl(state, BTRFS_IOC_SNAP_CREATE_V2, &args) != 0)
		err(1, "snapshot of root-blank");
}

static void swap_and_archive(int top, const char *archive)
{
	uint64_t flags = BTRFS_SUBVOL_RDONLY;
	int old;

	if (renameat2(top, ".blankroot/staging-root", top, "root", RENAME_EXCHANGE) != 0 ||
	    renameat2(top, ".blankroot/staging-root", top, archive, RENAME_NOREPLACE) != 0)
		err(1, "exchange");
	old = openat(top, archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (old < 0 || ioctl(old, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) != 0)
		err(1, "%s", archive);
}

static void commit(int top)
{
	uint64_t transaction = 0;

	if (ioctl(top, BTRFS_IOC_START_SYNC, &transaction) != 0 ||
	    ioctl(top, BTRFS_IOC_WAIT_SYNC, &transaction) != 0)
		err(1, "commit");
}

int main(int argc, char *argv[])
{
	int top;

	if (argc != 3)
		errx(2, "usage: floor DEVICE ARCHIVE");
	top = mount_top(argv[1]);
	snapshot(top);
	swap_and_archive(top, argv[2]);
	commit(top);
	return 0; /* the last descriptor goes, and with it the mount */
}
