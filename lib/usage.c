/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices and kinds of block groups, asked one by one. */
#include "usage.h"

#include "cleanup.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define SPACES_MORE 8 /* that may come into being between two calls */

/* In the order of the kernel's. */
static const char *const error_names[] = {
	[BR_DEVICE_ERROR_WRITE] = "write",           [BR_DEVICE_ERROR_READ] = "read",
	[BR_DEVICE_ERROR_FLUSH] = "flush",           [BR_DEVICE_ERROR_CORRUPTION] = "corruption",
	[BR_DEVICE_ERROR_GENERATION] = "generation",
};

static const struct {
	uint64_t flag;
	const char *name;
} profiles[] = {
	{ BTRFS_BLOCK_GROUP_RAID0, "raid0" },     { BTRFS_BLOCK_GROUP_RAID1, "raid1" },
	{ BTRFS_BLOCK_GROUP_RAID1C3, "raid1c3" }, { BTRFS_BLOCK_GROUP_RAID1C4, "raid1c4" },
	{ BTRFS_BLOCK_GROUP_DUP, "dup" },         { BTRFS_BLOCK_GROUP_RAID10, "raid10" },
	{ BTRFS_BLOCK_GROUP_RAID5, "raid5" },     { BTRFS_BLOCK_GROUP_RAID6, "raid6" },
};

const char *br_device_error_name(enum br_device_error error)
{
	return error_names[error];
}

static int fail(struct br_error *err, const char *what)
{
	return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "%s", what);
}

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- devices --- */

static int read_errors(int fd, struct br_usage_device *device, struct br_error *err)
{
	struct btrfs_ioctl_get_dev_stats stats = { .devid = device->id,
						   .nr_items = BTRFS_DEV_STAT_VALUES_MAX };

	if (ioctl(fd, BTRFS_IOC_GET_DEV_STATS, &stats) != 0)
		return errno == ENODEV ? 0 : fail(err, "the error counters of a device");
	device->has_errors = true;
	for (uint64_t i = 0; i < stats.nr_items && i < BR_DEVICE_ERROR_COUNT; i++)
		device->errors[i] = stats.values[i];
	return 0;
}

/* There are gaps between the ids. */
static int add_device(int fd, uint64_t id, struct br_usage *usage, struct br_error *err)
{
	struct btrfs_ioctl_dev_info_args info = { .devid = id };
	struct br_usage_device *device;

	if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) != 0)
		return errno == ENODEV ? 0 : fail(err, "the space of a device");
	device = reallocarray(usage->devices, usage->device_count + 1, sizeof(*device));
	if (!device)
		return no_memory(err);
	usage->devices = device;
	device += usage->device_count++;
	*device = (struct br_usage_device){ .id = id,
					    .is_missing = info.path[0] == '\0',
					    .size = info.total_bytes,
					    .allocated = info.bytes_used };
	memcpy(device->path, info.path, sizeof(device->path) - 1); /* the last byte is 0 */
	return read_errors(fd, device, err);
}

static int read_devices(int fd, struct br_usage *usage, struct br_error *err)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	int r = 0;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0)
		return fail(err, "the devices of the file system");
	for (uint64_t id = 0; r == 0 && id <= info.max_id; id++)
		r = add_device(fd, id, usage, err);
	return r;
}

/* --- block groups --- */

static const char *type_of(uint64_t flags)
{
	if (flags & BTRFS_SPACE_INFO_GLOBAL_RSV)
		return "reserve"; /* a part of metadata: not on top of it */
	if ((flags & BTRFS_BLOCK_GROUP_DATA) && (flags & BTRFS_BLOCK_GROUP_METADATA))
		return "mixed";
	if (flags & BTRFS_BLOCK_GROUP_DATA)
		return "data";
	return flags & BTRFS_BLOCK_GROUP_SYSTEM ? "system" : "metadata";
}

static const char *profile_of(uint64_t flags)
{
	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (flags & profiles[i].flag)
			return profiles[i].name;
	return "single";
}

static int take_spaces(const struct btrfs_ioctl_space_args *args, struct br_usage *usage,
		       struct br_error *err)
{
	usage->spaces = calloc(args->total_spaces + 1, sizeof(*usage->spaces));
	if (!usage->spaces)
		return no_memory(err);
	for (uint64_t i = 0; i < args->total_spaces; i++) {
		const struct btrfs_ioctl_space_info *info = &args->spaces[i];

		usage->spaces[usage->space_count++] = (struct br_usage_space){
			.type = type_of(info->flags),
			.profile = profile_of(info->flags),
			.allocated = info->total_bytes,
			.used = info->used_bytes
		};
	}
	return 0;
}

static int read_spaces(int fd, struct br_usage *usage, struct br_error *err)
{
	struct btrfs_ioctl_space_args count = { 0 };
	BR_AUTO_FREE struct btrfs_ioctl_space_args *args = NULL;
	uint64_t slots;

	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, &count) != 0)
		return fail(err, "how the space is allocated");
	slots = count.total_spaces + SPACES_MORE;
	args = calloc(1, sizeof(*args) + slots * sizeof(args->spaces[0]));
	if (!args)
		return no_memory(err);
	args->space_slots = slots;
	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, args) != 0)
		return fail(err, "how the space is allocated");
	return take_spaces(args, usage, err);
}

int br_usage_read(int fd, struct br_usage *ret, struct br_error *err)
{
	struct br_usage usage = { 0 };
	int r = read_devices(fd, &usage, err);

	if (r == 0)
		r = read_spaces(fd, &usage, err);
	if (r < 0)
		br_usage_free(&usage);
	else
		*ret = usage;
	return r;
}

void br_usage_free(struct br_usage *usage)
{
	if (!usage)
		return;
	free(usage->devices);
	free(usage->spaces);
	*usage = (struct br_usage){ 0 };
}
