/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block devices, and what libblkid recognises on them. Needs device nodes below /dev and nothing
 * else: no udev, no links, no cache file; /sys only for what the functions below say.
 */
#ifndef BR_BLOCKDEV_H
#define BR_BLOCKDEV_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct br_blockdev {
	char *path;
	dev_t number;
};

struct br_blockdev_list {
	struct br_blockdev *devices;
	size_t count;
};

/*
 * List the nodes of block devices in /dev and in the directories directly below it, each device
 * once, in order of their names. A device-mapper device is listed under its name in /dev/mapper,
 * where there is one: the kernel shows a btrfs member in the mount table under the path by which it
 * was registered last.
 *
 * extra  a node to be listed that may be elsewhere; NULL: none. Ignored when it is no block device.
 *
 * Returns 0 with *ret owned by the caller (br_blockdev_list_free). BR_ERR_OPEN or BR_ERR_READ when
 * /dev cannot be read, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_blockdev_list(const char *extra, struct br_blockdev_list *ret,
				   struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_blockdev_list_free(struct br_blockdev_list *list);

/*
 * Open a block device for reading. Never waits for a medium.
 *
 * size_ret  its size in bytes; 0: no medium, nothing attached
 *
 * Returns a descriptor that the caller closes, or -1 with errno (ENOTBLK: something else).
 * Privilege: to read it.
 */
BR_MUST_CHECK int br_blockdev_open(const char *path, uint64_t *size_ret);

/*
 * Is it a part of another block device (device-mapper, md, bcache)? Then what it seems to hold
 * belongs to that one: a path of a multipath device, the origin of a snapshot. False without /sys.
 */
bool br_blockdev_is_held(dev_t number);

/* What a block device holds. "": has none. A value too long is cut; valid ones are not too long. */
struct br_content {
	char type[32];       /* libblkid's name of it: "btrfs", "crypto_LUKS" */
	char part_table[16]; /* kind of the partition table on it: "gpt" */
	char uuid[64];
	char label[512];
	char part_uuid[64]; /* of the partition that the device is; needs /sys */
	char part_label[256];
};

/* In place of a type: there are signatures of several. */
#define BR_CONTENT_AMBIVALENT "several signatures"

/* A hibernated system, on a swap device. */
#define BR_CONTENT_SWAP_IMAGE "swsuspend"

/* What to look for. */
enum br_probe {
	BR_PROBE_ALL,
	/*
	 * All but members of ZFS pools and external logs of XFS. To know one, libblkid reads more
	 * than it does for everything else together, four labels of 256 KiB, and the first 256 KiB.
	 * Both cover the place of a btrfs superblock, and making a log clears it: so where there is
	 * a superblock, a label at the end of the device can only be an old one, and a log is none.
	 */
	BR_PROBE_BTRFS,
	/*
	 * BR_CONTENT_SWAP_IMAGE alone: the contradiction of another signature is not noticed, and
	 * partitions are not looked at.
	 */
	BR_PROBE_SWAP_IMAGE,
};

/*
 * Ask libblkid what is on an open block device.
 *
 * Returns 0, also when nothing is recognised (type ""), or -1 with errno; *ret is untouched then.
 */
BR_MUST_CHECK int br_content_probe(int fd, enum br_probe scope, struct br_content *ret);

#endif
