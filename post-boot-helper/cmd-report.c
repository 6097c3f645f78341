/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot report: what the reset did at this boot. */
#include "boot-report.h"
#include "command.h"
#include "config.h"
#include "mark-good.h"
#include "report-journal.h"
#include "report-print.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#define NOT_RUN "blankroot: NOT RESET: the reset did not run at this boot, there is no report of it"

enum mode { MODE_PRINT, MODE_JSON, MODE_JOURNAL, MODE_MARK_GOOD };

struct options {
	enum mode mode;
	unsigned modes; /* how many were asked for */
	const char *config;
	const char *report;
	bool is_named; /* the report; else it is that of the boot, which may be missing */
	bool verbose, dry_run, help;
};

enum long_option {
	OPTION_CONFIG = 256,
	OPTION_REPORT,
	OPTION_VERBOSE,
	OPTION_JSON,
	OPTION_JOURNAL,
	OPTION_MARK_GOOD,
	OPTION_DRY_RUN,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "report", required_argument, NULL, OPTION_REPORT },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "journal", no_argument, NULL, OPTION_JOURNAL },
	{ "mark-good", no_argument, NULL, OPTION_MARK_GOOD },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static void print_help(void)
{
	(void)fputs(/* lost output is found when standard output is closed */
		    "Usage: blankroot report [OPTION]...\n"
		    "Tell what the reset did at this boot.\n"
		    "\n"
		    "      --verbose      the steps too, and all else that the report knows\n"
		    "      --json         the report itself, checked\n"
		    "      --journal      send it to the systemd journal, in structured fields\n"
		    "      --mark-good    mark the ephemeral subvolumes in use as those of a good\n"
		    "                     boot; the newest such archive is not deleted for space\n"
		    "      --dry-run      with --mark-good: only say what would be marked\n"
		    "      --report=FILE  another report (default " BR_REPORT_PATH ")\n"
		    "      --config=FILE  the configuration (default " BR_CONFIG_PATH ")\n"
		    "      --help         print this and exit\n"
		    "\n"
		    "Exit codes: 0 the root was reset, or kept on request; 1 it was not reset, or\n"
		    "there is no report of it, or a failure; 2 usage error. With --mark-good: 0 all\n"
		    "are marked; 1 not.\n",
		    stdout);
}

static int fail_usage(const char *what)
{
	if (what)
		(void)fprintf(stderr, "blankroot report: %s\n", what);
	(void)fputs("Try 'blankroot report --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

static void set_mode(struct options *options, enum mode mode)
{
	options->mode = mode;
	options->modes++;
}

static void set_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_CONFIG:
		options->config = optarg;
		break;
	case OPTION_REPORT:
		options->report = optarg;
		options->is_named = true;
		break;
	case OPTION_VERBOSE:
		options->verbose = true;
		break;
	case OPTION_JSON:
		set_mode(options, MODE_JSON);
		break;
	case OPTION_JOURNAL:
		set_mode(options, MODE_JOURNAL);
		break;
	case OPTION_MARK_GOOD:
		set_mode(options, MODE_MARK_GOOD);
		break;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		break;
	default:
		options->help = true;
	}
}

/* Returns EXIT_DONE, or EXIT_USAGE when it was explained what is wrong. */
static int parse(int argc, char *argv[], struct options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?')
			return fail_usage(NULL);
		set_option(options, option);
	}
	if (optind < argc) {
		(void)fprintf(stderr, "blankroot report: unexpected argument '%s'\n", argv[optind]);
		return fail_usage(NULL);
	}
	if (options->modes > 1)
		return fail_usage("only one of --json, --journal and --mark-good can be given");
	if (options->dry_run && options->mode != MODE_MARK_GOOD)
		return fail_usage("--dry-run goes with --mark-good");
	if (options->verbose && options->mode != MODE_PRINT)
		return fail_usage("--verbose does not go with --json, --journal or --mark-good");
	return EXIT_DONE;
}

/* The boot left no report. With a configuration that is a reset that did not happen. */
static int tell_missing(const struct options *options)
{
	struct br_error err = { 0 };

	if (options->mode != MODE_MARK_GOOD && access(options->config, F_OK) != 0 &&
	    errno == ENOENT) {
		(void)fprintf(stderr,
			      "blankroot report: not configured: there is no %s, and no "
			      "report of a reset\n",
			      options->config);
		return EXIT_DONE;
	}
	(void)fprintf(stderr, "%s (%s)\n", NOT_RUN, BR_REPORT_PATH);
	if (options->mode == MODE_JOURNAL &&
	    report_journal_missing(NOT_RUN " (" BR_REPORT_PATH ")", &err) < 0)
		return command_fail("blankroot report", &err);
	return EXIT_FAILED;
}

static int act(const struct options *options, const struct boot_report *report)
{
	struct br_error err = { 0 };
	int verdict = boot_report_is_good(report) ? EXIT_DONE : EXIT_FAILED;

	switch (options->mode) {
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
	struct options options = { .config = BR_CONFIG_PATH, .report = BR_REPORT_PATH };
	struct boot_report report;
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (options.help) {
		print_help();
		return EXIT_DONE;
	}
	if (boot_report_load(options.report, &report, &err) < 0)
		return !options.is_named && err.code == BR_ERR_OPEN && err.sys_errno == ENOENT
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
