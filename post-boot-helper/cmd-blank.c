/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank: what all boots start from: shown, made, checked, brought up to date, brought back. */
#include "blank-command.h"
#include "command-options.h"
#include "command.h"
#include "lock-wait.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum action {
	ACTION_SHOW,
	ACTION_CREATE,
	ACTION_VERIFY,
	ACTION_UPDATE,
	ACTION_COMMIT,
	ACTION_ROLLBACK
};

static const char *const words[] = {
	[ACTION_SHOW] = "show",     [ACTION_CREATE] = "create", [ACTION_VERIFY] = "verify",
	[ACTION_UPDATE] = "update", [ACTION_COMMIT] = "commit", [ACTION_ROLLBACK] = "rollback",
};

struct parsed {
	struct blank_options options;
	size_t action; /* enum action */
	bool keeps;    /* --keep was given */
};

static bool read_keep(void *data, const char *argument)
{
	struct parsed *parsed = data;
	size_t length = strspn(argument, "0123456789");

	if (length == 0 || length > 4 || argument[length] != '\0') {
		(void)fprintf(stderr,
			      BLANK_COMMAND ": --keep takes a number of former blanks, not '");
		br_text_put_name(stderr, argument);
		(void)fputs("'\n", stderr);
		return false;
	}
	parsed->options.keep = strtoull(argument, NULL, 10);
	parsed->keeps = true;
	return true;
}

static int check(const void *data)
{
	const struct parsed *parsed = data;
	const struct blank_options *options = &parsed->options;
	size_t action = parsed->action;
	const char *what = NULL;

	if (options->from && action != ACTION_CREATE)
		what = "--from is for create";
	else if (parsed->keeps && action != ACTION_UPDATE && action != ACTION_COMMIT)
		what = "--keep is for update and commit";
	else if (options->json && action != ACTION_SHOW && action != ACTION_VERIFY)
		what = "--json is for show and verify";
	else if (options->dry_run && (action == ACTION_SHOW || action == ACTION_VERIFY))
		what = "--dry-run is for what changes something";
	return what ? command_fail_usage(BLANK_COMMAND, what, NULL) : EXIT_DONE;
}

/* How many each takes. */
static int check_arguments(struct parsed *parsed)
{
	struct blank_options *options = &parsed->options;
	size_t max = parsed->action == ACTION_UPDATE || parsed->action == ACTION_COMMIT ? SIZE_MAX
		     : parsed->action == ACTION_CREATE || parsed->action == ACTION_ROLLBACK ? 1
											    : 0;

	if (options->count > max)
		return command_fail_usage(BLANK_COMMAND, "unexpected argument",
					  options->arguments[max]);
	if (parsed->action == ACTION_COMMIT && options->count == 0)
		return command_fail_usage(BLANK_COMMAND, "what? A path is missing", NULL);
	if (parsed->action != ACTION_CREATE || options->count == 0)
		return COMMAND_GO_ON;
	if (options->subvolume)
		return command_fail_usage(BLANK_COMMAND,
					  "--subvolume, or the argument, but not both", NULL);
	options->subvolume = options->arguments[0];
	return COMMAND_GO_ON;
}

static int parse(int argc, char *argv[], struct parsed *parsed)
{
	struct blank_options *options = &parsed->options;
	const struct command_option list[] = {
		OPTION_STRING("subvolume", "NAME", &options->subvolume,
			      "the blank of this ephemeral subvolume; otherwise of that at /,\n"
			      "and show and verify look at all"),
		OPTION_STRING("from", "NAME", &options->from,
			      "create: from this archive or subvolume, or 'empty'"),
		{ .name = "keep",
		  .argument = "N",
		  .help = "update, commit: keep so many former blanks (2)",
		  .read = read_keep,
		  .data = parsed },
		OPTION_FLAG("json", &options->json, "show, verify: for programs"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be done"),
		OPTION_WAIT(&options->filesystem.wait, "run of blankroot"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot blank [show] [OPTION]...\n"
			"  or:  blankroot blank create [OPTION]... [SUBVOLUME]\n"
			"  or:  blankroot blank verify [OPTION]...\n"
			"  or:  blankroot blank update [OPTION]... [-- COMMAND [ARGUMENT]...]\n"
			"  or:  blankroot blank commit [OPTION]... PATH...\n"
			"  or:  blankroot blank rollback [OPTION]... [FORMER]\n"
			"Tell what all boots start from; make the first blank; check it; run a command,\n"
			"or a shell, in a copy of it, which becomes the blank if that succeeds; take\n"
			"paths of the running root into it; or go back to a former one.\n",
		.tail = "Exit codes: 0 done; 1 failed, the command of update failed, or verify found\n"
			"something wrong: the blank is as it was; 2 usage error.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = COMMAND_ARGUMENTS_ANY,
		.check = check,
		.data = parsed,
		COMMAND_WORDS(words, &parsed->action),
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	options->arguments = arguments.list;
	options->count = arguments.count;
	return check_arguments(parsed);
}

static int run(int argc, char *argv[])
{
	static int (*const acts[])(const struct blank_options *) = {
		[ACTION_SHOW] = blank_show,     [ACTION_CREATE] = blank_create,
		[ACTION_VERIFY] = blank_verify, [ACTION_UPDATE] = blank_update,
		[ACTION_COMMIT] = blank_commit, [ACTION_ROLLBACK] = blank_rollback,
	};
	struct parsed parsed = { .options = { .filesystem = { .config = BR_CONFIG_PATH,
							      .wait = LOCK_WAIT_DEFAULT },
					      .keep = BLANK_KEEP_DEFAULT } };
	int code = parse(argc, argv, &parsed);

	return code != COMMAND_GO_ON ? code : acts[parsed.action](&parsed.options);
}

const struct command command_blank = {
	.name = "blank",
	.summary = "show, make or update what all boots start from, or go back",
	.run = run,
};
