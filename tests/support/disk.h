/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks without a file system, behind loop devices, and a /dev that shows only what a test puts
 * there. Needs root. Everything fails the current test when it fails.
 *
 * A disk detaches with the last process that has it open: what an unchecked setup makes lives as
 * long as the test program, what a test makes ends with it.
 */
#ifndef TEST_DISK_H
#define TEST_DISK_H

#include <stdint.h>
#include <sys/types.h>

struct disk {
	char *file;
	char device[24]; /* "/dev/loop7" */
	int fd;          /* the device, open; -1: not attached */
};

/* Make one, filled with zeroes, and attach it. The caller releases it with disk_free. */
void disk_create(struct disk *disk, uint64_t size);

/* Make a copy of a disk, attached to a device of its own. */
void disk_copy(struct disk *copy, const struct disk *disk);

/* Attach again what disk_detach detached. The device may be another one than before. */
void disk_attach(struct disk *disk);

/* Detach, and make the kernel forget it as a member of a btrfs. Harmless when not attached. */
void disk_detach(struct disk *disk);

/* Detach and release. Safe on a zeroed one. */
void disk_free(struct disk *disk);

/* Write bytes to a place on it. */
void disk_write(const struct disk *disk, uint64_t offset, const void *bytes, size_t size);

/* Value that blkid tells of a device: "UUID", "PARTUUID". Owned by the caller. */
char *disk_value(const char *device, const char *name);

/*
 * Enter a mount namespace of our own with an empty /dev but for null and btrfs-control.
 *
 * Programs that need more of /dev must have run before.
 */
void disk_private_dev(void);

/* Make a node in the private /dev: that of a device in /dev outside, under its own name. */
void disk_show(const char *device);

/* Make a node at a path. */
void disk_show_as(const char *device, const char *path);

/*
 * Attach a detached disk after a while, in the background, and show it in the private /dev of the
 * caller.
 *
 * name  of the node in /dev; NULL: that of the device
 *
 * Returns the process that has it attached from then on; it ends with the caller, or by
 * disk_end_attachment.
 */
pid_t disk_attach_later(const struct disk *disk, unsigned milliseconds, const char *name);

/* End that process, and so the attachment. */
void disk_end_attachment(pid_t pid);

#endif
