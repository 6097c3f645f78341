/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Throw-away btrfs file systems: sparse image files behind loop devices, mounted where only the
 * test sees them. Needs root. Everything fails the current test when it fails.
 *
 * Nothing has to be cleaned up, whatever kills the test: image files have no name, loop devices
 * detach themselves with their last user, and mounts live in a mount namespace that ends with the
 * process. With KEEP=1 in the environment image files get a name in $BLANKROOT_BUILD and it is
 * printed.
 *
 * Typical use in a check program, where each test is a forked child: an unchecked setup creates the
 * image, so that all tests of a case share it; a checked setup calls image_mount, so that mounts
 * end with the child.
 */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#define IMAGE_DEVICES_MAX 8
#define IMAGE_SIZE_DEFAULT (1ULL << 30)

struct image_options {
	uint64_t size;     /* of each device, bytes; 0: IMAGE_SIZE_DEFAULT */
	unsigned devices;  /* 0: 1 */
	unsigned nodesize; /* 0: the default of mkfs.btrfs */
	const char *data,
		*metadata; /* profiles; NULL: "single" on one device, "raid1" on several */
	const char *label; /* NULL: none */
	const char *const *mkfs_args; /* further arguments, ended by NULL; NULL: none */
};

struct image {
	unsigned devices;
	int file[IMAGE_DEVICES_MAX]; /* the image files, open for reading and writing */
	int loop[IMAGE_DEVICES_MAX]; /* the loop devices: they detach when nobody has them open */
	char device[IMAGE_DEVICES_MAX][24]; /* "/dev/loop7" */
	char uuid[37];                      /* of the file system, random */
	char *mountpoint;                   /* of the top level; NULL: not mounted */
	int top;                            /* the top level, open; -1: not mounted */
};

/*
 * Can images be made here? Root, loop devices and btrfs are needed.
 *
 * Returns NULL, or the reason why not.
 */
const char *image_missing(void);

/*
 * Make an image, attach it, make a file system on it.
 *
 * options  NULL: defaults
 *
 * Returns it; the caller releases it with image_free.
 */
struct image *image_create(const struct image_options *options);

/* Unmount, forget the devices in the kernel, detach, release. NULL-safe. */
void image_free(struct image *image);

/*
 * Enter a private mount namespace with an empty tmpfs for mount points. Called by image_mount when
 * this process has none yet; a forked child starts in that of its parent, and gets its own by
 * calling this.
 */
void image_private_mounts(void);

/*
 * Mount the top level. Sets image->top and image->mountpoint.
 *
 * options  as for mount -o, without the subvolume; NULL: "noatime"
 *
 * Returns image->top.
 */
int image_mount(struct image *image, const char *options);

/*
 * Mount a subvolume besides.
 *
 * subvolume  its path from the top level
 * options    as above
 *
 * Returns the path of the mount point, owned by the caller.
 */
char *image_mount_subvolume(struct image *image, const char *subvolume, const char *options);

/* Unmount the top level. Harmless when it is not mounted. */
void image_unmount(struct image *image);

/* Unmount what image_mount_subvolume gave, and free the path. */
void image_unmount_path(char *mountpoint);

/* $BLANKROOT_BUILD, or build/scratch; made if it does not exist. */
const char *image_build_dir(void);

/*
 * A new empty directory on the tmpfs of image_private_mounts. Returns its path, owned by the
 * caller.
 */
char *image_scratch_dir(void);

#endif
