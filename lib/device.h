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
	char *path;       /* a member to mount by */
	char fsid[37];    /* UUID of the file system as text */
	uint64_t members; /* as its superblock says */
	uint64_t missing; /* how many of them are not there */
};

/*
 * Does a device specification have a form that br_device_find understands? UUID=, LABEL=,
 * PARTUUID=, PARTLABEL= (value not empty, quotes around it allowed) or an absolute path.
 * "root=fstab" or "gpt-auto" are not.
 */
bool br_device_spec_is_valid(const char *spec);

/*
 * Find a device and wait for it.
 *
 * spec     as above
 * seconds  how long to wait for the device and for all members; 0: look once
 *
 * Looks with libblkid at the block devices that have a node in /dev; no udev, no cache file.
 * PARTUUID= and PARTLABEL= need /sys. A path may be or go through a symbolic link, and lie outside
 * /dev. Does not wait for what cannot become right: a path that is no block device, a device that
 * holds something else, a contradiction.
 *
 * Registers all members of a file system on several devices with the kernel (BTRFS_IOC_SCAN_DEV)
 * when they are complete, and asks it whether it agrees (BTRFS_IOC_DEVICES_READY). One on a single
 * device needs neither, nor /dev/btrfs-control. Not supported: one that grew from a seed device,
 * which the kernel never calls ready, and zoned devices.
 *
 * Returns 0 with *device_ret owned by the caller (br_device_free), untouched otherwise.
 * BR_ERR_USAGE (spec is not valid), BR_ERR_DEVICE_MISSING, BR_ERR_DEVICE_INCOMPLETE (the text names
 * the members found, with devid, and how many are missing), BR_ERR_DEVICE_PROBE (not btrfs: says
 * what is there instead; unreadable), BR_ERR_LAYOUT (two devices are the same member, or two file
 * systems have the name; the text names both), BR_ERR_OPEN or BR_ERR_READ (/dev), BR_ERR_NOMEM.
 * Privilege: to read block devices; CAP_SYS_ADMIN for several members.
 */
BR_MUST_CHECK int br_device_find(const char *spec, unsigned seconds, struct br_device *device_ret,
				 struct br_error *err);

/*
 * The same for a file system of which members may be missing: once waiting has been in vain. Looks
 * once, and takes the members that are there.
 *
 * Returns as br_device_find; device_ret->missing says how many are missing.
 * BR_ERR_DEVICE_INCOMPLETE: all are there, but the kernel knows others too.
 */
BR_MUST_CHECK int br_device_find_degraded(const char *spec, struct br_device *device_ret,
					  struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_device_free(struct br_device *device);

#endif
