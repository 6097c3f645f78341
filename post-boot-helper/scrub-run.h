/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scrub in the kernel: a thread for each device, in which the kernel works, until all are done or a signal ends it. */
#ifndef BLANKROOT_SCRUB_RUN_H
#define BLANKROOT_SCRUB_RUN_H

#include "progress.h"
#include "scrub-devices.h"
#include "scrub-record.h"

struct scrub_job {
	int top;          /* the top level, open */
	bool is_writable; /* it is */
	const char *fsid;
	const struct scrub_devices *devices;
	bool read_only;                     /* find only, repair nothing */
	const struct scrub_record *resumed; /* go on where this one was; NULL: begin anew */
	const char *record_dir;             /* SCRUB_RECORD_DIR */
	struct progress *progress;
};

struct scrub_result {
	struct scrub_record record; /* as it was written last */
	bool is_stopped;            /* by a signal, or by somebody who cancelled it */
	/* The record could not be written: why. code BR_OK: it could. */
	struct br_error record_failure;
};

/* What becomes of a device in this run: where it begins, or whether it is left out. */
struct scrub_begin {
	bool is_left_out; /* missing, or scrubbed to its end before */
	uint64_t start;   /* physical address on the device */
};

/* Look up what scrub_run would do with a device. */
struct scrub_begin scrub_run_begin(const struct scrub_job *job, const struct scrub_device *device);

/*
 * Scrub all devices that are there: all at once, or with raid5 or raid6 one after another. SIGINT, SIGTERM and SIGHUP,
 * those that are not ignored, cancel it.
 *
 * The record is written again and again meanwhile, so that a run that is killed can be resumed; only if that fails,
 * it is not, and the scrub goes on.
 *
 * Returns 0 with *ret owned by the caller (scrub_result_free), whatever errors were found on the devices; also when
 * it was stopped. BR_ERR_IN_USE: the kernel scrubs already, or replaces a device. BR_ERR_READ: a device could not be scrubbed; what could is recorded. BR_ERR_OPEN (signals, threads), BR_ERR_NOMEM. Privilege:
 * CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int scrub_run(const struct scrub_job *job, struct scrub_result *ret,
			    struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void scrub_result_free(struct scrub_result *result);

#endif
