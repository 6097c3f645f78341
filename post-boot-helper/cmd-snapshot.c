/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot snapshot: take snapshots of persistent subvolumes; delete, pin and unpin what is kept. */
#include "command-options.h"
#include "command.h"
#include "job-record.h"
#include "lock-wait.h"
#include "record.h"
#include "snapshot.h"

#include <string.h>

static int check(const struct snapshot_options *options)
{
	if (options->comment && strlen(options->comment) > BR_COMMENT_MAX)
		return command_fail_usage(SNAPSHOT_COMMAND, "the comment is too long", NULL);
	if (options->action == SNAPSHOT_CREATE)
		return COMMAND_GO_ON;
	if (options->comment || options->only_if_changed)
		return command_fail_usage(SNAPSHOT_COMMAND,
					  "--comment and --only-if-changed are for new snapshots",
					  NULL);
	if (options->count == 0)
		return command_fail_usage(SNAPSHOT_COMMAND, "which one? A name is missing", NULL);
	return COMMAND_GO_ON;
}

static int parse(int argc, char *argv[], struct snapshot_options *options)
{
	static const char *const words[] = { [SNAPSHOT_CREATE] = "create",
					     [SNAPSHOT_DELETE] = "delete",
					     [SNAPSHOT_PIN] = "pin",
					     [SNAPSHOT_UNPIN] = "unpin" };
	size_t word = SNAPSHOT_CREATE;
	const struct command_option list[] = {
		OPTION_STRING("comment", "TEXT", &options->comment, "note it on the snapshots"),
		OPTION_FLAG("only-if-changed", &options->only_if_changed,
			    "leave out what is as it was at its last snapshot"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be done; no hook is run"),
		OPTION_WAIT(&options->filesystem.wait, "run of blankroot"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot snapshot [create] [OPTION]... [SUBVOLUME]...\n"
			"  or:  blankroot snapshot delete|pin|unpin [OPTION]... NAME...\n"
			"Take read-only snapshots of subvolumes, or delete or pin what is kept.\n"
			"\n"
			"SUBVOLUME: path from the top level; without any, all that the configuration says.\n"
			"NAME: of an archive or a snapshot, as 'blankroot list' has it, or its path.\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = COMMAND_ARGUMENTS_ANY,
		COMMAND_WORDS(words, &word),
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	options->action = (enum snapshot_action)word;
	options->names = arguments.list;
	options->count = arguments.count;
	return check(options);
}

static int create(const struct filesystem *filesystem, const struct snapshot_options *options,
		  struct br_error *err)
{
	struct job_run run;
	int r;

	if (options->dry_run)
		return snapshot_create(filesystem, options, err);
	job_record_begin_short(filesystem->top, SNAPSHOT_COMMAND, "snapshot", &run);
	r = snapshot_create(filesystem, options, err);
	if (r == SNAPSHOT_TOLD)
		job_record_end(&run, JOB_FAILED, "a program around the snapshot failed");
	else
		job_record_end_with(&run, r, err);
	return r;
}

static int act(const struct snapshot_options *options, struct br_error *err)
{
	struct filesystem filesystem;
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	if (options->action == SNAPSHOT_CREATE)
		r = create(&filesystem, options, err);
	else
		r = snapshot_change(&filesystem, options, err);
	filesystem_close(&filesystem);
	return r;
}

static int run(int argc, char *argv[])
{
	struct snapshot_options options = { .filesystem.config = BR_CONFIG_PATH,
					    .filesystem.wait = LOCK_WAIT_DEFAULT };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);
	int r;

	if (code != COMMAND_GO_ON)
		return code;
	options.filesystem.read_only = options.dry_run;
	r = act(&options, &err);
	if (r == SNAPSHOT_TOLD)
		return EXIT_FAILED;
	return r == 0 ? EXIT_DONE : command_fail(SNAPSHOT_COMMAND, &err);
}

const struct command command_snapshot = {
	.name = "snapshot",
	.summary = "take snapshots; delete, pin and unpin what is kept",
	.run = run,
};
