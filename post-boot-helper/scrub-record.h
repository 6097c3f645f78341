/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the last scrub: the file that btrfs-progs keeps for each file system, also when
 * another program than "btrfs scrub" ran it for a timer. Its format: version 1 of cmds/scrub.c of btrfs-progs,
 * a line for each device, "UUID:devid|key:value|key:value...".
 *
 * /var/lib may be on a root that the next boot replaces, so blankroot has a copy of its own in the file system that
 * is scrubbed.
 */
#ifndef BLANKROOT_SCRUB_RECORD_H
#define BLANKROOT_SCRUB_RECORD_H

#include "error.h"

#include <linux/btrfs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCRUB_RECORD_DIR "/var/lib/btrfs"
#define SCRUB_RECORD_COPY "scrub.status" /* in BR_STATE_DIR */

struct scrub_device_record {
	uint64_t devid;
	struct btrfs_scrub_progress progress; /* of all its parts, when it was resumed */
	uint64_t started;                     /* seconds since the epoch; 0: not begun yet */
	uint64_t resumed;  /* the same, of the last part; 0: there was one only */
	uint64_t duration; /* seconds, of all parts */
	bool is_canceled;
	bool is_ended; /* "finished" in the file: also when it was cancelled */
};

struct scrub_record {
	bool exists;
	uint64_t
		started; /* seconds since the epoch: of the device that began last; 0: not told yet */
	uint64_t last_active; /* the same: when it was last known to run */
	uint64_t duration;    /* seconds: of all devices, at once or one after another */
	bool is_finished; /* on all devices; false also while it runs, or when it was cancelled */
	uint64_t errors;  /* found, on all devices */
	uint64_t repaired, uncorrectable; /* of them */
	uint64_t scrubbed;                /* bytes */
	struct scrub_device_record *devices;
	size_t count;
};

/* Was this device not scrubbed to its end? */
bool scrub_device_record_is_unfinished(const struct scrub_device_record *device);

/* Errors that were found on one device; those that were repaired count among them. */
uint64_t scrub_device_record_errors(const struct scrub_device_record *device);

/* The record of a device; NULL: none. */
const struct scrub_device_record *scrub_record_find(const struct scrub_record *record,
						    uint64_t devid);

/* Make, from the devices, what is said of all of them. */
void scrub_record_sum_up(struct scrub_record *record);

/*
 * Read it.
 *
 * dir   SCRUB_RECORD_DIR, or another one; NULL: not from there
 * top   the top level, for the copy; -1: not from there
 * fsid  as text
 *
 * Returns 0 with the newer one in *ret, owned by the caller (scrub_record_free), with exists false when there is none.
 * BR_ERR_READ when what is in dir cannot be understood (such a copy is not looked at), BR_ERR_OPEN, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int scrub_record_read(const char *dir, int top, const char *fsid,
				    struct scrub_record *ret, struct br_error *err);

/*
 * Replace it, atomically; a directory that is missing is made.
 *
 * dir  as above, but not NULL
 *
 * BR_ERR_NOMEM, BR_ERR_CREATE, and those of br_file_replace.
 */
BR_MUST_CHECK int scrub_record_write(const char *dir, const char *fsid,
				     const struct scrub_record *record, struct br_error *err);

/* The same for the copy; top is writable. Those of br_private_dir_open and br_file_replace, BR_ERR_NOMEM. */
BR_MUST_CHECK int scrub_record_write_copy(int top, const char *fsid,
					  const struct scrub_record *record, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void scrub_record_free(struct scrub_record *record);

#endif
