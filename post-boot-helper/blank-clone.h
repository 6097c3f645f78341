/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A writable copy of the blank, in which something is done before it becomes the blank. It is in a subvolume like those
 * of frozen.h: one whose owner was killed is cleared away by whoever makes the next, and by prune, and no reset minds it.
 */
#ifndef BLANKROOT_BLANK_CLONE_H
#define BLANKROOT_BLANK_CLONE_H

#include "blank-command.h"
#include "filesystem.h"
#include "frozen.h"
#include "subvol.h"

struct blank_clone {
	const struct blank_options *options;
	struct filesystem filesystem; /* not locked */
	int jobs;                     /* lock of the jobs */
	const struct br_ephemeral *ephemeral;
	struct br_subvol blank; /* as it was then */
	struct br_frozen area;
	int fd; /* root of the copy; -1: dry run */
	struct br_subvol subvol;
	char *path; /* of the copy, from the top level */
};

/*
 * Open the file system, take the lock of the jobs, and copy the blank. With options->dry_run nothing is copied or
 * locked.
 *
 * Returns 0 with *ret for blank_clone_close. Errors of filesystem_open, job_lock_take, blank_choose, br_subvol_open,
 * br_frozen_make_area, br_subvol_snapshot_tree; BR_ERR_LAYOUT when the blank is not read-only. Privilege: root.
 */
BR_MUST_CHECK int blank_clone_make(const struct blank_options *options, struct blank_clone *ret,
				   struct br_error *err);

/*
 * Let it become the blank, as a snapshot: whoever still has something of the copy open changes nothing in that. The
 * file system is locked from here on.
 *
 * patience  seconds to wait for the lock at least, whatever --wait says: so much work may be lost otherwise
 * kept_ret  name of the former blank, owned by the caller
 *
 * BR_ERR_LOCKED; BR_ERR_BLANK_CHANGED: it is not the one that was copied any more; those of br_blank_replace.
 */
BR_MUST_CHECK int blank_clone_put(struct blank_clone *clone, uint64_t patience, char **kept_ret,
				  struct br_error *err);

/* Release, and delete the copy. Safe on a structure with area BR_FROZEN_NONE and descriptors of -1. */
void blank_clone_close(struct blank_clone *clone);

#endif
