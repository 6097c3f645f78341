/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot snapshot: take snapshots of persistent subvolumes; delete, pin and unpin what is kept. */
#include "command.h"
#include "record.h"
#include "snapshot.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void print_help(void)
{
	(void)fputs(
		"Usage: blankroot snapshot [create] [OPTION]... [SUBVOLUME]...\n"
		"  or:  blankroot snapshot delete|pin|unpin [OPTION]... NAME...\n"
		"Take read-only snapshots of subvolumes, or delete or pin what is kept.\n"
		"\n"
		"SUBVOLUME: path from the top level; without any, all that the configuration says.\n"
		"NAME: of an archive or a snapshot, as 'blankroot list' has it, or its path.\n"
		"\n"
		"      --comment=TEXT     note it on the snapshots\n"
		"      --only-if-changed  leave out what is as it was at its last snapshot\n"
		"      --dry-run          only say what would be done; no hook is run\n"
		"      --device=SPEC      another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n"
		"                         or a block device\n"
		"      --config=FILE      another configuration (" BR_CONFIG_PATH ")\n"
		"      --help             print this and exit\n"
		"\n"
		"Exit codes: 0 done; 1 failed; 2 usage error.\n",
		stdout); /* lost output is found when it is closed */
}

static int fail_usage(const char *what, const char *argument)
{
	if (what)
		(void)fprintf(stderr, SNAPSHOT_COMMAND ": %s%s%s%s\n", what, argument ? " '" : "",
			      argument ? argument : "", argument ? "'" : "");
	(void)fputs("Try 'blankroot snapshot --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

static int check(const struct snapshot_options *options)
{
	if (options->comment && strlen(options->comment) > BR_COMMENT_MAX)
		return fail_usage("the comment is too long", NULL);
	if (options->action == SNAPSHOT_CREATE)
		return EXIT_DONE;
	if (options->comment || options->only_if_changed)
		return fail_usage("--comment and --only-if-changed are for new snapshots", NULL);
	if (options->count == 0)
		return fail_usage("which one? A name is missing", NULL);
	return EXIT_DONE;
}

/* Returns false for an option that is not known. */
static bool set_option(struct snapshot_options *options, bool *help, int option)
{
	switch (option) {
	case 'c':
		options->filesystem.config = optarg;
		return true;
	case 'd':
		options->filesystem.device = optarg;
		return true;
	case 'm':
		options->comment = optarg;
		return true;
	case 'n':
		options->dry_run = true;
		return true;
	case 'o':
		options->only_if_changed = true;
		return true;
	case 'h':
		*help = true;
		return true;
	default:
		return false;
	}
}

/* The word right behind the command, if it is one of these. */
static bool take_action(int *argc, char **argv[], enum snapshot_action *action)
{
	static const char *const words[] = { [SNAPSHOT_CREATE] = "create",
					     [SNAPSHOT_DELETE] = "delete",
					     [SNAPSHOT_PIN] = "pin",
					     [SNAPSHOT_UNPIN] = "unpin" };

	for (size_t i = 0; *argc > 1 && i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp((*argv)[1], words[i]) == 0) {
			*action = (enum snapshot_action)i;
			(*argv)[1] = (*argv)[0];
			(*argv)++;
			(*argc)--;
			return true;
		}
	return false;
}

static int parse(int argc, char *argv[], struct snapshot_options *options, bool *help)
{
	static const struct option long_options[] = {
		{ "comment", required_argument, NULL, 'm' },
		{ "config", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ "only-if-changed", no_argument, NULL, 'o' },
		{ 0 },
	};
	int option;

	(void)take_action(&argc, &argv, &options->action);
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (!set_option(options, help, option))
			return fail_usage(NULL, NULL);
	options->names = argv + optind;
	options->count = (size_t)(argc - optind);
	return *help ? EXIT_DONE : check(options);
}

static int act(const struct snapshot_options *options, struct br_error *err)
{
	struct filesystem filesystem;
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	if (options->action == SNAPSHOT_CREATE)
		r = snapshot_create(&filesystem, options, err);
	else
		r = snapshot_change(&filesystem, options, err);
	filesystem_close(&filesystem);
	return r;
}

static int run(int argc, char *argv[])
{
	struct snapshot_options options = { .filesystem.config = BR_CONFIG_PATH };
	struct br_error err = { 0 };
	bool help = false;
	int code = parse(argc, argv, &options, &help);
	int r;

	if (code != EXIT_DONE)
		return code;
	if (help) {
		print_help();
		return EXIT_DONE;
	}
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
