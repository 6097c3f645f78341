/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot balance: make unallocated what block groups hold and do not need. */
#include "balance.h"

#include "command-options.h"
#include "command.h"
#include "lock-wait.h"
#include "quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum action { ACTION_START, ACTION_RESUME, ACTION_PAUSE, ACTION_CANCEL, ACTION_STATUS };

static const char *const actions[] = {
	[ACTION_START] = "start",   [ACTION_RESUME] = "resume", [ACTION_PAUSE] = "pause",
	[ACTION_CANCEL] = "cancel", [ACTION_STATUS] = "status",
};

static bool read_usage(void *data, const char *argument)
{
	uint64_t percent = 0;

	if (quantity_parse_percent(argument, &percent) && percent > 0) {
		*(unsigned *)data = (unsigned)percent;
		return true;
	}
	(void)fprintf(stderr, BALANCE_COMMAND ": --usage takes percent from 1 to 100\n");
	return false;
}

static bool read_unallocated(void *data, const char *argument)
{
	struct balance_options *options = data;

	options->wanted = 0;
	options->wanted_percent = 0;
	if (strchr(argument, '%')) {
		uint64_t percent = 0;

		if (quantity_parse_percent(argument, &percent) && percent > 0) {
			options->wanted_percent = (double)percent;
			return true;
		}
	} else if (quantity_parse_size(argument, &options->wanted) && options->wanted > 0) {
		return true;
	}
	(void)fprintf(stderr, BALANCE_COMMAND
		      ": --unallocated takes a size such as 10G, or a share such as 10%%\n");
	return false;
}

static int parse(int argc, char *argv[], struct balance_options *options, size_t *action)
{
	const struct command_option list[] = {
		{ .name = "unallocated",
		  .argument = "SIZE",
		  .help = "so much should be unallocated, in all; 10G, 10%\n"
			  "(room for two block groups of data and one of metadata)",
		  .read = read_unallocated,
		  .data = options },
		{ .name = "usage",
		  .argument = "PERCENT",
		  .help = "leave block groups alone that are used more (50)",
		  .read = read_usage,
		  .data = &options->rules.usage_max },
		OPTION_FLAG("metadata", &options->rules.metadata,
			    "also block groups of metadata, which as a rule is harmful"),
		OPTION_FLAG("scheduled", &options->job.is_scheduled,
			    "only if this is a good moment; what the timer does"),
		OPTION_DRY_RUN(&options->job.dry_run, "only say what would be moved, and why"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_WAIT(&options->job.filesystem.wait, "job"),
		OPTION_DEVICE(&options->job.filesystem.device, "a block device"),
		OPTION_CONFIG(&options->job.filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot balance [start] [OPTION]...\n"
			"  or:  blankroot balance resume|pause|cancel|status [OPTION]...\n"
			"Move the data of the block groups that are used least together, until enough is\n"
			"unallocated. Nothing is done while there is enough, and nothing is converted.\n",
		.tail = "Exit codes: 0 done; 1 failed; 2 usage error; 4 this is not the moment.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		COMMAND_WORDS(actions, action),
	};

	return command_options_parse(&usage, argc, argv, NULL);
}

static int run(int argc, char *argv[])
{
	struct balance_options options = { .job.filesystem.config = BR_CONFIG_PATH,
					   .job.filesystem.wait = LOCK_WAIT_DEFAULT,
					   .job.needs_all_devices = true,
					   .rules.usage_max = BR_BALANCE_USAGE_MAX };
	size_t action = ACTION_START;
	int code = parse(argc, argv, &options, &action);

	if (code != COMMAND_GO_ON)
		return code;
	switch (action) {
	case ACTION_STATUS:
		return balance_status(&options);
	case ACTION_PAUSE:
	case ACTION_CANCEL:
		return balance_control(&options, action == ACTION_PAUSE);
	case ACTION_RESUME:
		options.resumes = true;
		return balance_start(&options);
	default:
		return balance_start(&options);
	}
}

const struct command command_balance = {
	.name = "balance",
	.summary = "make unallocated what block groups hold and do not need",
	.run = run,
};
