/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's balance of a file system. */
#include "balance-kernel.h"

#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define SYSFS "/sys/fs/btrfs"
#define VALUE_MAX 4096

#define OUR_FILTERS (BTRFS_BALANCE_ARGS_VRANGE | BTRFS_BALANCE_ARGS_USAGE)

/* Args of a kind that the balance is not for are not looked at. */
static bool is_ours(const struct btrfs_ioctl_balance_args *args)
{
	const struct btrfs_balance_args *one = args->flags & BTRFS_BALANCE_DATA ? &args->data
										: &args->meta;

	return one->flags == OUR_FILTERS && one->vend == one->vstart + 1;
}

static bool is_convert(const struct btrfs_ioctl_balance_args *args)
{
	uint64_t flags = (args->flags & BTRFS_BALANCE_DATA ? args->data.flags : 0) |
			 (args->flags & BTRFS_BALANCE_METADATA ? args->meta.flags : 0) |
			 (args->flags & BTRFS_BALANCE_SYSTEM ? args->sys.flags : 0);

	return flags & BTRFS_BALANCE_ARGS_CONVERT;
}

int balance_kernel_ask(int top, struct balance_kernel *ret, struct br_error *err)
{
	struct btrfs_ioctl_balance_args args = { 0 };

	*ret = (struct balance_kernel){ .state = BALANCE_NONE };
	if (ioctl(top, BTRFS_IOC_BALANCE_PROGRESS, &args) != 0)
		return errno == ENOTCONN
			       ? 0
			       : br_error_set(err, BR_ERR_JOB, errno, NULL, "asking for a balance");
	*ret = (struct balance_kernel){
		.state = args.state & BTRFS_BALANCE_STATE_RUNNING ? BALANCE_RUNNING
								  : BALANCE_PAUSED,
		.is_ours = is_ours(&args),
		.is_convert = is_convert(&args),
		.considered = args.stat.considered,
		.completed = args.stat.completed,
		.expected = args.stat.expected,
	};
	return 0;
}

static int start(int top, struct btrfs_ioctl_balance_args *args)
{
	return ioctl(top, BTRFS_IOC_BALANCE_V2, args) == 0 ? 0 : errno;
}

int balance_kernel_move(int top, const struct br_block_group *group, unsigned usage_max)
{
	struct btrfs_ioctl_balance_args args = { 0 };
	/* what is used exactly as much as that is not below it */
	struct btrfs_balance_args one = {
		.flags = OUR_FILTERS,
		.usage = usage_max < 100 ? usage_max + 1 : 100,
		.vstart = group->start,
		.vend = group->start + 1,
	};

	args.flags = (group->flags & BTRFS_BLOCK_GROUP_DATA ? BTRFS_BALANCE_DATA : 0) |
		     (group->flags & BTRFS_BLOCK_GROUP_METADATA ? BTRFS_BALANCE_METADATA : 0);
	args.data = args.meta = one; /* of mixed block groups both must be the same */
	return start(top, &args);
}

int balance_kernel_resume(int top)
{
	struct btrfs_ioctl_balance_args args = { .flags = BTRFS_BALANCE_RESUME };

	return start(top, &args);
}

static int control(int top, int what)
{
	return ioctl(top, BTRFS_IOC_BALANCE_CTL, what) == 0 ? 0 : errno;
}

int balance_kernel_cancel(int top)
{
	return control(top, BTRFS_BALANCE_CTL_CANCEL);
}

int balance_kernel_pause(int top)
{
	return control(top, BTRFS_BALANCE_CTL_PAUSE);
}

/* NULL: not there. Owned by the caller, without the line end. */
static char *read_value(const char *fsid, const char *name)
{
	struct br_error ignored;
	char path[128];
	char *text = NULL;

	(void)snprintf(path, sizeof(path), SYSFS "/%s/%s", fsid, name); /* fits */
	if (br_file_read(AT_FDCWD, path, VALUE_MAX, &text, NULL, &ignored) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}

bool balance_kernel_other(const char *fsid, char *what, size_t size)
{
	BR_AUTO_FREE char *text = read_value(fsid, "exclusive_operation");

	if (!text || strcmp(text, "none") == 0 || strncmp(text, "balance", 7) == 0)
		return false;
	(void)snprintf(what, size, "%s", text); /* cut: it is for people */
	return true;
}

uint64_t balance_kernel_group_max(const char *fsid, const char *kind)
{
	char name[64];
	BR_AUTO_FREE char *text = NULL;

	(void)snprintf(name, sizeof(name), "allocation/%s/chunk_size", kind); /* fits */
	text = read_value(fsid, name);
	return text ? strtoull(text, NULL, 10) : 0;
}
