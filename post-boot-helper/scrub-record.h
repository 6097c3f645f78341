/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the last scrub: the file that btrfs-progs keeps for each file system, also when
 * another program than "btrfs scrub" ran it for a timer. Its format: version 1 of cmds/scrub.c of btrfs-progs,
 * a line for each device, "UUID:devid|key:value|key:value...".
 */
#ifndef BLANKROOT_SCRUB_RECORD_H
#define BLANKROOT_SCRUB_RECORD_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define SCRUB_RECORD_DIR "/var/lib/btrfs"

struct scrub_record {
	bool exists;
	uint64_t started;  /* seconds since the epoch: of the device that began last */
	bool is_finished;  /* on all devices; false also while it runs, or when it was cancelled */
	uint64_t errors;   /* found, on all devices */
	uint64_t repaired; /* of them */
};

/*
 * Read it.
 *
 * dir   SCRUB_RECORD_DIR, or another one
 * fsid  as text
 *
 * Returns 0, with exists false when there is none. BR_ERR_READ when it cannot be understood, BR_ERR_OPEN,
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int scrub_record_read(const char *dir, const char *fsid, struct scrub_record *ret,
				    struct br_error *err);

#endif
