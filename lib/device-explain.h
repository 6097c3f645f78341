/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a file system was not found, for a person at a console. */
#ifndef BR_DEVICE_EXPLAIN_H
#define BR_DEVICE_EXPLAIN_H

#include "device-members.h"
#include "device-spec.h"
#include "error.h"

#include <stdbool.h>

/* What was looked for. */
struct br_device_wanted {
	const char *text; /* as it was given */
	struct br_device_spec spec;
	unsigned seconds; /* how long was waited; 0: looked once */
};

/*
 * No btrfs that matches. Says what else has that name, or which btrfs and which locked devices
 * there are: probes all devices, so it is for the end of the wait.
 *
 * Returns BR_ERR_DEVICE_PROBE when something else has that name, else BR_ERR_DEVICE_MISSING.
 */
int br_device_explain_missing(const struct br_device_wanted *wanted,
			      const struct br_member_table *table, struct br_error *err);

/*
 * The device was found and is not, or not yet, a btrfs. Says what it is.
 *
 * lasting_ret  it holds something else, so waiting is of no use
 *
 * Returns BR_ERR_DEVICE_PROBE.
 */
int br_device_explain_other(const struct br_device_wanted *wanted, const struct br_member *member,
			    bool *lasting_ret, struct br_error *err);

/*
 * Members are missing, or the kernel does not regard the file system as complete. Names those that
 * are there.
 *
 * Returns BR_ERR_DEVICE_INCOMPLETE.
 */
int br_device_explain_incomplete(const struct br_device_wanted *wanted,
				 const struct br_member_group *group, struct br_error *err);

#endif
