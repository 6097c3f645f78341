/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finding the btrfs to work on, with libblkid, and waiting until the kernel has all of its members.
 */
#ifndef BR_DEVICE_H
#define BR_DEVICE_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct br_device {
	char *path;          /* a member to mount by */
	char fsid[37];       /* UUID of the file system as text */
	uint64_t members;    /* as its superblock says */
};

/*
 * Does a device specification have a form that br_device_find understands? UUID=, LABEL=, PARTUUID=,
 * PARTLABEL= (value not empty, quotes around it allowed) or an absolute path. "root=fstab" or "gpt-auto" are not.
 */
bool br_device_spec_is_valid(const char *spec);

/*
 * Find a device and wait for it.
 *
 * spec     as above
 * seconds  how long to wait for the device and for all members; 0: look once
 *
 * Looks for devices through libblkid without its cache file, registers every btrfs member found with the
 * kernel (BTRFS_IOC_SCAN_DEV; /dev/btrfs-control may be absent for a file system of one device) and asks
 * BTRFS_IOC_DEVICES_READY.
 *
 * Returns 0 with *device_ret owned by the caller (br_device_free). BR_ERR_DEVICE_MISSING,
 * BR_ERR_DEVICE_INCOMPLETE (the text names the members found, with devid, and how many are missing),
 * BR_ERR_DEVICE_PROBE (not btrfs: says what is there instead; unreadable), BR_ERR_NOMEM.
 * Privilege: to read block devices.
 */
BR_MUST_CHECK int br_device_find(const char *spec, unsigned seconds, struct br_device *device_ret,
                                 struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_device_free(struct br_device *device);

#endif
