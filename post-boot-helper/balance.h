/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot balance: what its parts share. */
#ifndef BLANKROOT_BALANCE_H
#define BLANKROOT_BALANCE_H

#include "allocation.h"
#include "balance-kernel.h"
#include "balance-plan.h"
#include "block-groups.h"
#include "job.h"
#include "progress.h"

#include <stdbool.h>
#include <stdint.h>

#define BALANCE_COMMAND "blankroot balance"
#define BALANCE_JOB "balance"

struct balance_options {
	struct job_options job;
	struct br_balance_rules rules;
	uint64_t wanted;       /* --unallocated, bytes in all; 0: not given */
	double wanted_percent; /* the same, of the devices; 0: not given */
	bool resumes;          /* also a paused balance of another program, unless it converts */
	bool json;
};

/* How it is with the file system now. */
struct balance_view {
	struct br_allocation allocation;
	struct br_block_groups groups;
	struct br_allocation_want want;
};

/* Look. *view is zeroed, or one that was looked at before. Errors of br_allocation_read, br_block_groups_read. */
BR_MUST_CHECK int balance_look(const struct filesystem *filesystem,
			       const struct balance_options *options, struct balance_view *view,
			       struct br_error *err);
void balance_view_free(struct balance_view *view);

enum balance_end {
	BALANCE_ENOUGH,   /* is unallocated: from the beginning, when nothing was moved */
	BALANCE_NO_GAIN,  /* nothing that the rules allow would free anything */
	BALANCE_NO_SPACE, /* there was not enough space to move any */
	BALANCE_STOPPED,  /* by a signal, or by somebody who cancelled or paused it */
	BALANCE_OTHER,    /* something else has the file system */
};

/* What was done, or with --dry-run would be. */
struct balance_result {
	enum balance_end end;
	uint64_t moved, bytes;
	uint64_t before, after; /* unallocated */
};

/* Move block groups until enough is unallocated. The errors of what failed, other than for lack of space. */
BR_MUST_CHECK int balance_run(struct job *job, const struct balance_options *options,
			      struct balance_view *view, struct balance_result *ret,
			      struct br_error *err);

/* The commands. They return the exit status. */
int balance_start(const struct balance_options *options);
int balance_status(const struct balance_options *options);
int balance_control(const struct balance_options *options, bool pause);

/* On standard output, for people. */
void balance_print_view(const struct balance_view *view);
void balance_print_result(const struct balance_options *options, const struct balance_view *view,
			  const struct balance_result *result);

/* The same for programs. */
void balance_print_json(const struct balance_options *options, const struct balance_view *view,
			const struct balance_result *result);

#endif
