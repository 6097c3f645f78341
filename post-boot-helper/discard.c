/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the devices of a file system are told of free blocks. */
#include "discard.h"

#include "cleanup.h"
#include "file.h"
#include "mountinfo.h"
#include "subvol.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define VALUE_MAX 4096

/* --- devices --- */

/* Of a partition, the queue is that of its disk. NULL: not known. */
static char *read_limit(dev_t device)
{
	static const char *const places[] = { "queue", "../queue" };
	struct br_error ignored;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[128], *text = NULL;

		(void)snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/discard_max_bytes",
			       major(device), minor(device), places[i]); /* fits */
		if (br_file_read(AT_FDCWD, path, VALUE_MAX, &text, NULL, &ignored) == 0)
			return text;
	}
	return NULL;
}

/* Also when it cannot be told. */
static bool may_discard(const char *path)
{
	BR_AUTO_FREE char *limit = NULL;
	struct stat st;

	if (stat(path, &st) != 0 || !S_ISBLK(st.st_mode))
		return true;
	limit = read_limit(st.st_rdev);
	return !limit || strtoull(limit, NULL, 10) > 0;
}

static bool any_may_discard(int top)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };

	if (ioctl(top, BTRFS_IOC_FS_INFO, &info) != 0)
		return true;
	for (uint64_t id = 0; id <= info.max_id; id++) {
		struct btrfs_ioctl_dev_info_args device = { .devid = id };

		if (ioctl(top, BTRFS_IOC_DEV_INFO, &device) == 0 && device.path[0] != '\0' &&
		    may_discard((const char *)device.path))
			return true;
	}
	return false;
}

/* --- mounts --- */

/* A mount that cannot be opened is one that tells nothing. */
static bool is_on(const struct br_mount *mount, const char *fsid)
{
	BR_AUTO_CLOSE int fd = -1;
	char found[BR_FSID_SIZE];
	struct br_error ignored;

	if (strcmp(mount->type, "btrfs") != 0)
		return false;
	fd = open(mount->target, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 && br_subvol_fsid(fd, found, &ignored) == 0 && strcmp(found, fsid) == 0;
}

/* The options are those of the file system: every mount of it has the same. */
static enum discard_state state_of(const char *options)
{
	size_t length;

	for (const char *at = options; *at; at += length + (at[length] == ',')) {
		length = strcspn(at, ",");
		if (strncmp(at, "discard=async", length) == 0 && length == strlen("discard=async"))
			return DISCARD_CONTINUOUS;
		if (strncmp(at, "discard", length) == 0 && length == strlen("discard"))
			return DISCARD_SYNC;
	}
	return DISCARD_NONE;
}

int discard_ask(const struct filesystem *filesystem, enum discard_state *ret, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	int r = br_mountinfo_read(&mounts, err);

	if (r < 0)
		return r;
	*ret = DISCARD_NONE;
	if (!any_may_discard(filesystem->top)) {
		*ret = DISCARD_UNSUPPORTED;
		return 0;
	}
	for (size_t i = 0; i < mounts.count; i++)
		if (is_on(&mounts.mounts[i], filesystem->device.fsid)) {
			*ret = state_of(mounts.mounts[i].options);
			break;
		}
	return 0;
}
