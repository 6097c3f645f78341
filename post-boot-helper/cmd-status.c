/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot status: was the root reset, will it be, is anything wrong? */
#include "command.h"
#include "report.h"
#include "status.h"

#include <getopt.h>
#include <stdio.h>

struct options {
	struct status_options status;
	bool json, help;
};

static void print_help(void)
{
	(void)fputs(
		"Usage: blankroot status [OPTION]...\n"
		"Tell whether the root was reset, what the next boot does, what is kept, and\n"
		"whether anything is wrong.\n"
		"\n"
		"      --json         for programs\n"
		"      --report=FILE  another report of the boot (" BR_REPORT_PATH ")\n"
		"      --device=SPEC  another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n"
		"                     or a block device\n"
		"      --config=FILE  another configuration (" BR_CONFIG_PATH ")\n"
		"      --help         print this and exit\n"
		"\n"
		"Exit codes: 0 healthy; 1 not, or a failure; 2 usage error.\n",
		stdout); /* lost output is found when it is closed */
}

static int fail_usage(const char *argument)
{
	if (argument)
		(void)fprintf(stderr, "blankroot status: unexpected argument '%s'\n", argument);
	(void)fputs("Try 'blankroot status --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "report", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'c')
			options->status.filesystem.config = optarg;
		else if (option == 'd')
			options->status.filesystem.device = optarg;
		else if (option == 'h')
			options->help = true;
		else if (option == 'j')
			options->json = true;
		else if (option == 'r')
			options->status.report = optarg;
		else
			return fail_usage(NULL);
	}
	return optind < argc ? fail_usage(argv[optind]) : EXIT_DONE;
}

static int act(const struct options *options)
{
	struct br_error err = { 0 };
	struct status status;
	int code;

	if (status_gather(&options->status, &status, &err) < 0)
		return command_fail("blankroot status", &err);
	code = status_is_healthy(&status) ? EXIT_DONE : EXIT_FAILED;
	if (options->json)
		status_print_json(&status);
	else if (status_print(&status, &err) < 0)
		code = command_fail("blankroot status", &err);
	status_free(&status);
	return code;
}

static int run(int argc, char *argv[])
{
	struct options options = {
		.status = { .filesystem = { .config = BR_CONFIG_PATH, .read_only = true },
			    .report = BR_REPORT_PATH,
			    .scrub_dir = SCRUB_RECORD_DIR },
	};
	int code = parse(argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (options.help) {
		print_help();
		return EXIT_DONE;
	}
	return act(&options);
}

const struct command command_status = {
	.name = "status",
	.summary = "tell whether the root was reset, and whether anything is wrong",
	.run = run,
};
