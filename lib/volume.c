/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a mounted btrfs, asked one by one. */
#include "volume.h"

#include "cleanup.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

static int fail(struct br_error *err, const char *what, uint64_t devid)
{
	return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "%s of device %llu", what,
			    (unsigned long long)devid);
}

static int add_errors(int fd, uint64_t devid, struct br_volume *volume, struct br_error *err)
{
	struct btrfs_ioctl_get_dev_stats stats = { .devid = devid,
						   .nr_items = BTRFS_DEV_STAT_VALUES_MAX };

	if (ioctl(fd, BTRFS_IOC_GET_DEV_STATS, &stats) != 0)
		return errno == ENODEV ? 0 : fail(err, "error counters", devid); /* missing */
	for (uint64_t i = 0; i < stats.nr_items && i < BTRFS_DEV_STAT_VALUES_MAX; i++)
		volume->errors += stats.values[i];
	return 0;
}

/* There are gaps between the ids. */
static int add_device(int fd, uint64_t devid, struct br_volume *volume, struct br_error *err)
{
	struct btrfs_ioctl_dev_info_args info = { .devid = devid };

	if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) != 0)
		return errno == ENODEV ? 0 : fail(err, "space", devid);
	if (info.path[0] == '\0')
		volume->missing++;
	volume->size += info.total_bytes;
	volume->unallocated += info.total_bytes - info.bytes_used;
	return add_errors(fd, devid, volume, err);
}

int br_volume_read(int fd, struct br_volume *ret, struct br_error *err)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct br_volume volume = { 0 };
	struct statvfs fs;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0 || fstatvfs(fd, &fs) != 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL,
				    "the file system's size");
	volume.devices = info.num_devices;
	volume.total = fs.f_blocks * fs.f_frsize;
	volume.used = (fs.f_blocks - fs.f_bfree) * fs.f_frsize;
	volume.available = fs.f_bavail * fs.f_frsize;
	for (uint64_t devid = 0; devid <= info.max_id; devid++) {
		int r = add_device(fd, devid, &volume, err);

		if (r < 0)
			return r;
	}
	*ret = volume;
	return 0;
}

/* The kernel's answer, owned by the caller; NULL: err is set. */
static struct btrfs_ioctl_space_args *read_spaces(int fd, struct br_error *err)
{
	struct btrfs_ioctl_space_args count = { 0 };
	struct btrfs_ioctl_space_args *args;
	uint64_t slots;

	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, &count) != 0) {
		(void)br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "block groups");
		return NULL;
	}
	slots = count.total_spaces;
	args = calloc(1, sizeof(*args) + slots * sizeof(args->spaces[0]));
	if (!args) {
		(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		return NULL;
	}
	args->space_slots = slots;
	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, args) != 0) {
		(void)br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "block groups");
		free(args);
		return NULL;
	}
	return args;
}

/* Copies of each block. */
static unsigned copies_of(uint64_t flags)
{
	if (flags & BTRFS_BLOCK_GROUP_RAID1C4)
		return 4;
	if (flags & BTRFS_BLOCK_GROUP_RAID1C3)
		return 3;
	return flags & (BTRFS_BLOCK_GROUP_DUP | BTRFS_BLOCK_GROUP_RAID1 | BTRFS_BLOCK_GROUP_RAID10)
		       ? 2
		       : 1;
}

int br_volume_metadata_room(int fd, uint64_t *ret, struct br_error *err)
{
	BR_AUTO_FREE struct btrfs_ioctl_space_args *args = read_spaces(fd, err);
	uint64_t room = 0, reserve = 0;
	unsigned copies = 1;
	struct br_volume volume = { 0 };
	int r;

	if (!args)
		return err->code;
	if ((r = br_volume_read(fd, &volume, err)) < 0)
		return r;
	for (uint64_t i = 0; i < args->total_spaces && i < args->space_slots; i++) {
		const struct btrfs_ioctl_space_info *space = &args->spaces[i];

		if (space->flags & BTRFS_SPACE_INFO_GLOBAL_RSV) {
			reserve = space->total_bytes;
		} else if (space->flags & BTRFS_BLOCK_GROUP_METADATA) {
			room += space->total_bytes - space->used_bytes;
			copies = copies_of(space->flags);
		}
	}
	room += volume.unallocated / copies;
	*ret = room > reserve ? room - reserve : 0;
	return 0;
}
