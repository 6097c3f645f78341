/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the runs of a job: when it ran last and how that ended, and when it last succeeded. One file for each
 * job, .blankroot/jobs/NAME.json in the top level: it is about the file system, so it lies on it, and no reset of the
 * root takes it away. docs/boot-contract.md has its keys.
 */
#ifndef BLANKROOT_JOB_RECORD_H
#define BLANKROOT_JOB_RECORD_H

#include "deadline.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define JOB_RECORD_DIR "jobs" /* in .blankroot */

#define JOB_MESSAGE_MAX 512
#define JOB_NUMBERS_MAX 16
#define JOB_NUMBER_NAME_MAX 32

enum job_outcome {
	JOB_RUNNING, /* or it was killed, or the power was cut: job_record_is_running */
	JOB_DONE,
	JOB_FAILED,
	JOB_STOPPED, /* cancelled, or ended by a signal, before it was done: neither success nor failure */
	JOB_NOT_NOW, /* it was not the moment: nothing was done */
};

/* Something that was counted, as "trimmed_bytes". The name is one of the program's own. */
struct job_number {
	char name[JOB_NUMBER_NAME_MAX];
	uint64_t value;
};

struct job_record {
	bool exists; /* else all is zero: it never ran */
	enum job_outcome outcome;
	uint64_t started, ended; /* of the last run: seconds since the epoch; ended 0: it did not */
	uint64_t duration_us;    /* of the last run, by a clock that nobody sets */
	uint64_t process;        /* that ran it */
	char message
		[JOB_MESSAGE_MAX]; /* for people: why it failed or stopped; "": nothing to say */
	struct job_number numbers[JOB_NUMBERS_MAX];
	uint64_t number_count;
	/* of the last run that was done, also when later ones were not; success_ended 0: there was none */
	uint64_t success_ended, success_duration_us;
};

/* A run that is going on. */
struct job_run {
	int top;
	const char *command; /* "blankroot trim", for warnings */
	const char *job;
	uint64_t since; /* nanoseconds of CLOCK_MONOTONIC */
	bool has_warned;
	struct job_record record;
};

/*
 * Read a record.
 *
 * top  the top level, open
 * job  "scrub", "balance", "trim", "defrag", "prune", "snapshot"
 *
 * Returns 0, with exists false when there is none. BR_ERR_READ when it cannot be understood, BR_ERR_OPEN, BR_ERR_NOMEM
 * ...: *ret is zeroed then.
 */
BR_MUST_CHECK int job_record_read(int top, const char *job, struct job_record *ret,
				  struct br_error *err);

/* The word for an outcome: "running", "done", "failed", "stopped", "not-now". */
const char *job_outcome_name(enum job_outcome outcome);

/*
 * Is a job whose outcome is JOB_RUNNING going on? Else it was interrupted. For those that hold the lock of job-lock.h
 * all the while.
 */
bool job_record_is_running(int top, const struct job_record *record);

/*
 * A run begins: note it. Like what follows it never fails: a record that cannot be written, on a file system that is full or
 * read-only, is no reason not to do the job; a warning on standard error says so.
 *
 * top           the top level, open and writable, as long as *run is used
 * command, job  as above; as long as *run is used
 */
void job_record_begin(int top, const char *command, const char *job, struct job_run *run);

/* The same of a run that is so short that nobody looks at it meanwhile: nothing is written until it ends. */
void job_record_begin_short(int top, const char *command, const char *job, struct job_run *run);

/* Note a number, or another value of it; written at the end. Beyond JOB_NUMBERS_MAX they are dropped. */
void job_record_number(struct job_run *run, const char *name, uint64_t value);

/*
 * The run has ended: write how.
 *
 * message  for people, raw bytes; a long one is cut. NULL: nothing to say
 */
void job_record_end(struct job_run *run, enum job_outcome outcome, const char *message);

/*
 * The run has ended with this return value of a function of ours: done, or failed with the message of the error. An error of
 * usage is a refusal: what the configuration asks for was checked when it was read, so somebody has typed that, and nobody
 * else has to hear of it.
 */
void job_record_end_with(struct job_run *run, int r, const struct br_error *err);

/* What was asked for is refused, before anything was done: it was not the moment, which is no failure. */
void job_record_end_refused(struct job_run *run, const struct br_error *err);

#endif
