/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiles of block groups. */
#include "profile.h"

#include <linux/btrfs_tree.h>
#include <stdbool.h>

/* Of headers older than Linux 5.5. */
#define RAID1C3 (UINT64_C(1) << 9)
#define RAID1C4 (UINT64_C(1) << 10)

struct profile {
	uint64_t flag; /* 0: none of the others */
	const char *name;
	size_t devices_min, stripes_per_device;
	size_t copies, parity;
	bool is_spread; /* over all devices that have space */
};

/* Since Linux 5.15 RAID0 and RAID10 do with less; two and four are what makes sense. */
static const struct profile profiles[] = {
	{ BTRFS_BLOCK_GROUP_DUP, "dup", 1, 2, 2, 0, false },
	{ BTRFS_BLOCK_GROUP_RAID0, "raid0", 1, 1, 1, 0, true },
	{ BTRFS_BLOCK_GROUP_RAID1, "raid1", 2, 1, 2, 0, false },
	{ RAID1C3, "raid1c3", 3, 1, 3, 0, false },
	{ RAID1C4, "raid1c4", 4, 1, 4, 0, false },
	{ BTRFS_BLOCK_GROUP_RAID10, "raid10", 2, 1, 2, 0, true },
	{ BTRFS_BLOCK_GROUP_RAID5, "raid5", 2, 1, 1, 1, true },
	{ BTRFS_BLOCK_GROUP_RAID6, "raid6", 3, 1, 1, 2, true },
	{ 0, "single", 1, 1, 1, 0, false },
};

static const struct profile *profile_of(uint64_t flags)
{
	const struct profile *profile = profiles;

	while (profile->flag != 0 && !(flags & profile->flag))
		profile++;
	return profile;
}

const char *br_profile_name(uint64_t flags)
{
	return profile_of(flags)->name;
}

size_t br_profile_devices_min(uint64_t flags)
{
	return profile_of(flags)->devices_min;
}

size_t br_profile_stripes_per_device(uint64_t flags)
{
	return profile_of(flags)->stripes_per_device;
}

size_t br_profile_data_stripes(uint64_t flags, size_t stripes)
{
	const struct profile *profile = profile_of(flags);
	size_t data = stripes > profile->parity ? (stripes - profile->parity) / profile->copies : 0;

	return data > 0 ? data : 1;
}

size_t br_profile_devices_of(uint64_t flags, size_t devices)
{
	const struct profile *profile = profile_of(flags);

	return profile->is_spread && devices > profile->devices_min ? devices
								    : profile->devices_min;
}
