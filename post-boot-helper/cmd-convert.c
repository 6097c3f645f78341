/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot convert: a directory becomes a subvolume. */
#include "audit.h"
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "convert.h"
#include "lock-wait.h"
#include "progress.h"
#include "text.h"
#include "tree-users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct options {
	const char *path;
	uint64_t wait;
	bool dry_run, force;
};

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("force", &options->force,
			    "also while files in it are open for writing"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be done"),
		OPTION_WAIT(&options->wait, "conversion"),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot convert [OPTION]... PATH\n"
			"Turn a directory into a subvolume, with all that is in it.\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = COMMAND_ARGUMENTS_ANY,
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	if (arguments.count == 0)
		return command_fail_usage(argv[0], "which directory? Its path is missing", NULL);
	if (arguments.count > 1)
		return command_fail_usage(argv[0], "unexpected argument", arguments.list[1]);
	options->path = arguments.list[0];
	return COMMAND_GO_ON;
}

/* --- who has it open --- */

static void tell_user(const struct tree_user *user)
{
	(void)fprintf(stderr, "blankroot convert: process %d (", (int)user->pid);
	br_text_put_name(stderr, user->command);
	(void)fprintf(stderr, ") %s ", user->how);
	br_text_put_name(stderr, user->path);
	(void)fputc('\n', stderr);
}

static int check_users(const struct options *options, const struct br_conversion *conversion,
		       struct br_error *err)
{
	struct tree_users users;
	int r = tree_users_find(conversion->root, conversion->dir, &users, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < users.count; i++)
		tell_user(&users.users[i]);
	if (users.count > 0 && !options->force)
		r = br_error_set(
			err, BR_ERR_IN_USE, 0, options->path,
			"%zu process%s would go on with the directory that is replaced; stop "
			"%s, or use --force",
			users.count, users.count == 1 ? "" : "es",
			users.count == 1 ? "it" : "them");
	tree_users_free(&users);
	return r;
}

/* --- doing --- */

static void tell_done(const struct options *options, const struct br_copy_stats *stats)
{
	br_text_put_name(stdout, options->path); /* lost output is found when it is closed */
	(void)fputs(" is a subvolume now: ", stdout);
	br_text_put_count(stdout, stats->files);
	(void)fputs(stats->files == 1 ? " file, " : " files, ", stdout);
	br_text_put_size(stdout, stats->bytes_shared + stats->bytes_copied);
	(void)putchar('\n');
}

static int run_conversion(const struct options *options, const struct br_conversion *conversion,
			  struct br_error *err)
{
	struct progress progress = progress_begin("blankroot convert");
	const struct br_conversion_options how = { .force = options->force,
						   .progress = progress_of_copy(&progress) };
	struct br_conversion_result result;
	int r = br_conversion_run(conversion, &how, &result, err);

	progress_clear(&progress);
	if (r < 0)
		return r;
	tell_done(options, &result.stats);
	if (!result.is_changed)
		return 0;
	return br_error_set(
		err, BR_ERR_IN_USE, 0, options->path,
		"something in the directory was changed in the last moment, which the subvolume does "
		"not have; the directory is kept as " BR_CONVERT_DIR "/" BR_CONVERT_NAME
		" in the root directory of the subvolume around it");
}

static int convert(const struct options *options, const struct br_conversion *conversion,
		   struct br_error *err)
{
	BR_AUTO_FREE char *real = NULL;
	int r;

	if (options->dry_run) {
		br_text_put_name(stdout,
				 options->path); /* lost output is found when it is closed */
		(void)puts(" would become a subvolume");
		return 0;
	}
	r = run_conversion(options, conversion, err);
	real = realpath(options->path, NULL);
	audit_result("convert", NULL, real ? real : options->path, r, err);
	return r;
}

static int act_on(const struct options *options, const struct br_conversion *conversion,
		  struct br_error *err)
{
	int r = options->dry_run ? 0 : br_conversion_finish(conversion, err);

	if (r == 0 && conversion->is_subvolume) { /* whoever was interrupted says the same again */
		br_text_put_name(stdout, options->path);
		(void)puts(" is a subvolume already");
		return 0;
	}
	if (r < 0 || (r = check_users(options, conversion, err)) < 0)
		return r;
	return convert(options, conversion, err);
}

/* 1: another one has the lock, and there is time to try again. */
static int wait_for(struct lock_wait *wait, const struct br_conversion *conversion,
		    struct br_error *err)
{
	BR_AUTO_CLOSE int fd = openat(conversion->root, BR_CONVERT_DIR,
				      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (err->sys_errno != EWOULDBLOCK)
		return err->code;
	return lock_wait_more(wait, fd) ? 1 : lock_wait_fail(wait, fd, BR_CONVERT_DIR, err);
}

/* After another one everything may be different, so it is looked at anew. */
static int act(const struct options *options, struct br_error *err)
{
	struct lock_wait wait = lock_wait_begin(options->wait);
	struct br_conversion conversion;
	int r;

	if (geteuid() != 0)
		return br_error_set(err, BR_ERR_OPEN, EPERM, NULL, "only root can do that");
	do {
		if ((r = br_conversion_open(options->path, &conversion, err)) < 0)
			return r;
		r = act_on(options, &conversion, err);
		if (r == BR_ERR_LOCKED)
			r = wait_for(&wait, &conversion, err);
		br_conversion_close(&conversion);
	} while (r > 0);
	return r;
}

static int run(int argc, char *argv[])
{
	struct options options = { .wait = LOCK_WAIT_DEFAULT };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail("blankroot convert", &err);
}

const struct command command_convert = {
	.name = "convert",
	.summary = "turn a directory into a subvolume",
	.run = run,
};
