/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot report: what the reset did at this boot. */
#include "boot-report.h"
#include "command-options.h"
#include "command.h"
#include "config.h"
#include "mark-good.h"
#include "report-journal.h"
#include "report-print.h"
#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define NOT_RUN "blankroot: NOT RESET: the reset did not run at this boot, there is no report of it"

enum { MODE_PRINT, MODE_JSON, MODE_JOURNAL, MODE_MARK_GOOD };

struct options {
	struct command_mode mode;
	const char *config;
	const char *report; /* NULL: that of the boot, which may be missing */
	bool verbose, dry_run;
};

static int check(const void *data)
{
	const struct options *options = data;
	const char *what = NULL;

	if (options->mode.count > 1)
		what = "only one of --json, --journal and --mark-good can be given";
	else if (options->dry_run && options->mode.value != MODE_MARK_GOOD)
		what = "--dry-run goes with --mark-good";
	else if (options->verbose && options->mode.value != MODE_PRINT)
		what = "--verbose does not go with --json, --journal or --mark-good";
	return what ? command_fail_usage("blankroot report", what, NULL) : EXIT_DONE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("verbose", &options->verbose,
			    "the steps too, and all else that the report knows"),
		OPTION_MODE("json", &options->mode, MODE_JSON, "the report itself, checked"),
		OPTION_MODE("journal", &options->mode, MODE_JOURNAL,
			    "send it to the systemd journal, in structured fields"),
		OPTION_MODE("mark-good", &options->mode, MODE_MARK_GOOD,
			    "mark the ephemeral subvolumes in use as those of a good\n"
			    "boot; the newest such archive is not deleted for space"),
		OPTION_DRY_RUN(&options->dry_run,
			       "with --mark-good: only say what would be marked"),
		OPTION_STRING("report", "FILE", &options->report,
			      "another report (default " BR_REPORT_PATH ")"),
		OPTION_CONFIG_DEFAULT(&options->config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot report [OPTION]...\n"
			"Tell what the reset did at this boot.\n",
		.tail = "Exit codes: 0 the root was reset, or kept on request; 1 it was not reset, or\n"
			"there is no report of it, or a failure; 2 usage error. With --mark-good: 0 all\n"
			"are marked; 1 not.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.check = check,
		.data = options,
	};

	return command_options_parse(&usage, argc, argv, NULL);
}

/* The boot left no report. With a configuration that is a reset that did not happen. */
static int tell_missing(const struct options *options)
{
	struct br_error err = { 0 };

	if (options->mode.value != MODE_MARK_GOOD && access(options->config, F_OK) != 0 &&
	    errno == ENOENT) {
		(void)fprintf(stderr,
			      "blankroot report: not configured: there is no %s, and no "
			      "report of a reset\n",
			      options->config);
		return EXIT_DONE;
	}
	(void)fprintf(stderr, "%s (%s)\n", NOT_RUN, BR_REPORT_PATH);
	if (options->mode.value == MODE_JOURNAL &&
	    report_journal_missing(NOT_RUN " (" BR_REPORT_PATH ")", &err) < 0)
		return command_fail("blankroot report", &err);
	return EXIT_FAILED;
}

static int act(const struct options *options, const struct boot_report *report)
{
	struct br_error err = { 0 };
	int verdict = boot_report_is_good(report) ? EXIT_DONE : EXIT_FAILED;

	switch (options->mode.value) {
	case MODE_JSON:
		report_print_json(report);
		return verdict;
	case MODE_JOURNAL:
		return report_journal(report, &err) < 0 ? command_fail("blankroot report", &err)
							: verdict;
	case MODE_MARK_GOOD:
		return mark_good(report, options->config, options->dry_run, &err) < 0
			       ? command_fail("blankroot report", &err)
			       : EXIT_DONE;
	default:
		return report_print(report, options->verbose, &err) < 0
			       ? command_fail("blankroot report", &err)
			       : verdict;
	}
}

static int run(int argc, char *argv[])
{
	struct options options = { .config = BR_CONFIG_PATH };
	struct boot_report report;
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	if (boot_report_load(options.report ? options.report : BR_REPORT_PATH, &report, &err) < 0)
		return !options.report && err.code == BR_ERR_OPEN && err.sys_errno == ENOENT
			       ? tell_missing(&options)
			       : command_fail("blankroot report", &err);
	if (report.version > BR_REPORT_VERSION)
		(void)fprintf(stderr,
			      "blankroot report: the report is of version %llu, newer than this "
			      "program knows (%d): some of it may be left out\n",
			      (unsigned long long)report.version, BR_REPORT_VERSION);
	code = act(&options, &report);
	boot_report_free(&report);
	return code;
}

const struct command command_report = {
	.name = "report",
	.summary = "tell what the reset did at this boot",
	.run = run,
};
