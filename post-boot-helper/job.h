/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the long jobs have in common: opening, their lock, the moment, their record. */
#ifndef BLANKROOT_JOB_H
#define BLANKROOT_JOB_H

#include "filesystem.h"
#include "job-record.h"

#include <stdbool.h>

#define JOB_GO_ON (-1) /* no exit status */

struct job_options {
	struct filesystem_options filesystem;
	bool is_scheduled;      /* --scheduled: only if this is the moment */
	bool dry_run;           /* no lock, no record */
	bool needs_all_devices; /* while one is missing, it is not the moment */
};

struct job {
	const char *command; /* "blankroot trim" */
	const char *name;    /* "trim" */
	struct filesystem filesystem;
	int lock;
	bool is_recorded;
	struct job_run run;
};

/*
 * Begin a job: open the file system, take the lock of the jobs, ask whether this is the moment, begin its record, and hold
 * signals (job-signals.h), in this order. A file system that is so full that there can be no lock is worked on without.
 *
 * command, name  as long as *job is used
 *
 * Returns JOB_GO_ON with *job owned by the caller (job_end, job_fail or job_refuse, then job_close), or the exit status when all is
 * said: EXIT_NOT_NOW when another job has the lock or it is not the moment, EXIT_FAILED.
 */
int job_begin(const char *command, const char *name, const struct job_options *options,
	      struct job *job);

/*
 * It is not the moment after all: say why, on standard error, record it.
 *
 * Returns EXIT_NOT_NOW.
 */
int job_put_off(struct job *job, const char *why);

/* Another job has the lock: say so. Returns EXIT_NOT_NOW. */
int job_say_not_now(const char *command, const struct br_error *err);

/* It has ended: record it, note it (audit.h). message: for the record; NULL: nothing. Returns EXIT_DONE. */
int job_end(struct job *job, enum job_outcome outcome, const char *message);

/* It has failed: print what went wrong, record it, note it (audit.h). Returns as command_fail does. */
int job_fail(struct job *job, const struct br_error *err);

/*
 * What was asked for is refused, before anything was done: print why, record that it was not the moment, which is no
 * failure that anybody else has to hear of. Returns as command_fail does.
 */
int job_refuse(struct job *job, const struct br_error *err);

/* Release. */
void job_close(struct job *job);

#endif
