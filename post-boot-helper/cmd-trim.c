/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot trim: tell the devices which of their blocks are free (FITRIM). */
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "discard.h"
#include "job-signals.h"
#include "job.h"
#include "json.h"
#include "lock-wait.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define COMMAND "blankroot trim"
#define TRIM_JSON_VERSION 1

struct options {
	struct job_options job;
	bool force, json;
};

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("force", &options->force,
			    "also if the file system is mounted with discard=async"),
		OPTION_FLAG("scheduled", &options->job.is_scheduled,
			    "only if this is a good moment; what the timer does"),
		OPTION_DRY_RUN(&options->job.dry_run, "only say what would be done, and why"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_WAIT(&options->job.filesystem.wait, "job"),
		OPTION_DEVICE(&options->job.filesystem.device, "a block device"),
		OPTION_CONFIG(&options->job.filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot trim [OPTION]...\n"
			"Tell the devices which of their blocks are free.\n",
		.tail = "Exit codes: 0 done, or not needed; 1 failed; 2 usage error; 4 this is not the\n"
			"moment.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
	};

	return command_options_parse(&usage, argc, argv, NULL);
}

/* --- the call --- */

struct trim {
	struct job *job;
	struct fstrim_range range;
};

static int call(void *data)
{
	struct trim *trim = data;

	return ioctl(trim->job->filesystem.top, FITRIM, &trim->range) == 0 ? 0 : errno;
}

/* The kernel ends it for a signal that kills, and for no other: what is to be told is told before. */
static void stop(void *data, int signal)
{
	struct trim *trim = data;

	if (signal == JOB_SIGNAL_PAUSE)
		return; /* there is nothing to go on with */
	(void)job_end(trim->job, JOB_STOPPED, "stopped by a signal");
	job_signals_obey();
}

/* --- what is said --- */

static const char *explain(enum discard_state state)
{
	switch (state) {
	case DISCARD_CONTINUOUS:
		return "not needed: the file system is mounted with discard=async, which trims "
		       "what becomes free all the time (--force does it all the same)";
	case DISCARD_SYNC:
		return "not needed: the file system is mounted with discard, which trims what "
		       "becomes free at once (--force does it all the same)";
	case DISCARD_UNSUPPORTED:
		return "not possible: none of the devices can discard blocks";
	default:
		return NULL;
	}
}

static void print(const struct options *options, const char *skipped, uint64_t bytes)
{
	struct br_json json;

	if (!options->json) {
		if (skipped) {
			(void)puts(skipped); /* lost output is found when it is closed */
		} else if (options->job.dry_run) {
			(void)puts("would trim what is free");
		} else {
			br_text_put_size(stdout, bytes);
			(void)puts(" trimmed");
		}
		return;
	}
	json = br_json_start(stdout);
	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", TRIM_JSON_VERSION);
	br_json_bool(&json, "dry_run", options->job.dry_run);
	br_json_string(&json, "skipped", skipped);
	br_json_number(&json, "trimmed", bytes);
	br_json_close_object(&json);
}

static int trim_all(struct job *job, const struct options *options, struct br_error *err)
{
	struct trim trim = { job, { .len = UINT64_MAX } };
	const struct job_worker worker = { .call = call, .stop = stop, .data = &trim };
	int failure = 0;

	if (job_worker_run(&worker, &failure, err) < 0)
		return job_fail(job, err);
	if (failure == EOPNOTSUPP) {
		print(options, explain(DISCARD_UNSUPPORTED), 0);
		return job_end(job, JOB_DONE, explain(DISCARD_UNSUPPORTED));
	}
	if (failure != 0) {
		(void)br_error_set(err, BR_ERR_JOB, failure, job->filesystem.device.path,
				   "trimming");
		return job_fail(job, err);
	}
	print(options, NULL, trim.range.len);
	job_record_number(&job->run, "trimmed_bytes", trim.range.len);
	return job_end(job, JOB_DONE, NULL);
}

/*
 * What is not needed or not possible is done, not put off: no later moment would be better, and nobody has to be told
 * again and again.
 */
static int act(struct job *job, const struct options *options)
{
	struct br_error err = { 0 };
	enum discard_state state;
	const char *skipped;

	if (discard_ask(&job->filesystem, &state, &err) < 0)
		return job_fail(job, &err);
	skipped = options->force && state != DISCARD_UNSUPPORTED ? NULL : explain(state);
	if (!skipped && !options->job.dry_run)
		return trim_all(job, options, &err);
	print(options, skipped, 0);
	return job_end(job, JOB_DONE, skipped);
}

static int run(int argc, char *argv[])
{
	struct options options = { .job.filesystem.config = BR_CONFIG_PATH,
				   .job.filesystem.wait = LOCK_WAIT_DEFAULT };
	struct job job;
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	code = job_begin(COMMAND, "trim", &options.job, &job);
	if (code != JOB_GO_ON)
		return code;
	code = act(&job, &options);
	job_close(&job);
	return code;
}

const struct command command_trim = {
	.name = "trim",
	.summary = "tell the devices which of their blocks are free",
	.run = run,
};
