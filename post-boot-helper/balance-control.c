/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot balance status, pause, cancel. */
#include "balance.h"

#include "cleanup.h"
#include "command.h"
#include "job-lock.h"
#include "job-signals.h"
#include "json.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

/* --- status --- */

static const char *const states[] = {
	[BALANCE_NONE] = "none", [BALANCE_RUNNING] = "running", [BALANCE_PAUSED] = "paused"
};

static void print_kernel(const struct balance_kernel *kernel, bool is_running)
{
	(void)fputs("Balance      ", stdout);
	if (kernel->state == BALANCE_NONE)
		(void)puts(is_running ? "running" : "none is running");
	else
		(void)printf("%s%s%s; %llu of about %llu block groups moved\n",
			     states[kernel->state],
			     kernel->is_ours ? "" : ", begun by another program",
			     kernel->is_convert ? ", changes profiles" : "",
			     (unsigned long long)kernel->completed,
			     (unsigned long long)kernel->expected);
	if (kernel->state == BALANCE_PAUSED)
		(void)puts("             (blankroot balance resume, blankroot balance cancel)");
}

static void print_record(const struct job_record *record, bool is_running)
{
	time_t started = (time_t)record->started;
	char text[64] = "-";
	struct tm utc;

	(void)fputs("Last run     ", stdout);
	if (!record->exists) {
		(void)puts("none");
		return;
	}
	if (gmtime_r(&started, &utc))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
	(void)printf("%s, %s", text,
		     record->outcome == JOB_RUNNING && !is_running
			     ? "interrupted"
			     : job_outcome_name(record->outcome));
	if (*record->message) {
		(void)fputs(": ", stdout);
		br_text_put_name(stdout, record->message);
	}
	(void)putchar('\n');
}

static void print_json(const struct balance_view *view, const struct balance_kernel *kernel,
		       bool is_running)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", 1);
	br_json_string(&json, "state", is_running ? "running" : states[kernel->state]);
	br_json_bool(&json, "ours", is_running || kernel->is_ours);
	br_json_bool(&json, "convert", kernel->is_convert);
	br_json_number(&json, "completed", kernel->completed);
	br_json_number(&json, "expected", kernel->expected);
	br_json_number(&json, "unallocated", view->allocation.unallocated);
	br_json_number(&json, "wanted", view->want.bytes);
	br_json_number(&json, "wanted_devices", view->want.devices);
	br_json_bool(&json, "enough", br_allocation_is_enough(&view->allocation, &view->want));
	br_json_close_object(&json);
}

static int show(const struct filesystem *filesystem, const struct balance_options *options,
		struct balance_view *view, struct br_error *err)
{
	struct balance_kernel kernel;
	struct job_record record;
	bool is_running;
	int r;

	if ((r = balance_look(filesystem, options, view, err)) < 0 ||
	    (r = balance_kernel_ask(filesystem->top, &kernel, err)) < 0 ||
	    (r = job_record_read(filesystem->top, BALANCE_JOB, &record, err)) < 0)
		return r;
	is_running = job_record_is_running(filesystem->top, &record);
	if (options->json) {
		print_json(view, &kernel, is_running);
		return 0;
	}
	print_kernel(&kernel, is_running);
	print_record(&record, is_running);
	balance_print_view(view);
	return 0;
}

int balance_status(const struct balance_options *options)
{
	struct filesystem_options open = options->job.filesystem;
	struct balance_view view = { 0 };
	struct filesystem filesystem;
	struct br_error err = { 0 };
	int r;

	open.read_only = true;
	if (filesystem_open(&open, &filesystem, &err) < 0)
		return command_fail(BALANCE_COMMAND, &err);
	r = show(&filesystem, options, &view, &err);
	balance_view_free(&view);
	filesystem_close(&filesystem);
	return r < 0 ? command_fail(BALANCE_COMMAND, &err) : EXIT_DONE;
}

/* --- pause, cancel --- */

/* The run of ours that goes on; 0: none does. */
static pid_t find_ours(int top, struct br_error *err)
{
	struct job_record record;

	if (job_record_read(top, BALANCE_JOB, &record, err) < 0 ||
	    !job_record_is_running(top, &record))
		return 0;
	return (pid_t)record.process;
}

/*
 * A run of ours asks the kernel again and again: it is told itself, and tells the kernel. Whatever else is there is the
 * kernel's, also what is paused since the last boot.
 */
static int stop(int top, bool pause, struct br_error *err)
{
	pid_t ours = find_ours(top, err);
	int failure;

	if (ours > 0 && kill(ours, pause ? JOB_SIGNAL_PAUSE : SIGTERM) == 0) {
		(void)printf("asked process %ld to %s\n", (long)ours, pause ? "pause" : "stop");
		return 0;
	}
	failure = pause ? balance_kernel_pause(top) : balance_kernel_cancel(top);
	if (failure == ENOTCONN)
		return br_error_set(err, BR_ERR_JOB, 0, NULL,
				    pause ? "no balance is running" : "there is no balance");
	if (failure != 0)
		return br_error_set(err, BR_ERR_JOB, failure, NULL, NULL);
	(void)puts(pause ? "paused" : "cancelled");
	return 0;
}

int balance_control(const struct balance_options *options, bool pause)
{
	struct filesystem_options open = options->job.filesystem;
	struct filesystem filesystem;
	struct br_error err = { 0 };
	int r;

	open.shared = true;
	if (filesystem_open(&open, &filesystem, &err) < 0)
		return command_fail(BALANCE_COMMAND, &err);
	r = stop(filesystem.top, pause, &err);
	filesystem_close(&filesystem);
	return r < 0 ? command_fail(BALANCE_COMMAND, &err) : EXIT_DONE;
}
