/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Beginning a scrub or going on with one, and telling what it found. */
#include "audit.h"
#include "cleanup.h"
#include "command.h"
#include "job-lock.h"
#include "job-record.h"
#include "job.h"
#include "progress.h"
#include "scrub-limit.h"
#include "scrub-run.h"
#include "scrub-view.h"
#include "scrub.h"
#include "text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* What was scrubbed longer ago than this would have to be looked at again anyway. */
#define RESUME_DAYS 7
#define DAY 86400
#define HOUR 3600 /* by which a clock may have been corrected */

/* A run: everything that has to be released. */
struct scrub {
	const struct scrub_options *options;
	struct filesystem filesystem;
	bool is_writable;
	uint64_t begun; /* seconds since the epoch */
	int lock;       /* -1: none, on a file system that cannot be written to */
	struct scrub_devices devices;
	struct scrub_record last;
	bool is_resumed;
};

static void release(struct scrub *scrub)
{
	scrub_record_free(&scrub->last);
	scrub_devices_free(&scrub->devices);
	br_cleanup_close(&scrub->lock);
	filesystem_close(&scrub->filesystem);
}

/* --- before it --- */

static int take_lock(struct scrub *scrub, struct br_error *err)
{
	const struct scrub_options *options = scrub->options;
	int r;

	if (options->dry_run)
		return 0;
	r = job_lock_take(scrub->filesystem.top, options->filesystem.wait, &scrub->lock, err);
	/* there is no file to lock, and none can be made; the kernel does only one at a time anyway */
	if (r < 0 && !scrub->is_writable && err->sys_errno == EROFS)
		return 0;
	return r;
}

static int refuse_busy(const struct scrub *scrub, struct br_error *err)
{
	int r = scrub_devices_are_busy(scrub->filesystem.top, &scrub->devices, err);

	if (r > 0)
		return br_error_set(err, BR_ERR_IN_USE, 0, scrub->filesystem.device.path,
				    "a scrub is running already: '" SCRUB_COMMAND
				    " status' tells how far it is, '" SCRUB_COMMAND
				    " cancel' stops it");
	if (r == 0)
		r = scrub_devices_are_replaced(scrub->filesystem.top, err);
	if (r > 0)
		return br_error_set(err, BR_ERR_IN_USE, 0, scrub->filesystem.device.path,
				    "a device is being replaced, for which all is read anyway; "
				    "scrub when that has ended");
	return r;
}

/* What cannot be understood is replaced. */
static int read_last(struct scrub *scrub, struct br_error *err)
{
	const struct filesystem *filesystem = &scrub->filesystem;
	int r = scrub_record_read(SCRUB_RECORD_DIR, filesystem->top, filesystem->device.fsid,
				  &scrub->last, err);

	if (r != BR_ERR_READ || err->sys_errno != 0)
		return r;
	return scrub_record_read(NULL, filesystem->top, filesystem->device.fsid, &scrub->last, err);
}

/* Who waited for another one to end need not do it all over again. */
static bool is_done_meanwhile(const struct scrub *scrub)
{
	return !scrub->options->restart && scrub->last.is_finished &&
	       scrub->last.last_active > scrub->begun;
}

/* By a clock that was wrong nothing is recent: all of it is looked at again. */
static bool is_to_go_on(const struct scrub *scrub)
{
	const struct scrub_record *last = &scrub->last;
	uint64_t now = (uint64_t)time(NULL);

	if (!last->exists || last->is_finished || scrub->options->restart)
		return false;
	return scrub->options->resume ||
	       (last->last_active > 0 && last->last_active <= now + HOUR &&
		now <= last->last_active + RESUME_DAYS * DAY);
}

/*
 * Also only to look for errors it is mounted writable, if it can be: the kernel does not scrub what it has mounted
 * without its log.
 */
static int open_filesystem(struct scrub *scrub, struct br_error *err)
{
	struct filesystem_options of = scrub->options->filesystem;
	int r;

	of.shared = true;
	of.read_only = scrub->options->dry_run;
	r = filesystem_open(&of, &scrub->filesystem, err);
	scrub->is_writable = !of.read_only;
	if (r == BR_ERR_MOUNT && scrub->options->read_only &&
	    (err->sys_errno == EROFS || err->sys_errno == EACCES)) {
		of.read_only = true;
		scrub->is_writable = false;
		r = filesystem_open(&of, &scrub->filesystem, err);
	}
	return r;
}

static int prepare(struct scrub *scrub, struct br_error *err)
{
	int r;

	if ((r = open_filesystem(scrub, err)) < 0)
		return r;
	if ((r = take_lock(scrub, err)) < 0 ||
	    (r = scrub_devices_read(scrub->filesystem.top, &scrub->devices, err)) < 0 ||
	    (r = refuse_busy(scrub, err)) < 0 || (r = read_last(scrub, err)) < 0)
		return r;
	/* what a run left that was killed */
	if (!scrub->options->dry_run)
		r = scrub_limit_restore(SCRUB_RECORD_DIR, scrub->filesystem.device.fsid, err);
	scrub->is_resumed = is_to_go_on(scrub);
	return r;
}

/* --- what is going to be done --- */

static void put_begin(const struct scrub_job *job, const struct scrub_device *device)
{
	struct scrub_begin begin = scrub_run_begin(job, device);

	(void)printf("  %" PRIu64 " ", device->devid); /* lost output is found when it is closed */
	br_text_put_name(stdout, device->path[0] ? device->path : "missing");
	if (begin.is_left_out) {
		(void)puts(device->path[0] ? ": was scrubbed to its end" : ": left out");
		return;
	}
	(void)fputs(": from ", stdout);
	if (begin.start > 0) {
		br_text_put_size(stdout, begin.start);
		(void)puts(" on");
	} else {
		(void)puts("its beginning");
	}
}

static int tell_plan(const struct scrub *scrub, const struct scrub_job *job)
{
	const struct scrub_devices *devices = &scrub->devices;

	(void)printf("would %s%s%s:\n",
		     scrub->is_resumed ? "go on with the scrub that was interrupted"
				       : "begin a scrub",
		     scrub->options->read_only ? ", repairing nothing" : "",
		     devices->count < 2    ? ""
		     : devices->one_by_one ? ", of one device after another"
					   : ", of all devices at once");
	for (size_t i = 0; i < devices->count; i++)
		put_begin(job, &devices->list[i]);
	return EXIT_DONE;
}

/* --- what it found --- */

static bool is_damaged(const struct scrub *scrub, const struct scrub_record *record)
{
	return record->uncorrectable > 0 || (scrub->options->read_only && record->errors > 0);
}

static void warn(const struct scrub *scrub, const struct scrub_result *result)
{
	char message[2048];

	if (scrub->devices.missing > 0)
		(void)fprintf(stderr,
			      SCRUB_COMMAND ": warning: of %zu devices, %zu %s missing and %s not "
					    "scrubbed\n",
			      scrub->devices.count, scrub->devices.missing,
			      scrub->devices.missing == 1 ? "is" : "are",
			      scrub->devices.missing == 1 ? "was" : "were");
	if (result->record_failure.code != BR_OK) {
		br_error_format(&result->record_failure, message, sizeof(message));
		(void)fprintf(stderr, SCRUB_COMMAND ": warning: not recorded: %s\n", message);
	}
	if (result->record.uncorrectable > 0)
		(void)fprintf(stderr,
			      SCRUB_COMMAND
			      ": %" PRIu64 " errors could not be repaired: the kernel's log tells "
			      "where (dmesg); bring the files back from a backup or a snapshot\n",
			      result->record.uncorrectable);
	else if (is_damaged(scrub, &result->record))
		(void)fprintf(stderr,
			      SCRUB_COMMAND ": %" PRIu64
					    " errors were left as they are; without --read-only, "
					    "what has another copy is repaired\n",
			      result->record.errors);
}

static int print_result(const struct scrub_view *view, const struct scrub_result *result,
			struct br_error *err)
{
	const struct scrub_record *record = &view->record;
	double part = scrub_view_part(view);

	(void)printf("scrub %s", result->is_stopped ? "stopped" : "finished");
	if (result->is_stopped && part >= 0)
		(void)printf(" at %.0f%%", 100 * part);
	(void)fputs(", after ", stdout);
	br_text_put_length(stdout, record->duration);
	(void)fputs(": ", stdout);
	br_text_put_size(stdout, record->scrubbed);
	(void)fputs(", ", stdout);
	scrub_view_put_errors(stdout, record->errors, record->repaired);
	(void)putchar('\n');
	if (result->is_stopped)
		(void)printf("'" SCRUB_COMMAND " resume' goes on; for %d days, start does too\n",
			     RESUME_DAYS);
	if (view->devices.count < 2 && record->errors == 0)
		return 0;
	(void)putchar('\n');
	return scrub_view_print_devices(view, err);
}

static void print_json(const struct scrub *scrub, const struct scrub_view *view)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", SCRUB_JSON_VERSION);
	br_json_string(&json, "uuid", scrub->filesystem.device.fsid);
	scrub_view_put_json(&json, view);
	br_json_close_object(&json);
}

static int tell_result(const struct scrub *scrub, const struct scrub_result *result,
		       struct br_error *err)
{
	/* both are released by who has them */
	const struct scrub_view view = { .devices = scrub->devices, .record = result->record };
	int r = 0;

	if (scrub->options->json)
		print_json(scrub, &view);
	else
		r = print_result(&view, result, err);
	(void)fflush(stdout);
	warn(scrub, result);
	return r;
}

static int exit_code(const struct scrub *scrub, const struct scrub_result *result)
{
	if (is_damaged(scrub, &result->record))
		return EXIT_FAILED;
	return result->is_stopped ? EXIT_NOT_NOW : EXIT_DONE;
}

/* --- it --- */

static int limit(const struct scrub *scrub, struct br_error *err)
{
	return scrub->options->limit == 0
		       ? 0
		       : scrub_limit_set(SCRUB_RECORD_DIR, scrub->filesystem.device.fsid,
					 &scrub->devices, scrub->options->limit, err);
}

/* For metrics and alerts. */
static void record_run(const struct scrub *scrub, struct job_run *run,
		       const struct scrub_result *result, int r, const struct br_error *err)
{
	const struct scrub_record *record = &result->record;

	if (r < 0) {
		job_record_end_with(run, r, err);
		return;
	}
	job_record_number(run, "scrubbed_bytes", record->scrubbed);
	job_record_number(run, "errors", record->errors);
	job_record_number(run, "repaired", record->repaired);
	job_record_number(run, "uncorrectable", record->uncorrectable);
	if (is_damaged(scrub, record))
		job_record_end(run, JOB_FAILED, "errors that are not repaired");
	else
		job_record_end(run, result->is_stopped ? JOB_STOPPED : JOB_DONE, NULL);
}

static void note_run(const struct scrub *scrub, const struct scrub_result *result, int r,
		     const struct br_error *err)
{
	const char *fsid = scrub->filesystem.device.fsid;

	if (r < 0)
		audit("scrub", fsid, AUDIT_FAILED, err);
	else if (is_damaged(scrub, &result->record))
		audit("scrub", fsid, AUDIT_FAILED, NULL);
	else
		audit("scrub", fsid, result->is_stopped ? "stopped" : AUDIT_DONE, NULL);
}

static int run_and_tell(const struct scrub *scrub, const struct scrub_job *job,
			struct br_error *err)
{
	struct scrub_result result = { 0 };
	struct job_run run;
	struct br_error later;
	int r, code = EXIT_FAILED;

	if (scrub->is_writable)
		job_record_begin(scrub->filesystem.top, SCRUB_COMMAND, "scrub", &run);
	r = limit(scrub, err);
	if (r == 0)
		r = scrub_run(job, &result, err);
	if (scrub->is_writable)
		record_run(scrub, &run, &result, r, err);
	note_run(scrub, &result, r, err);
	if (r == 0)
		r = tell_result(scrub, &result, err);
	if (r == 0)
		code = exit_code(scrub, &result);
	else
		(void)command_fail(SCRUB_COMMAND, err);
	if (scrub_limit_restore(SCRUB_RECORD_DIR, scrub->filesystem.device.fsid, &later) < 0)
		code = command_fail(SCRUB_COMMAND, &later);
	scrub_result_free(&result);
	return code;
}

static int act(const struct scrub *scrub, struct br_error *err)
{
	struct progress progress = progress_begin(SCRUB_COMMAND);
	const struct scrub_job job = {
		.top = scrub->filesystem.top,
		.fsid = scrub->filesystem.device.fsid,
		.devices = &scrub->devices,
		.is_writable = scrub->is_writable,
		.read_only = scrub->options->read_only,
		.resumed = scrub->is_resumed ? &scrub->last : NULL,
		.record_dir = SCRUB_RECORD_DIR,
		.progress = &progress,
	};

	if (scrub->options->resume && !scrub->is_resumed) {
		(void)puts(scrub->last.exists ? "nothing to resume: the last scrub was finished"
					      : "nothing to resume: no scrub is known");
		return EXIT_NOT_NOW;
	}
	if (is_done_meanwhile(scrub)) {
		(void)puts("nothing to do: a scrub was finished meanwhile");
		return EXIT_DONE;
	}
	if (scrub->options->dry_run)
		return tell_plan(scrub, &job);
	if (scrub->is_resumed && !scrub->options->json) {
		(void)puts("going on with the scrub that was interrupted");
		(void)fflush(stdout); /* it may take hours */
	}
	return run_and_tell(scrub, &job, err);
}

/* That another job has the lock is no failure, as for the other jobs. */
static int fail(const struct br_error *err)
{
	return err->code == BR_ERR_LOCKED && err->sys_errno == 0
		       ? job_say_not_now(SCRUB_COMMAND, err)
		       : command_fail(SCRUB_COMMAND, err);
}

int scrub_start(const struct scrub_options *options)
{
	struct scrub scrub = {
		.options = options, .filesystem.top = -1, .lock = -1, .begun = (uint64_t)time(NULL)
	};
	struct br_error err = { 0 };
	int code = prepare(&scrub, &err) < 0 ? fail(&err) : act(&scrub, &err);

	release(&scrub);
	return code;
}
