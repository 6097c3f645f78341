/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot scrub: read everything, compare it with its checksums, repair what has another copy. */
#include "command-options.h"
#include "command.h"
#include "deadline.h"
#include "job-record.h"
#include "lock-wait.h"
#include "scrub-limit.h"
#include "scrub-view.h"
#include "scrub.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#define BEGIN_SECONDS 10
#define BEGIN_PAUSE (50 * BR_NSEC_PER_MSEC)

enum action { ACTION_START, ACTION_STATUS, ACTION_CANCEL, ACTION_RESUME };

struct parsed {
	struct scrub_options options;
	size_t action; /* enum action */
};

/* --- status --- */

static void put_utc(time_t time)
{
	char text[64];
	struct tm utc;

	if (gmtime_r(&time, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		(void)fputs(text, stdout); /* lost output is found when it is closed */
}

static void print_state(const struct scrub_view *view)
{
	const struct scrub_record *record = &view->record;
	double part = scrub_view_part(view);

	(void)printf("State        %s", scrub_view_state(view));
	if (part >= 0 && !record->is_finished && record->exists)
		(void)printf(", %.0f%% done", 100 * part);
	if (record->exists && !record->is_finished && !view->is_running)
		(void)fputs(" ('" SCRUB_COMMAND " resume' goes on)", stdout);
	(void)putchar('\n');
}

static void print_times(const struct scrub_record *record)
{
	time_t now = time(NULL);

	(void)fputs("Started      ", stdout);
	put_utc((time_t)record->started);
	if ((uint64_t)now >= record->started) {
		(void)fputs(" (", stdout);
		br_text_put_length(stdout, (uint64_t)now - record->started);
		(void)fputs(" ago)", stdout);
	}
	(void)fputs("\nTook         ", stdout);
	br_text_put_length(stdout, record->duration);
	if (record->duration > 0) {
		(void)fputs(", ", stdout);
		br_text_put_size(stdout, record->scrubbed / record->duration);
		(void)fputs("/s", stdout);
	}
	(void)fputs("\nErrors       ", stdout);
	scrub_view_put_errors(stdout, record->errors, record->repaired);
	if (record->uncorrectable > 0) {
		(void)fputs(", ", stdout);
		br_text_put_count(stdout, record->uncorrectable);
		(void)fputs(" uncorrectable", stdout);
	}
	(void)putchar('\n');
}

static int print_status(const struct filesystem *filesystem, const struct scrub_view *view,
			struct br_error *err)
{
	(void)printf("File system  %s on ", filesystem->device.fsid);
	br_text_put_name(stdout, filesystem->device.path);
	(void)putchar('\n');
	print_state(view);
	if (view->record.started > 0)
		print_times(&view->record);
	(void)putchar('\n');
	return scrub_view_print_devices(view, err);
}

static void print_json(const struct filesystem *filesystem, const struct scrub_view *view)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", SCRUB_JSON_VERSION);
	br_json_string(&json, "uuid", filesystem->device.fsid);
	scrub_view_put_json(&json, view);
	br_json_close_object(&json);
}

static int act_status(const struct scrub_options *options, const struct filesystem *filesystem,
		      struct br_error *err)
{
	struct scrub_view view;
	int r = scrub_view_read(SCRUB_RECORD_DIR, filesystem->top, filesystem->device.fsid, &view,
				err);

	if (r < 0)
		return r;
	if (options->json)
		print_json(filesystem, &view);
	else
		r = print_status(filesystem, &view, err);
	scrub_view_free(&view);
	return r;
}

/* --- cancel --- */

/* One of ours is in the kernel only while a device is read, not before the first one and between two. */
static int wait_for_kernel(const struct filesystem *filesystem, const struct scrub_devices *devices,
			   struct br_error *err)
{
	struct br_deadline deadline = br_deadline_in(BEGIN_SECONDS);
	int r;

	while ((r = scrub_devices_are_busy(filesystem->top, devices, err)) == 0) {
		struct job_record job;
		struct br_error ignored;
		bool is_running = job_record_read(filesystem->top, "scrub", &job, &ignored) == 0 &&
				  job_record_is_running(filesystem->top, &job);

		if (!is_running || br_deadline_left(deadline) == 0)
			return 0;
		(void)br_deadline_pause(deadline, BEGIN_PAUSE);
	}
	return r;
}

/* Whoever runs it records where it was. */
static int act_cancel(const struct scrub_options *options, const struct filesystem *filesystem,
		      struct br_error *err)
{
	struct scrub_devices devices;
	int r = scrub_devices_read(filesystem->top, &devices, err);

	if (r < 0)
		return r;
	r = wait_for_kernel(filesystem, &devices, err);
	scrub_devices_free(&devices);
	if (r > 0 && !options->dry_run &&
	    ioctl(filesystem->top, BTRFS_IOC_SCRUB_CANCEL, NULL) != 0) {
		if (errno != ENOTCONN)
			return br_error_set(err, BR_ERR_WRITE, errno, NULL, "cancelling the scrub");
		r = 0; /* it ended meanwhile */
	}
	if (r < 0)
		return r;
	if (r == 0)
		(void)puts(scrub_devices_are_replaced(filesystem->top, err) > 0
				   ? "no scrub is running; a device is being replaced, which only "
				     "'btrfs replace cancel' ends"
				   : "no scrub is running");
	else if (options->dry_run)
		(void)puts("would cancel the scrub that is running");
	else
		(void)puts("cancelled; '" SCRUB_COMMAND " resume' goes on where it was");
	return 0;
}

static int look(const struct parsed *parsed)
{
	const struct scrub_options *options = &parsed->options;
	struct filesystem_options of = options->filesystem;
	struct filesystem filesystem;
	struct br_error err = { 0 };
	int r;

	of.read_only = true;
	if (filesystem_open(&of, &filesystem, &err) < 0)
		return command_fail(SCRUB_COMMAND, &err);
	r = parsed->action == ACTION_CANCEL ? act_cancel(options, &filesystem, &err)
					    : act_status(options, &filesystem, &err);
	filesystem_close(&filesystem);
	return r == 0 ? EXIT_DONE : command_fail(SCRUB_COMMAND, &err);
}

/* --- the command line --- */

static bool read_limit(void *data, const char *argument)
{
	if (scrub_limit_parse(argument, data))
		return true;
	(void)fprintf(stderr, SCRUB_COMMAND ": --limit takes bytes a second, as 50M, not '");
	br_text_put_name(stderr, argument);
	(void)fputs("'\n", stderr);
	return false;
}

static int check(const void *data)
{
	const struct parsed *parsed = data;
	const struct scrub_options *options = &parsed->options;
	bool begins = parsed->action == ACTION_START || parsed->action == ACTION_RESUME;

	if (options->restart && parsed->action != ACTION_START)
		return command_fail_usage(SCRUB_COMMAND, "--restart is for start", NULL);
	if (!begins && (options->read_only || options->limit > 0))
		return command_fail_usage(SCRUB_COMMAND,
					  "--read-only and --limit are for start and resume", NULL);
	if (parsed->action == ACTION_STATUS && options->dry_run)
		return command_fail_usage(SCRUB_COMMAND,
					  "--dry-run is for start, resume and cancel", NULL);
	if (options->json && (parsed->action == ACTION_CANCEL || options->dry_run))
		return command_fail_usage(SCRUB_COMMAND,
					  "--json is for what start, resume and status tell", NULL);
	return EXIT_DONE;
}

static int parse(int argc, char *argv[], struct parsed *parsed)
{
	static const char *const words[] = { [ACTION_START] = "start",
					     [ACTION_STATUS] = "status",
					     [ACTION_CANCEL] = "cancel",
					     [ACTION_RESUME] = "resume" };
	struct scrub_options *options = &parsed->options;
	const struct command_option list[] = {
		OPTION_FLAG("read-only", &options->read_only, "find errors, repair nothing"),
		{ .name = "limit",
		  .argument = "RATE",
		  .help = "at most so many bytes a second on each device: 50M",
		  .read = read_limit,
		  .data = &options->limit },
		OPTION_FLAG("restart", &options->restart,
			    "start: begin anew, also when one was interrupted"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be done"),
		OPTION_WAIT(&options->filesystem.wait, "job of blankroot"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot scrub start [OPTION]...\n"
			"  or:  blankroot scrub resume [OPTION]...\n"
			"  or:  blankroot scrub cancel [OPTION]...\n"
			"  or:  blankroot scrub [status] [OPTION]...\n"
			"Read all data and metadata, compare it with its checksums, and repair what has\n"
			"another copy; go on with a scrub that was interrupted; stop one; or tell how far\n"
			"it is and what it found.\n",
		.tail = "Exit codes: 0 done, and what errors there were are repaired; 1 failed, or some\n"
			"could not be repaired; 2 usage error; 4 stopped before its end, nothing to\n"
			"resume, or another job is running.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.check = check,
		.data = parsed,
		COMMAND_WORDS(words, &parsed->action),
	};
	int code = command_options_parse(&usage, argc, argv, NULL);

	options->resume = parsed->action == ACTION_RESUME;
	return code;
}

static int run(int argc, char *argv[])
{
	struct parsed parsed = { .options.filesystem = { .config = BR_CONFIG_PATH,
							 .wait = LOCK_WAIT_DEFAULT },
				 .action = ACTION_STATUS };
	int code = parse(argc, argv, &parsed);

	if (code != COMMAND_GO_ON)
		return code;
	return parsed.action == ACTION_START || parsed.action == ACTION_RESUME
		       ? scrub_start(&parsed.options)
		       : look(&parsed);
}

const struct command command_scrub = {
	.name = "scrub",
	.summary = "find damaged data and repair it; go on where one was interrupted",
	.run = run,
};
