/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot rollback --now-blank: an archive becomes the blank. */
#ifndef BLANKROOT_NOW_BLANK_H
#define BLANKROOT_NOW_BLANK_H

#include "error.h"
#include "filesystem.h"

#include <stdbool.h>

/*
 * Make an archive the new blank of its subvolume, and say so, and how to go back.
 *
 * filesystem  open and locked, or read-only with dry_run
 * archive     its name; that there is one, and that the next reset could start from it, was looked at
 *
 * Errors of br_blank_replace; BR_ERR_USAGE when it is the archive of no subvolume.
 */
BR_MUST_CHECK int now_blank_make(const struct filesystem *filesystem, const char *archive,
				 bool dry_run, struct br_error *err);

#endif
