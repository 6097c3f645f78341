/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Moving block groups. The kernel is asked for one at a time, by its address: so it is always the one that is used least,
 * it ends as soon as enough is unallocated, and whoever stops it loses the moving of one. A balance of the kernel's own
 * with a filter for the usage takes them from the last to the first, and as many as there are.
 */
#include "balance.h"

#include "cleanup.h"
#include "job-signals.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * In a row. What was in the first ones may have needed a block group of its own, and of two that are half full only one
 * is gained; but when three have brought nothing, the free space is in pieces too small for what is moved.
 */
#define USELESS_MAX 3

#define LEFT_OUT_MAX 64

struct run {
	struct job *job;
	struct balance_view *view;
	struct balance_result *result;
	struct br_balance_rules rules;
	uint64_t left_out[LEFT_OUT_MAX];
	unsigned useless; /* in a row */
	unsigned no_space;
	struct progress progress;
};

int balance_look(const struct filesystem *filesystem, const struct balance_options *options,
		 struct balance_view *view, struct br_error *err)
{
	const char *fsid = filesystem->device.fsid;
	int r;

	balance_view_free(view);
	if ((r = br_allocation_read(filesystem->top, &view->allocation, err)) < 0 ||
	    (r = br_block_groups_read(filesystem->top, &view->groups, err)) < 0)
		return r;
	view->want = br_allocation_want(&view->allocation, &view->groups,
					balance_kernel_group_max(fsid, "data"),
					balance_kernel_group_max(fsid, "metadata"));
	if (options->wanted > 0 || options->wanted_percent > 0) {
		view->want.devices = 0;
		view->want.bytes = options->wanted_percent > 0
					   ? (uint64_t)(options->wanted_percent / 100 *
							(double)view->allocation.size)
					   : options->wanted;
	}
	return 0;
}

void balance_view_free(struct balance_view *view)
{
	br_allocation_free(&view->allocation);
	br_block_groups_free(&view->groups);
}

/* --- one block group --- */

struct move {
	int top;
	const struct br_block_group *group; /* NULL: the one that is paused */
	unsigned usage_max;
};

static int move_one(void *data)
{
	const struct move *move = data;

	return move->group ? balance_kernel_move(move->top, move->group, move->usage_max)
			   : balance_kernel_resume(move->top);
}

/* Between two calls there is nothing to be stopped; the signal is remembered. */
static void stop_one(void *data, int signal)
{
	const struct move *move = data;

	(void)(signal == JOB_SIGNAL_PAUSE ? balance_kernel_pause(move->top)
					  : balance_kernel_cancel(move->top));
}

static int move_group(struct run *run, const struct br_block_group *group, int *errno_ret,
		      struct br_error *err)
{
	struct move move = { run->job->filesystem.top, group, run->rules.usage_max };
	const struct job_worker worker = { .call = move_one, .stop = stop_one, .data = &move };

	return job_worker_run(&worker, errno_ret, err);
}

static void put_progress(FILE *out, const void *data)
{
	const struct run *run = data;

	(void)fprintf(out, "%llu moved, ", (unsigned long long)run->result->moved);
	br_text_put_size(out, run->view->allocation.unallocated);
	(void)fputs(" unallocated", out);
}

static bool is_there(const struct br_block_groups *groups, uint64_t start)
{
	for (size_t i = 0; i < groups->count; i++)
		if (groups->groups[i].start == start)
			return true;
	return false;
}

static void leave_out(struct run *run, uint64_t start)
{
	run->left_out[run->rules.left_out_count++] = start; /* there is room: see is_over */
	run->useless++;
}

/* --- one after the other --- */

/* What came of the call for a block group. 1: go on; 0: it is over. */
static int judge(struct run *run, const struct br_block_group *group, int failure,
		 struct br_error *err)
{
	switch (failure) {
	case 0:
		return 1;
	case ENOSPC:
		run->no_space++;
		return 1;
	case EINTR:
	case ECANCELED:
		run->result->end = BALANCE_STOPPED;
		return 0;
	case EINPROGRESS:
		run->result->end = BALANCE_OTHER;
		return 0;
	default:
		return br_error_set(err, BR_ERR_JOB, failure, NULL,
				    "moving the block group at %llu",
				    (unsigned long long)group->start);
	}
}

/* Look again, and see what it was good for. */
static int take_stock(struct run *run, const struct balance_options *options,
		      const struct br_block_group *moved, struct br_error *err)
{
	uint64_t before = run->view->allocation.unallocated;
	uint64_t start = moved->start, used = moved->used;
	int r = balance_look(&run->job->filesystem, options, run->view, err); /* *moved is gone */

	if (r < 0)
		return r;
	run->result->after = run->view->allocation.unallocated;
	if (is_there(&run->view->groups, start)) {
		leave_out(run, start);
		return 0;
	}
	run->result->moved++;
	run->result->bytes += used;
	run->useless = run->view->allocation.unallocated > before ? 0 : run->useless + 1;
	return 0;
}

static bool is_over(struct run *run, const struct br_block_group **next_ret)
{
	struct balance_result *result = run->result;

	*next_ret = NULL;
	if (br_allocation_is_enough(&run->view->allocation, &run->view->want))
		result->end = BALANCE_ENOUGH;
	else if (job_signals_came() != 0)
		result->end = BALANCE_STOPPED;
	else if (run->useless < USELESS_MAX && run->rules.left_out_count < LEFT_OUT_MAX &&
		 (*next_ret = br_balance_next(&run->view->groups, &run->rules)))
		return false;
	else
		result->end = run->no_space > 0 && result->moved == 0 ? BALANCE_NO_SPACE
								      : BALANCE_NO_GAIN;
	return true;
}

static int run_all(struct run *run, const struct balance_options *options, struct br_error *err)
{
	const struct br_block_group *next;
	int failure = 0, r = 1;

	while (r == 1 && !is_over(run, &next)) {
		progress_say(&run->progress, put_progress, run);
		r = move_group(run, next, &failure, err);
		if (r == 0)
			r = judge(run, next, failure, err);
		if (r == 1 && take_stock(run, options, next, err) < 0)
			r = err->code;
	}
	return r < 0 ? r : 0;
}

/* One of ours that somebody paused: finish it first. */
static int resume(struct run *run, struct br_error *err)
{
	struct balance_kernel kernel;
	int failure = 0;
	int r = balance_kernel_ask(run->job->filesystem.top, &kernel, err);

	if (r < 0 || kernel.state != BALANCE_PAUSED)
		return r;
	r = move_group(run, NULL, &failure, err);
	if (r < 0 || failure == 0 || failure == ENOTCONN || failure == ENOSPC)
		return r;
	if (failure == ECANCELED || failure == EINTR)
		return 0; /* told by the signal, or by the next attempt */
	return br_error_set(err, BR_ERR_JOB, failure, NULL, "going on with the paused balance");
}

static uint64_t end_of(const struct br_block_groups *groups)
{
	const struct br_block_group *last = groups->count > 0 ? &groups->groups[groups->count - 1]
							      : NULL;

	return last ? last->start + last->length : 0;
}

int balance_run(struct job *job, const struct balance_options *options, struct balance_view *view,
		struct balance_result *ret, struct br_error *err)
{
	struct run run = { .job = job,
			   .view = view,
			   .result = ret,
			   .rules = options->rules,
			   .progress = progress_begin(BALANCE_COMMAND) };
	int r;

	*ret = (struct balance_result){ .before = view->allocation.unallocated };
	run.rules.left_out = run.left_out;
	run.rules.made_since = end_of(&view->groups);
	if ((r = resume(&run, err)) == 0 &&
	    (r = balance_look(&job->filesystem, options, view, err)) == 0) {
		ret->after = view->allocation.unallocated;
		r = run_all(&run, options, err);
	}
	progress_clear(&run.progress);
	return r;
}
