/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot status: was the root reset, will it be, is anything wrong? */
#include "command-options.h"
#include "command.h"
#include "report.h"
#include "status.h"

#include <stdio.h>
#include <string.h>

struct options {
	struct status_options status;
	bool json;
};

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_STRING("report", "FILE", &options->status.report,
			      "another report of the boot (" BR_REPORT_PATH ")"),
		OPTION_DEVICE(&options->status.filesystem.device, "a block device"),
		OPTION_CONFIG(&options->status.filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot status [OPTION]...\n"
			"Tell whether the root was reset, what the next boot does, what is kept, and\n"
			"whether anything is wrong.\n",
		.tail = "Exit codes: 0 healthy; 1 not, or a failure; 2 usage error.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
	};

	return command_options_parse(&usage, argc, argv, NULL);
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

	if (code != COMMAND_GO_ON)
		return code;
	options.status.asks_systemd = strcmp(options.status.filesystem.config, BR_CONFIG_PATH) == 0;
	return act(&options);
}

const struct command command_status = {
	.name = "status",
	.summary = "tell whether the root was reset, and whether anything is wrong",
	.run = run,
};
