/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each step of a plan does. Internal to br_apply. */
#ifndef BR_APPLY_STEP_H
#define BR_APPLY_STEP_H

#include "apply.h"

/* One ephemeral subvolume while the plan is carried out. */
struct br_work {
	int old, staging; /* open subvolume roots; -1: not open */
	uint64_t staging_id;
	bool prepared; /* staging exists, made by this run */
	bool swapped;
	bool made_writable; /* the old one was read-only */
	bool broken;        /* a step after the swap failed: its later ones make no sense */
};

struct br_run {
	const struct br_apply_input *input;
	struct br_work *work;        /* parallel to the ephemeral subvolumes */
	struct br_copy_stats *stats; /* of the current step */
	struct br_error *err;
};

/*
 * Carry out one step; run->work keeps what later steps and the undoing need. Errors go to
 * run->err, with the object of the failing call.
 */
BR_MUST_CHECK int br_run_step(struct br_run *run, const struct br_step *step);

/*
 * Rename a subvolume, paths from the top level.
 *
 * flags  of renameat2(2): RENAME_EXCHANGE or RENAME_NOREPLACE
 *
 * BR_ERR_EXCHANGE, BR_ERR_RENAME, and those of opening the directories.
 */
BR_MUST_CHECK int br_run_rename(const struct br_run *run, const char *from, const char *to,
				unsigned flags);

#endif
