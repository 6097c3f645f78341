/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the devices of a file system are allocated. */
#include "allocation.h"

#include "profile.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* What the kernel has built in: fs/btrfs/volumes.c. */
#define STRIPE_MAX GIB
#define DATA_MAX (10 * GIB)
#define SMALL_FILESYSTEM (50 * GIB)
#define METADATA_MAX_SMALL (256 * MIB)
#define METADATA_MAX GIB
#define STRIPE_ROUND (16 * MIB)
#define SHARE_MAX 10 /* a block group takes the tenth part of the file system at most */

static int add_device(int fd, uint64_t id, struct br_allocation *allocation, struct br_error *err)
{
	struct btrfs_ioctl_dev_info_args info = { .devid = id };
	struct br_allocation_device *grown;

	if (ioctl(fd, BTRFS_IOC_DEV_INFO, &info) != 0)
		return errno == ENODEV
			       ? 0 /* there are gaps between the ids */
			       : br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL,
					      "space of device %llu", (unsigned long long)id);
	if (info.path[0] == '\0') {
		allocation->missing++;
		return 0;
	}
	grown = reallocarray(allocation->devices, allocation->count + 1, sizeof(*grown));
	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	allocation->devices = grown;
	grown[allocation->count++] = (struct br_allocation_device){
		.id = id,
		.size = info.total_bytes,
		.unallocated = info.total_bytes - info.bytes_used,
	};
	allocation->size += info.total_bytes;
	allocation->unallocated += info.total_bytes - info.bytes_used;
	return 0;
}

int br_allocation_read(int fd, struct br_allocation *ret, struct br_error *err)
{
	struct btrfs_ioctl_fs_info_args info = { 0 };
	struct br_allocation allocation = { 0 };
	int r = 0;

	if (ioctl(fd, BTRFS_IOC_FS_INFO, &info) != 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, NULL,
				    "the devices of the file system");
	for (uint64_t id = 0; r == 0 && id <= info.max_id; id++)
		r = add_device(fd, id, &allocation, err);
	if (r < 0)
		br_allocation_free(&allocation);
	else
		*ret = allocation;
	return r;
}

void br_allocation_free(struct br_allocation *allocation)
{
	if (!allocation)
		return;
	free(allocation->devices);
	*allocation = (struct br_allocation){ 0 };
}

/* The newest block group has the profile that the next one gets. */
static uint64_t newest_flags(const struct br_block_groups *groups, uint64_t type)
{
	for (size_t i = groups->count; i > 0; i--)
		if (groups->groups[i - 1].flags & type)
			return groups->groups[i - 1].flags;
	return type;
}

/* What the next block group takes on one of its devices. */
static uint64_t next_on_device(const struct br_allocation *allocation, uint64_t flags,
			       uint64_t group_max)
{
	size_t devices = br_profile_devices_of(flags, allocation->count);
	size_t per_device = br_profile_stripes_per_device(flags);
	size_t data_stripes = br_profile_data_stripes(flags, devices * per_device);
	uint64_t limit = allocation->size / SHARE_MAX;
	uint64_t stripe;

	if (limit > group_max)
		limit = group_max;
	stripe = (limit / data_stripes + STRIPE_ROUND - 1) / STRIPE_ROUND * STRIPE_ROUND;
	return (stripe > STRIPE_MAX ? STRIPE_MAX : stripe) * per_device;
}

struct br_allocation_want br_allocation_want(const struct br_allocation *allocation,
					     const struct br_block_groups *groups,
					     uint64_t data_max, uint64_t metadata_max)
{
	uint64_t data = newest_flags(groups, BTRFS_BLOCK_GROUP_DATA);
	uint64_t metadata = newest_flags(groups, BTRFS_BLOCK_GROUP_METADATA);
	size_t data_devices = br_profile_devices_min(data);
	size_t metadata_devices = br_profile_devices_min(metadata);
	struct br_allocation_want want = { .data_flags = data, .metadata_flags = metadata };

	if (metadata_max == 0)
		metadata_max = allocation->size > SMALL_FILESYSTEM ? METADATA_MAX
								   : METADATA_MAX_SMALL;
	want.data_bytes = next_on_device(allocation, data, data_max ? data_max : DATA_MAX);
	want.metadata_bytes = next_on_device(allocation, metadata, metadata_max);
	want.bytes = BR_ALLOCATION_DATA_GROUPS * want.data_bytes + want.metadata_bytes;
	want.devices = data_devices > metadata_devices ? data_devices : metadata_devices;
	return want;
}

bool br_allocation_is_enough(const struct br_allocation *allocation,
			     const struct br_allocation_want *want)
{
	size_t with_room = 0;

	if (want->devices == 0)
		return allocation->unallocated >= want->bytes;
	for (size_t i = 0; i < allocation->count; i++)
		with_room += allocation->devices[i].unallocated >= want->bytes;
	return with_room >= want->devices;
}

void br_allocation_give_back(struct br_allocation *allocation, const struct br_block_group *group)
{
	for (size_t s = 0; s < group->device_count; s++)
		for (size_t i = 0; i < allocation->count; i++)
			if (allocation->devices[i].id == group->devices[s]) {
				allocation->devices[i].unallocated += group->on_device;
				allocation->unallocated += group->on_device;
			}
}
