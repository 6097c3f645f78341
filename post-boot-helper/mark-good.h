/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marking the ephemeral subvolumes in use as those of a good boot. */
#ifndef BLANKROOT_MARK_GOOD_H
#define BLANKROOT_MARK_GOOD_H

#include "boot-report.h"

/*
 * Set trusted.blankroot.good on the root directory of each ephemeral subvolume in use, and say so on
 * standard output: at its mountpoint, or, if none is configured, where it is mounted. Only after it
 * was found to be that subvolume, by name, of the file system in the report. One that is marked
 * already stays as it is. Old roots are marked too: after a reset that failed, or that was left out
 * on request, the old root is what works.
 *
 * config   where to look for the subvolumes when the report has none: a reset that failed early,
 *          or was left out, did not get to know them
 * dry_run  say what would be marked
 *
 * Every one is tried. Returns 0, or the first error: BR_ERR_LAYOUT when something else is mounted,
 * or nothing; BR_ERR_OPEN, BR_ERR_SUBVOLUME, BR_ERR_XATTR, BR_ERR_CONFIG, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int mark_good(const struct boot_report *report, const char *config, bool dry_run,
			    struct br_error *err);

#endif
