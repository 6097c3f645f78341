/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot restore: bring files and trees back from an archive or a snapshot. */
#include "command-options.h"
#include "command.h"
#include "lock-wait.h"
#include "restore.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

static int parse(int argc, char *argv[], struct restore_options *options)
{
	const struct command_option list[] = {
		OPTION_STRING("from", "NAME", &options->from,
			      "an archive or a snapshot, as 'blankroot list' has it, its path,\n"
			      "the time of a set of snapshots, or a blank"),
		OPTION_STRING("to", "DIR", &options->to,
			      "put them into this directory, by their last components"),
		OPTION_FLAG("keep-old", &options->keep_old,
			    "what is there already gets a name with the time; without this\n"
			    "option, it is an error"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be restored"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_WAIT(&options->filesystem.wait, "run of blankroot"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot restore --from=NAME [OPTION]... PATH...\n"
			"Bring files and trees back from an archive or a snapshot.\n"
			"\n"
			"PATH: as it is seen in the running system. Each appears complete or not at all.\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = COMMAND_ARGUMENTS_ANY,
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	if (!options->from)
		return command_fail_usage(argv[0], "from what? --from=NAME is missing", NULL);
	if (arguments.count == 0)
		return command_fail_usage(argv[0], "what? A path is missing", NULL);
	options->paths = arguments.list;
	options->count = arguments.count;
	return COMMAND_GO_ON;
}

/* A path needs three descriptors until all are in place; where no more are allowed, that will be said. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int restore_all(struct restore *restore, struct br_error *err)
{
	const struct filesystem *filesystem = restore->filesystem;
	int r = retained_all_read(filesystem->top, &filesystem->config, NULL, restore->now,
				  &restore->all, err);

	if (r < 0 || (r = restore_find_sources(restore, err)) < 0 ||
	    (r = restore_find_items(restore, err)) < 0)
		return r;
	if (!restore->options->dry_run)
		r = restore_put(restore, err);
	progress_clear(&restore->progress);
	restore_audit(restore, r, err);
	restore_tell(restore); /* of a failure too: some may be in place */
	return r;
}

static int act(const struct restore_options *options, struct br_error *err)
{
	struct filesystem filesystem;
	struct restore restore = { .filesystem = &filesystem, .options = options };
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	restore.now = time(NULL); /* it may have waited */
	restore.progress = progress_begin(RESTORE_COMMAND);
	allow_descriptors();
	r = restore_all(&restore, err);
	restore_free(&restore);
	filesystem_close(&filesystem);
	return r;
}

static int run(int argc, char *argv[])
{
	struct restore_options options = { .filesystem.config = BR_CONFIG_PATH,
					   .filesystem.wait = LOCK_WAIT_DEFAULT };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	options.filesystem.read_only = options.dry_run;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail(RESTORE_COMMAND, &err);
}

const struct command command_restore = {
	.name = "restore",
	.summary = "bring files back from an archive or a snapshot",
	.run = run,
};
