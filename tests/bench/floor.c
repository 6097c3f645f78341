/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The floor of a reset: the system calls that nothing can do without, one after another. No
 * configuration, no device search, no checks, no record of what is going on, nothing carried. For
 * comparison only: a power cut between its calls leaves a root that nobody can tell from staging.
 *
 *   floor [--prepared] DEVICE[,DEVICE...] NAME...
 *
 * on a file system with NAME and NAME-blank for each, old_roots and .blankroot. --prepared: the new
 * ones are at .blankroot/staging-NAME already, as if somebody had made them ahead.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

struct names {
	char blank[64], staging[64], archive[64];
};

static struct names names_of(const char *name)
{
	struct names names;

	(void)snprintf(names.blank, sizeof(names.blank), "%s-blank", name);
	(void)snprintf(names.staging, sizeof(names.staging), ".blankroot/staging-%s", name);
	(void)snprintf(names.archive, sizeof(names.archive), "old_roots/%s.%d", name,
		       (int)getpid());
	return names;
}

/* Makes the kernel know all of them. Returns the first. */
static const char *scan(char *devices)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	int control = -1;

	if (strchr(devices, ','))
		control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	for (char *next = devices; next && control >= 0;) {
		char *comma = strchr(next, ',');

		if (comma)
			*comma = '\0';
		(void)snprintf(args.name, sizeof(args.name), "%s", next);
		if (ioctl(control, BTRFS_IOC_SCAN_DEV, &args) != 0)
			err(1, "%s", next);
		next = comma ? comma + 1 : NULL;
	}
	return devices;
}

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

static void snapshot(int top, const char *name)
{
	struct names names = names_of(name);
	struct btrfs_ioctl_vol_args_v2 args = { 0 };
	int blank = openat(top, names.blank, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int state = openat(top, ".blankroot", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)snprintf(args.name, sizeof(args.name), "staging-%s", name);
	args.fd = blank;
	if (blank < 0 || state < 0 || ioctl(state, BTRFS_IOC_SNAP_CREATE_V2, &args) != 0)
		err(1, "snapshot of %s", names.blank);
	(void)close(blank);
	(void)close(state);
}

static void swap(int top, const char *name)
{
	struct names names = names_of(name);

	if (renameat2(top, names.staging, top, name, RENAME_EXCHANGE) != 0 ||
	    renameat2(top, names.staging, top, names.archive, RENAME_NOREPLACE) != 0)
		err(1, "exchange of %s", name);
}

static void seal(int top, const char *name)
{
	struct names names = names_of(name);
	uint64_t flags = BTRFS_SUBVOL_RDONLY;
	int old = openat(top, names.archive, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (old < 0 || ioctl(old, BTRFS_IOC_SUBVOL_SETFLAGS, &flags) != 0)
		err(1, "%s", names.archive);
	(void)close(old);
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
	bool prepared = argc > 1 && strcmp(argv[1], "--prepared") == 0;
	char **names = argv + 2 + prepared;
	int top;

	if (argc < 3 + prepared)
		errx(2, "usage: floor [--prepared] DEVICE[,DEVICE...] NAME...");
	top = mount_top(scan(names[-1]));
	for (char **name = names; *name && !prepared; name++)
		snapshot(top, *name);
	for (char **name = names; *name; name++)
		swap(top, *name);
	for (char **name = names; *name; name++)
		seal(top, *name);
	commit(top);
	return 0; /* the last descriptor goes, and with it the mount */
}
