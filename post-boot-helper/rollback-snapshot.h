/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot rollback SNAPSHOT: a persistent subvolume goes back to a snapshot of it, now. */
#ifndef BLANKROOT_ROLLBACK_SNAPSHOT_H
#define BLANKROOT_ROLLBACK_SNAPSHOT_H

#include "error.h"
#include "filesystem.h"

#include <stdbool.h>

/*
 * Is this the name of a snapshot, or its path from the top level, and not that of an archive? By the name
 * alone: whether there is one is not looked at. *entry_ret is its entry of BR_SNAPSHOTS_DIR, in name.
 */
bool rollback_is_of_snapshot(const struct br_config *config, const char *name,
			     const char **entry_ret);

/*
 * Roll back, and say so, and how to go back.
 *
 * filesystem  open and locked, or read-only with dry_run
 * snapshot    an entry of BR_SNAPSHOTS_DIR
 * force       also when the subvolume is in use
 *
 * BR_ERR_IN_USE, after those who use it were named; those of br_rollback_open and br_rollback_run.
 */
BR_MUST_CHECK int rollback_snapshot(const struct filesystem *filesystem, const char *snapshot,
				    bool force, bool dry_run, struct br_error *err);

#endif
