/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot persist: declare that a path survives, take that back, list what is declared. */
#include "command-options.h"
#include "command.h"
#include "lock-wait.h"
#include "persist.h"

#include <stdio.h>
#include <string.h>

enum action { ACTION_ADD, ACTION_REMOVE, ACTION_LIST };

struct parsed {
	struct persist_options options;
	size_t action; /* enum action */
	const char *method;
};

static int check_method(struct parsed *parsed)
{
	if (!parsed->method || strcmp(parsed->method, "copy") == 0)
		return COMMAND_GO_ON;
	if (strcmp(parsed->method, "subvolume") != 0)
		return command_fail_usage(PERSIST_COMMAND, "there is no method", parsed->method);
	parsed->options.by_snapshot = true;
	return COMMAND_GO_ON;
}

static int check(struct parsed *parsed)
{
	size_t action = parsed->action;
	const struct persist_options *options = &parsed->options;

	if (action != ACTION_LIST && (options->json || options->noheadings))
		return command_fail_usage(PERSIST_COMMAND,
					  "--json and --noheadings are for the list", NULL);
	if (action != ACTION_ADD && parsed->method)
		return command_fail_usage(PERSIST_COMMAND, "--method is for what is added", NULL);
	if (action == ACTION_LIST && options->count > 0)
		return command_fail_usage(PERSIST_COMMAND, "unexpected argument",
					  options->paths[0]);
	if (action != ACTION_LIST && options->count == 0)
		return command_fail_usage(PERSIST_COMMAND, "which one? A path is missing", NULL);
	return check_method(parsed);
}

static int parse(int argc, char *argv[], struct parsed *parsed)
{
	static const char *const words[] = {
		[ACTION_ADD] = "add", [ACTION_REMOVE] = "remove", [ACTION_LIST] = "list"
	};
	struct persist_options *options = &parsed->options;
	const struct command_option list[] = {
		OPTION_STRING("subvolume", "NAME", &options->subvolume,
			      "paths are as seen from the root of this ephemeral\n"
			      "subvolume, not from that of the system"),
		OPTION_STRING("method", "METHOD", &parsed->method,
			      "copy (default), or subvolume: carried by a snapshot"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be done"),
		OPTION_FLAG("json", &options->json, "list for programs"),
		OPTION_FLAG("noheadings", &options->noheadings,
			    "list without the line of headings"),
		OPTION_WAIT(&options->wait, "run of blankroot"),
		OPTION_CONFIG(&options->config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot persist add [OPTION]... PATH...\n"
			"  or:  blankroot persist remove [OPTION]... PATH...\n"
			"  or:  blankroot persist [list] [OPTION]...\n"
			"Declare that paths survive the reset, take that back, or list what is declared.\n"
			"The declarations are in " BR_CONFIG_PATH ".d/" PERSIST_FILE ".\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = COMMAND_ARGUMENTS_ANY,
		COMMAND_WORDS(words, &parsed->action),
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	options->paths = arguments.list;
	options->count = arguments.count;
	return check(parsed);
}

static int run(int argc, char *argv[])
{
	static int (*const acts[])(const struct persist_options *) = {
		[ACTION_ADD] = persist_add,
		[ACTION_REMOVE] = persist_remove,
		[ACTION_LIST] = persist_list,
	};
	struct parsed parsed = { .options.config = BR_CONFIG_PATH,
				 .options.wait = LOCK_WAIT_DEFAULT,
				 .action = ACTION_LIST };
	int code = parse(argc, argv, &parsed);

	if (code != COMMAND_GO_ON)
		return code;
	return acts[parsed.action](&parsed.options);
}

const struct command command_persist = {
	.name = "persist",
	.summary = "declare that a path survives, take that back, list them",
	.run = run,
};
