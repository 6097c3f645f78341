/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the long jobs have in common. */
#include "job.h"

#include "audit.h"
#include "cleanup.h"
#include "command.h"
#include "job-lock.h"
#include "job-moment.h"
#include "job-signals.h"

#include <errno.h>
#include <stdio.h>

static int say_not_now(const char *command, const char *why)
{
	(void)fflush(stdout); /* what was done comes first; lost output is found at the end */
	(void)fprintf(stderr, "%s: not now: %s\n", command, why);
	return EXIT_NOT_NOW;
}

int job_say_not_now(const char *command, const struct br_error *err)
{
	char message[BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX * 4];

	br_error_format(err, message, sizeof(message));
	return say_not_now(command, message);
}

static int take_lock(struct job *job, uint64_t seconds)
{
	struct br_error err = { 0 };
	int r = job_lock_take(job->filesystem.top, seconds, &job->lock, &err);

	if (r == 0)
		return JOB_GO_ON;
	if (r == BR_ERR_LOCKED && err.sys_errno == 0)
		return job_say_not_now(job->command, &err);
	if (err.sys_errno != ENOSPC && err.sys_errno != EDQUOT)
		return command_fail(job->command, &err);
	/* what makes room must not need any */
	(void)fprintf(stderr,
		      "%s: warning: there is no space for the lock of the jobs: going on without\n",
		      job->command);
	return JOB_GO_ON;
}

static int ask_moment(struct job *job)
{
	char what[128];
	char why[256];

	if (job_moment_on_battery())
		return job_put_off(job, "the machine runs on its battery");
	if (!job_moment_backup(what, sizeof(what)))
		return JOB_GO_ON;
	(void)snprintf(why, sizeof(why), "a backup is running: %s", what); /* fits */
	return job_put_off(job, why);
}

int job_begin(const char *command, const char *name, const struct job_options *options,
	      struct job *job)
{
	struct filesystem_options open = options->filesystem;
	struct br_error err = { 0 };
	int code = JOB_GO_ON;

	*job = (struct job){ .command = command, .name = name, .lock = -1 };
	open.read_only = options->dry_run;
	open.shared = true;
	if (filesystem_open(&open, &job->filesystem, &err) < 0)
		return options->is_scheduled && options->needs_all_devices &&
				       err.code == BR_ERR_DEVICE_INCOMPLETE
			       ? job_say_not_now(command, &err)
			       : command_fail(command, &err);
	if (!options->dry_run) {
		code = take_lock(job, options->filesystem.wait);
		if (code == JOB_GO_ON) {
			job_signals_hold();
			job_record_begin(job->filesystem.top, command, name, &job->run);
			job->is_recorded = true;
		}
	}
	if (code == JOB_GO_ON && options->is_scheduled)
		code = ask_moment(job);
	if (code != JOB_GO_ON)
		job_close(job);
	return code;
}

int job_put_off(struct job *job, const char *why)
{
	if (job->is_recorded)
		job_record_end(&job->run, JOB_NOT_NOW, why);
	return say_not_now(job->command, why);
}

int job_end(struct job *job, enum job_outcome outcome, const char *message)
{
	if (job->is_recorded) {
		job_record_end(&job->run, outcome, message);
		audit(job->name, job->filesystem.device.fsid, job_outcome_name(outcome), NULL);
	}
	return EXIT_DONE;
}

int job_fail(struct job *job, const struct br_error *err)
{
	if (job->is_recorded) {
		job_record_end_with(&job->run, err->code, err);
		audit(job->name, job->filesystem.device.fsid, AUDIT_FAILED, err);
	}
	return command_fail(job->command, err);
}

int job_refuse(struct job *job, const struct br_error *err)
{
	if (job->is_recorded)
		job_record_end_refused(&job->run, err);
	return command_fail(job->command, err);
}

void job_close(struct job *job)
{
	br_cleanup_close(&job->lock);
	filesystem_close(&job->filesystem);
}
