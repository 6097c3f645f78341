/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk whose writes are recorded: the file of an image, behind the recorder, behind a loop
 * device. Everything ends with the calling process, whatever ends that: the recorder serves until
 * what was mounted is unmounted, and its guardian (guardian.h) sees to it that nobody waits for it
 * for ever. Everything fails the current test when it fails.
 */
#ifndef CRASH_RECORDED_DISK_H
#define CRASH_RECORDED_DISK_H

#include "image.h"

#include <check.h>
#include <stdint.h>
#include <sys/types.h>

struct recorded_disk {
	pid_t recorder;
	int log;  /* file */
	int loop; /* the device, open */
	char *dir;
	char device[24];
};

/* suite_run (suite.h) for tests that need such disks: where there can be none, it is skipped. */
int recorded_disk_suite_run(Suite *suite);

#define RECORDED_DISK_SECONDS 240 /* a run takes seconds, also where many run at a time */

/*
 * Begin with what is on the image, which must not be mounted, and shows what is written here when
 * this has ended. In a private /dev (disk.h); the device is shown there.
 *
 * seconds  after so many the disk fails
 */
void recorded_disk_start(struct recorded_disk *disk, const struct image *image, unsigned seconds);

/* Bytes in the log. Everything that the disk has completed is in it. */
uint64_t recorded_disk_log_size(const struct recorded_disk *disk);

/* End. The disk must not be mounted anywhere. The log stays; the caller closes it. */
void recorded_disk_stop(struct recorded_disk *disk);

/*
 * Attach a file to a free loop device, with direct I/O, and show that in the private /dev. It
 * detaches itself with its last user.
 *
 * device  gets its path
 *
 * Returns the device, open.
 */
int device_attach(int file, char device[24]);

/* Wait until nobody has a device mounted: an unmount by the end of a process comes after it. */
void device_wait_unused(const char *device);

#endif
