/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot balance start, and what it would do. */
#include "balance.h"

#include "command.h"
#include "job-signals.h"

#include <errno.h>
#include <stdio.h>

/* Anything that is in the way? Returns JOB_GO_ON, or the exit status when all is said. */
static int check(struct job *job, const struct balance_options *options,
		 const struct balance_view *view, struct br_error *err)
{
	struct balance_kernel kernel;
	char what[256], other[128];

	if (view->allocation.missing > 0) {
		(void)snprintf(what, sizeof(what),
			       "devices are missing (%zu), and what is moved would have fewer "
			       "copies (btrfs replace first)",
			       view->allocation.missing);
		if (options->job.is_scheduled)
			return job_put_off(job, what);
		(void)br_error_set(err, BR_ERR_JOB, 0, NULL, "%s", what);
		return job_fail(job, err);
	}
	if (balance_kernel_ask(job->filesystem.top, &kernel, err) < 0)
		return job_fail(job, err);
	if (kernel.state == BALANCE_RUNNING)
		return job_put_off(job, "another balance is running (btrfs balance status)");
	if (kernel.state == BALANCE_PAUSED && kernel.is_convert)
		return job_put_off(
			job, "a balance that changes profiles is paused: go on with it knowingly "
			     "(btrfs balance resume) or end it (blankroot balance cancel)");
	if (kernel.state == BALANCE_PAUSED && !kernel.is_ours && !options->resumes)
		return job_put_off(job,
				   "another program's balance is paused: go on with it (blankroot "
				   "balance resume) or end it (blankroot balance cancel)");
	if (balance_kernel_other(job->filesystem.device.fsid, other, sizeof(other))) {
		(void)snprintf(what, sizeof(what), "the kernel is at something else: %s", other);
		return job_put_off(job, what);
	}
	return JOB_GO_ON;
}

static void predict(const struct balance_options *options, struct balance_view *view,
		    struct balance_result *result)
{
	uint64_t before = view->allocation.unallocated;
	struct br_balance_plan plan = br_balance_plan(&view->groups, &view->allocation, &view->want,
						      &options->rules);

	*result = (struct balance_result){ .end = plan.is_enough ? BALANCE_ENOUGH : BALANCE_NO_GAIN,
					   .moved = plan.groups,
					   .bytes = plan.bytes,
					   .before = before,
					   .after = plan.unallocated };
}

static void print(const struct balance_options *options, const struct balance_view *view,
		  const struct balance_result *result)
{
	if (options->json)
		balance_print_json(options, view, result);
	else
		balance_print_result(options, view, result);
}

static void record(struct job *job, const struct balance_result *result)
{
	job_record_number(&job->run, "moved_block_groups", result->moved);
	job_record_number(&job->run, "moved_bytes", result->bytes);
	job_record_number(&job->run, "unallocated_before_bytes", result->before);
	job_record_number(&job->run, "unallocated_bytes", result->after);
}

static int finish(struct job *job, const struct balance_result *result, struct br_error *err)
{
	int signal = job_signals_came();

	switch (result->end) {
	case BALANCE_NO_SPACE:
		(void)br_error_set(
			err, BR_ERR_JOB, ENOSPC, NULL,
			"no block group could be moved: make room first (blankroot prune, "
			"delete files), or add a device for the time being (btrfs device "
			"add)");
		return job_fail(job, err);
	case BALANCE_OTHER:
		return job_put_off(job, "something else has begun to work on the file system");
	case BALANCE_STOPPED:
		return job_end(job, JOB_STOPPED,
			       signal == JOB_SIGNAL_PAUSE
				       ? "paused: blankroot balance resume goes on"
			       : signal ? "stopped by a signal"
					: "cancelled or paused by somebody else");
	case BALANCE_NO_GAIN:
		return job_end(job, JOB_DONE, "nothing more is to be gained");
	default:
		return job_end(job, JOB_DONE, result->moved > 0 ? NULL : "there was enough");
	}
}

static int run(struct job *job, const struct balance_options *options, struct balance_view *view)
{
	struct balance_result result = { 0 };
	struct br_error err = { 0 };
	int code;

	if (balance_look(&job->filesystem, options, view, &err) < 0)
		return job_fail(job, &err);
	code = check(job, options, view, &err);
	if (code != JOB_GO_ON)
		return code;
	if (!options->json)
		balance_print_view(view);
	(void)fflush(stdout); /* what follows may take hours */
	if (options->job.dry_run)
		predict(options, view, &result);
	else if (balance_run(job, options, view, &result, &err) < 0)
		return job_fail(job, &err);
	print(options, view, &result);
	record(job, &result);
	return finish(job, &result, &err);
}

int balance_start(const struct balance_options *options)
{
	struct balance_view view = { 0 };
	struct job job;
	int code = job_begin(BALANCE_COMMAND, BALANCE_JOB, &options->job, &job);

	if (code != JOB_GO_ON)
		return code;
	code = run(&job, options, &view);
	balance_view_free(&view);
	job_close(&job);
	(void)fflush(stdout); /* lost output is found at the end */
	job_signals_obey();
	return code;
}
