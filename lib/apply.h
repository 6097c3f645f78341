/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carrying out a plan. */
#ifndef BR_APPLY_H
#define BR_APPLY_H

#include "config.h"
#include "copy.h"
#include "error.h"
#include "facts.h"
#include "plan.h"

#include <stdbool.h>
#include <stdint.h>

struct br_step_result {
	bool started;
	bool done;
	uint64_t usec;
	struct br_copy_stats stats; /* of carry and snapshot-nested */
};

/* Where things stood when a plan ended. */
enum br_applied {
	BR_APPLIED_NOTHING,    /* every ephemeral subvolume is the old one */
	BR_APPLIED_UNFINISHED, /* swapped, but a later step failed: the next run finishes it */
	BR_APPLIED_ALL,        /* swapped, and known to be on disk */
};

struct br_apply_input {
	int top; /* the top level, writable */
	const struct br_config *config;
	const struct br_facts *facts; /* that the plan was made of */
	const struct br_plan *plan;
	struct br_step_result *results; /* plan->count entries, zeroed by the caller, filled in */
	void (*before_step)(void *data, const struct br_step *step); /* NULL: nobody listens */
	void *data;
};

/*
 * Carry out the steps in their order.
 *
 * A failure before the swap discards what was prepared; a failure of the swap itself undoes the
 * exchanges of other ephemeral subvolumes that were made already. After the swap no failure stops
 * the rest: what can be finished is finished, and committed; the first error counts.
 *
 * applied_ret  always set
 *
 * Returns 0; or the error of the failing step, its text saying what was being done. Privilege:
 * that of br_copy_tree.
 */
BR_MUST_CHECK int br_apply(const struct br_apply_input *input, enum br_applied *applied_ret,
			   struct br_error *err);

#endif
