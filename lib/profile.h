/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The profiles of block groups: single, DUP, RAID. */
#ifndef BR_PROFILE_H
#define BR_PROFILE_H

#include <stddef.h>
#include <stdint.h>

/* Its name as btrfs-progs writes it: "raid1", "single" when no flag says otherwise. Never NULL. */
const char *br_profile_name(uint64_t flags);

/* So many devices it needs at least to allocate a block group. */
size_t br_profile_devices_min(uint64_t flags);

/* So many stripes of a block group lie on one device: 2 for DUP, else 1. */
size_t br_profile_stripes_per_device(uint64_t flags);

/*
 * Of so many stripes of a block group, those that hold data: all but copies and parity. At least 1.
 *
 * stripes  all, those of DUP counted twice
 */
size_t br_profile_data_stripes(uint64_t flags, size_t stripes);

/* A block group is allocated on so many of this number of devices: those that it is spread over, or its minimum. */
size_t br_profile_devices_of(uint64_t flags, size_t devices);

#endif
