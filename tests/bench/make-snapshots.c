/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many read-only snapshots, as a server that starts every hour collects archives of its root:
 *
 *   make-snapshots SUBVOLUME DIR NAME COUNT    DIR/NAME.<time>, each with the mark of an archive and a file changed
 *
 * Each commits a transaction, in the kernel: that is what takes the time.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define FIRST 1600000000

static void mark(int source, time_t when)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%lld\n", (long long)when);
	int fd = openat(source, "changed-every-hour", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0644);

	if (fd < 0 || write(fd, text, (size_t)length) != length || close(fd) != 0 ||
	    fsetxattr(source, "trusted.blankroot.retired", text, (size_t)length - 1, 0) != 0)
		err(1, "cannot change the subvolume");
}

static void snapshot(int source, int dir, const char *name, time_t when)
{
	struct btrfs_ioctl_vol_args_v2 args = { .fd = source, .flags = BTRFS_SUBVOL_RDONLY };
	char at[sizeof("20261123T190501Z")];
	struct tm utc;

	if (!gmtime_r(&when, &utc) || strftime(at, sizeof(at), "%Y%m%dT%H%M%SZ", &utc) == 0)
		errx(1, "no such time");
	(void)snprintf(args.name, sizeof(args.name), "%s.%s", name, at);
	if (ioctl(dir, BTRFS_IOC_SNAP_CREATE_V2, &args) != 0)
		err(1, "%s", args.name);
}

int main(int argc, char *argv[])
{
	int source, dir;
	long count;

	if (argc != 5)
		errx(2, "usage: make-snapshots SUBVOLUME DIR NAME COUNT");
	source = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	count = strtol(argv[4], NULL, 10);
	if (source < 0 || dir < 0)
		err(1, "%s", source < 0 ? argv[1] : argv[2]);
	for (long i = 0; i < count; i++) {
		mark(source, FIRST + 3600 * i);
		snapshot(source, dir, argv[3], FIRST + 3600 * i);
	}
	return 0;
}
