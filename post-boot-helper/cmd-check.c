/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot check: will the next boot work? */
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "job-record.h"
#include "preflight.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "blankroot check"

struct options {
	struct check_options check;
	bool json, strict, quiet, record;
};

static int check_together(const void *data)
{
	const struct options *options = data;

	return options->json && options->quiet
		       ? command_fail_usage(COMMAND, "--json and --quiet exclude each other", NULL)
		       : EXIT_DONE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("rehearse", &options->check.rehearse,
			    "do the next reset on copies in the file system, compare\n"
			    "the result, and remove it"),
		OPTION_FLAG("strict", &options->strict, "warnings make the exit code 1, too"),
		OPTION_FLAG("quiet", &options->quiet,
			    "say nothing but errors, with --strict warnings, too"),
		OPTION_FLAG("record", &options->record,
			    "note the number of findings, for metrics and alerts"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_STRING("root", "DIR", &options->check.root,
			      "check the system that is mounted there"),
		OPTION_DEVICE(&options->check.given_device, "a block device"),
		OPTION_CONFIG(&options->check.given_config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot check [OPTION]...\n"
			"Tell whether the next boot will reset the root and work: what is wrong, what it\n"
			"means, and the command that mends it. Nothing is changed.\n",
		.tail = "Exit codes: 0 no errors; 1 errors, or a failure; 2 usage error.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.check = check_together,
		.data = options,
	};

	return command_options_parse(&usage, argc, argv, NULL);
}

static bool is_good(const struct check *check, bool strict)
{
	return finding_count(&check->findings, FINDING_ERROR) == 0 &&
	       (!strict || finding_count(&check->findings, FINDING_WARNING) == 0);
}

/* --- the record --- */

struct recording {
	struct filesystem filesystem;
	struct job_run run;
	bool is_open;
};

/* By an opening of its own, for the check's is read-only. Where there is none, the check itself tells why. */
static void begin_record(const struct options *options, struct recording *recording)
{
	struct filesystem_options open = options->check.filesystem;
	struct br_error ignored = { 0 };

	if (!options->record)
		return;
	open.read_only = false;
	open.shared = true;
	if (filesystem_open(&open, &recording->filesystem, &ignored) < 0)
		return;
	recording->is_open = true;
	job_record_begin_short(recording->filesystem.top, COMMAND, "check", &recording->run);
}

static void end_record(struct recording *recording, const struct check *check)
{
	static const struct {
		const char *name;
		enum finding_severity severity;
	} numbers[] = { { "error", FINDING_ERROR },
			{ "warning", FINDING_WARNING },
			{ "info", FINDING_INFO } };

	if (!recording->is_open)
		return;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		job_record_number(&recording->run, numbers[i].name,
				  finding_count(&check->findings, numbers[i].severity));
	job_record_end(&recording->run, JOB_DONE, NULL);
	filesystem_close(&recording->filesystem);
}

static void fail_record(struct recording *recording, int r, const struct br_error *err)
{
	if (!recording->is_open)
		return;
	job_record_end_with(&recording->run, r, err);
	filesystem_close(&recording->filesystem);
}

static int act(const struct options *options)
{
	struct recording recording = { .is_open = false };
	struct br_error err = { 0 };
	struct check check;
	int code, r;

	if (geteuid() != 0) {
		(void)br_error_set(&err, BR_ERR_OPEN, EPERM, NULL, "only root can do that");
		return command_fail(COMMAND, &err);
	}
	begin_record(options, &recording);
	if ((r = check_run(&options->check, &check, &err)) < 0) {
		fail_record(&recording, r, &err);
		return command_fail(COMMAND, &err);
	}
	end_record(&recording, &check);
	code = is_good(&check, options->strict) ? EXIT_DONE : EXIT_FAILED;
	if (options->json)
		check_print_json(&check);
	else
		check_print(&check, options->quiet, options->strict);
	check_free(&check);
	return code;
}

/* The configuration of the system that is checked, unless another one is named. */
static int run(int argc, char *argv[])
{
	struct options options = { .check = { .report = BR_REPORT_PATH } };
	BR_AUTO_FREE char *config = NULL;
	int code = parse(argc, argv, &options);
	bool is_other;

	if (code != COMMAND_GO_ON)
		return code;
	is_other = options.check.root && strcmp(options.check.root, "/") != 0;
	if (asprintf(&config, "%s" BR_CONFIG_PATH, is_other ? options.check.root : "") < 0) {
		const struct br_error err = { .code = BR_ERR_NOMEM, .sys_errno = ENOMEM };

		config = NULL;
		return command_fail(COMMAND, &err);
	}
	if (is_other && !options.check.given_config)
		options.check.given_config = config;
	options.check.filesystem.config = options.check.given_config ? options.check.given_config
								     : config;
	options.check.filesystem.device = options.check.given_device;
	/* a rehearsal makes what nobody else looks at */
	options.check.filesystem.shared = options.check.rehearse;
	options.check.filesystem.read_only = !options.check.rehearse;
	return act(&options);
}

const struct command command_check = {
	.name = "check",
	.summary = "tell whether the next boot will reset the root and work",
	.run = run,
};
