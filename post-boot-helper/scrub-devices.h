/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a file system, as a scrub sees them: each is read by itself. */
#ifndef BLANKROOT_SCRUB_DEVICES_H
#define BLANKROOT_SCRUB_DEVICES_H

#include "error.h"

#include <linux/btrfs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scrub_device {
	uint64_t devid;
	char path[BTRFS_DEVICE_PATH_NAME_MAX + 1]; /* "": it is missing */
	/* of those that scrub_view_read has looked at: */
	bool is_busy;                         /* the kernel is at it */
	struct btrfs_scrub_progress progress; /* then: of the part that runs */
};

struct scrub_devices {
	struct scrub_device *list;
	size_t count, missing;
	bool one_by_one; /* raid5 or raid6: together they would read every stripe once for each */
	uint64_t total;  /* bytes to be read on all of them, about; 0: not known */
};

/*
 * List them.
 *
 * fd  anything on the file system
 *
 * Returns 0 with *ret owned by the caller (scrub_devices_free), untouched otherwise. BR_ERR_DEVICE_PROBE,
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int scrub_devices_read(int fd, struct scrub_devices *ret, struct br_error *err);

/*
 * How far the kernel is with a device right now, counted from where it was told to begin.
 *
 * Returns 1 with *ret, 0 when nobody scrubs it, also because it is gone; of a device that is being replaced, for the
 * kernel it is the same, how far that is. BR_ERR_DEVICE_PROBE. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int scrub_devices_progress(int fd, uint64_t devid, struct btrfs_scrub_progress *ret,
					 struct br_error *err);

/* Does the kernel scrub any of them? While one is replaced it does not. Returns 1 or 0; BR_ERR_DEVICE_PROBE. */
BR_MUST_CHECK int scrub_devices_are_busy(int fd, const struct scrub_devices *devices,
					 struct br_error *err);

/* Is one of them being replaced, or would be if that were not suspended? Returns 1 or 0; BR_ERR_DEVICE_PROBE. */
BR_MUST_CHECK int scrub_devices_are_replaced(int fd, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void scrub_devices_free(struct scrub_devices *devices);

#endif
