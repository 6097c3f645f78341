/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot snapshot does with what it was asked for. */
#ifndef BLANKROOT_SNAPSHOT_H
#define BLANKROOT_SNAPSHOT_H

#include "error.h"
#include "filesystem.h"

#include <stdbool.h>
#include <stddef.h>

#define SNAPSHOT_COMMAND "blankroot snapshot" /* for messages */

enum snapshot_action { SNAPSHOT_CREATE, SNAPSHOT_DELETE, SNAPSHOT_PIN, SNAPSHOT_UNPIN };

struct snapshot_options {
	struct filesystem_options filesystem;
	enum snapshot_action action;
	const char *comment; /* NULL: none */
	bool only_if_changed, dry_run;
	/* SNAPSHOT_CREATE: subvolumes, none for those of the configuration; else names of items */
	char *const *names;
	size_t count;
};

/*
 * Take the snapshots of a set, with the hooks around it, and tell of each.
 *
 * filesystem  open and locked, or read-only with dry_run
 *
 * Returns 0; the code of the first failure; BR_ERR_LAST - 1 when all that is to be said was printed.
 */
BR_MUST_CHECK int snapshot_create(const struct filesystem *filesystem,
				  const struct snapshot_options *options, struct br_error *err);

/*
 * Delete, pin or unpin archives, parked subvolumes and snapshots, given by name or by path from the
 * top level. All names are looked at before the first is acted on. Parameters and results as above.
 */
BR_MUST_CHECK int snapshot_change(const struct filesystem *filesystem,
				  const struct snapshot_options *options, struct br_error *err);

/* What these return when the reason for a failure was printed already. */
#define SNAPSHOT_TOLD (BR_ERR_LAST - 1)

#endif
