/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carrying out a plan. */
#include "apply.h"

#include "apply-step.h"
#include "beneath.h"
#include "cleanup.h"
#include "subvol.h"

#include <time.h>

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int timed_step(struct br_run *run, size_t index)
{
	const struct br_apply_input *input = run->input;
	const struct br_step *step = &input->plan->steps[index];
	struct br_step_result *result = &input->results[index];
	uint64_t start = now_usec();
	int r;

	if (input->before_step)
		input->before_step(input->data, step);
	result->started = true;
	run->stats = &result->stats;
	r = br_run_step(run, step);
	result->usec = now_usec() - start;
	result->done = r == 0;
	if (r == 0)
		return 0;
	(void)br_error_name(run->err, step->to ? step->to : step->from);
	return br_error_context(run->err, "%s", br_step_name(step->type));
}

static bool is_swap(const struct br_step *step)
{
	return step->type == BR_STEP_EXCHANGE || step->type == BR_STEP_PLACE;
}

/* The steps up to the last swap. Any failure ends them. */
static int prepare_and_swap(struct br_run *run, size_t *next_ret)
{
	const struct br_plan *plan = run->input->plan;
	size_t last_swap = 0;

	for (size_t i = 0; i < plan->count; i++)
		if (is_swap(&plan->steps[i]))
			last_swap = i;
	for (size_t i = 0; i <= last_swap && i < plan->count; i++) {
		int r = timed_step(run, i);

		if (r < 0)
			return r;
	}
	*next_ret = last_swap + 1;
	return 0;
}

/*
 * The steps after the swap: everything that still can be done is done, and committed. The first
 * error counts.
 */
static int retire(const struct br_run *outer, size_t next)
{
	const struct br_plan *plan = outer->input->plan;
	struct br_error latest = { 0 };
	struct br_run run = *outer;
	int first = 0;

	run.err = &latest;
	for (size_t i = next; i < plan->count; i++) {
		const struct br_step *step = &plan->steps[i];
		bool has_subvol = step->ephemeral != BR_STEP_NO_INDEX;

		if ((has_subvol && run.work[step->ephemeral].broken) || timed_step(&run, i) == 0)
			continue;
		if (first == 0) {
			*outer->err = latest;
			first = latest.code;
		}
		/* what the blank was has nothing to do with the archive */
		if (has_subvol && step->type != BR_STEP_NOTE_BLANK)
			run.work[step->ephemeral].broken = true;
	}
	return first;
}

/* An old subvolume that was read-only and stays in use is read-only again. */
static void seal_old_again(struct br_run *run)
{
	for (size_t i = 0; i < run->input->config->ephemeral_count; i++)
		if (run->work[i].made_writable && !run->work[i].swapped)
			(void)!br_subvol_set_read_only(run->work[i].old, true,
						       run->err); /* told is the first failure */
}

/*
 * Put back what was swapped. Returns false when that failed too. An exchange is its own inverse; a
 * placed subvolume goes back to its staging name.
 */
static bool undo_swaps(const struct br_run *outer)
{
	const struct br_plan *plan = outer->input->plan;
	struct br_error ignored; /* the failure that led here is the one to tell */
	struct br_run run = *outer;
	bool undone = true;

	run.err = &ignored;
	for (size_t i = plan->count; i-- > 0;) {
		const struct br_step *step = &plan->steps[i];
		struct br_work *work;

		if (!is_swap(step) || !run.work[step->ephemeral].swapped)
			continue;
		work = &run.work[step->ephemeral];
		work->swapped = br_run_rename(&run, step->to, step->from,
					      step->type == BR_STEP_EXCHANGE
						      ? RENAME_EXCHANGE
						      : RENAME_NOREPLACE) != 0;
		undone &= !work->swapped;
	}
	seal_old_again(&run);
	return undone;
}

/* Discard what was prepared. What remains of it is cleared by the next run. */
static void discard_staging(struct br_run *run)
{
	const struct br_plan *plan = run->input->plan;
	struct br_error ignored;

	for (size_t i = 0; i < plan->count; i++) {
		const struct br_step *step = &plan->steps[i];
		BR_AUTO_CLOSE int parent = -1;
		const char *name;

		if (step->type != BR_STEP_SNAPSHOT || !run->work[step->ephemeral].prepared)
			continue;
		if (br_open_parent(run->input->top, step->to, &parent, &name, &ignored) == 0)
			(void)!br_subvol_delete_tree(
				parent, name, run->work[step->ephemeral].staging_id, &ignored);
	}
}

static int apply_all(struct br_run *run, enum br_applied *applied_ret)
{
	size_t next = 0;
	int r = prepare_and_swap(run, &next);

	if (r < 0) {
		bool undone = undo_swaps(run);

		if (undone)
			discard_staging(run);
		*applied_ret = undone ? BR_APPLIED_NOTHING : BR_APPLIED_UNFINISHED;
		return r;
	}
	r = retire(run, next);
	*applied_ret = r < 0 ? BR_APPLIED_UNFINISHED : BR_APPLIED_ALL;
	return r;
}

int br_apply(const struct br_apply_input *input, enum br_applied *applied_ret, struct br_error *err)
{
	size_t count = input->config->ephemeral_count;
	struct br_run run = { .input = input, .err = err };
	int r;

	*applied_ret = BR_APPLIED_NOTHING;
	run.work = calloc(count, sizeof(*run.work));
	if (!run.work)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; i < count; i++)
		run.work[i].old = run.work[i].staging = -1;
	r = apply_all(&run, applied_ret);
	for (size_t i = 0; i < count; i++) {
		br_cleanup_close(&run.work[i].old);
		br_cleanup_close(&run.work[i].staging);
	}
	free(run.work);
	return r;
}
