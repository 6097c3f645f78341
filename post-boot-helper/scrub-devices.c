/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a file system, as a scrub sees them. */
#include "scrub-devices.h"

#include "cleanup.h"

#include <errno.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* How often what is used is on the devices; parity is not counted by the kernel either. */
static unsigned copies_of(uint64_t profile)
{
	if (profile & BTRFS_BLOCK_GROUP_RAID1C4)
		return 4;
	if (profile & BTRFS_BLOCK_GROUP_RAID1C3)
		return 3;
	return profile & (BTRFS_BLOCK_GROUP_DUP | BTRFS_BLOCK_GROUP_RAID1 |
			  BTRFS_BLOCK_GROUP_RAID10)
		       ? 2
		       : 1;
}

static int ask_spaces(int fd, struct btrfs_ioctl_space_args *args, struct br_error *err)
{
	if (ioctl(fd, BTRFS_IOC_SPACE_INFO, args) == 0)
		return 0;
	return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "the profiles in use");
}

static int read_profiles(int fd, struct scrub_devices *devices, struct br_error *err)
{
	struct btrfs_ioctl_space_args count = { 0 };
	BR_AUTO_FREE struct btrfs_ioctl_space_args *args = NULL;
	uint64_t slots;
	int r = ask_spaces(fd, &count, err);

	if (r < 0)
		return r;
	slots = count.total_spaces;
	args = calloc(1, sizeof(*args) + slots * sizeof(args->spaces[0]));
	if (!args)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	args->space_slots = slots;
	if ((r = ask_spaces(fd, args, err)) < 0)
		return r;
	for (uint64_t i = 0; i < args->total_spaces && i < slots; i++) {
		const struct btrfs_ioctl_space_info *space = &args->spaces[i];

		if (space->flags & BTRFS_SPACE_INFO_GLOBAL_RSV)
			continue;
		devices->total += space->used_bytes * copies_of(space->flags);
		devices->one_by_one |= (space->flags & BTRFS_BLOCK_GROUP_RAID56_MASK) != 0;
	}
	return 0;
}

/* There are gaps between the ids; 0 is a device that takes the place of another one, until it has. */
static int add_device(int fd, uint64_t devid, struct scrub_devices *devices, struct br_error *err)
{
	struct btrfs_ioctl_dev_info_args info = { .devid = devid };
	struct scrub_device *grown, *device;

	if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) != 0)
		return errno == ENODEV ? 0
				       : br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL,
						      "device %llu", (unsigned long long)devid);
	grown = reallocarray(devices->list, devices->count + 1, sizeof(*grown));
	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	devices->list = grown;
	device = &grown[devices->count++];
	*device = (struct scrub_device){ .devid = devid };
	memcpy(device->path, info.path, sizeof(info.path));
	devices->missing += device->path[0] == '\0';
	return 0;
}

int scrub_devices_read(int fd, struct scrub_devices *ret, struct br_error *err)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct scrub_devices devices = { 0 };
	int r;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "its devices");
	r = read_profiles(fd, &devices, err);
	for (uint64_t devid = 1; r == 0 && devid <= info.max_id; devid++)
		r = add_device(fd, devid, &devices, err);
	if (r < 0) {
		scrub_devices_free(&devices);
		return r;
	}
	*ret = devices;
	return 0;
}

int scrub_devices_progress(int fd, uint64_t devid, struct btrfs_scrub_progress *ret,
			   struct br_error *err)
{
	struct btrfs_ioctl_scrub_args args = { .devid = devid };

	if (ioctl(fd, BTRFS_IOC_SCRUB_PROGRESS, &args) == 0) {
		*ret = args.progress;
		return 1;
	}
	if (errno == ENOTCONN || errno == ENODEV)
		return 0;
	return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL, "the progress of its scrub");
}

int scrub_devices_are_replaced(int fd, struct br_error *err)
{
	struct btrfs_ioctl_dev_replace_args args = {
		.cmd = BTRFS_IOCTL_DEV_REPLACE_CMD_STATUS,
	};

	if (ioctl(fd, BTRFS_IOC_DEV_REPLACE, &args) != 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL,
				    "whether a device is being replaced");
	return args.status.replace_state == BTRFS_IOCTL_DEV_REPLACE_STATE_STARTED ||
	       args.status.replace_state == BTRFS_IOCTL_DEV_REPLACE_STATE_SUSPENDED;
}

int scrub_devices_are_busy(int fd, const struct scrub_devices *devices, struct br_error *err)
{
	struct btrfs_scrub_progress progress;
	int r = scrub_devices_are_replaced(fd, err);

	/* what the kernel tells is the progress of that then, and to cancel it would end that */
	if (r != 0)
		return r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < devices->count; i++)
		r = scrub_devices_progress(fd, devices->list[i].devid, &progress, err);
	return r;
}

void scrub_devices_free(struct scrub_devices *devices)
{
	if (!devices)
		return;
	free(devices->list);
	*devices = (struct scrub_devices){ 0 };
}
