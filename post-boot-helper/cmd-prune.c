/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot prune: delete the archives, parked subvolumes and snapshots that are not to be kept. */
#include "cleanup.h"
#include "command.h"
#include "filesystem.h"
#include "retained-all.h"
#include "snapshot-take.h"
#include "text.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define CLEANER_SECONDS 600

struct options {
	struct filesystem_options filesystem;
	const char *subvolume;
	bool dry_run, help;
};

/* A run: what is looked at, and by which clock. */
struct prune {
	struct filesystem *filesystem;
	struct retained_all all;
	time_t now;
	bool dry_run;
};

static void print_help(void)
{
	(void)fputs(
		"Usage: blankroot prune [OPTION]... [SUBVOLUME]\n"
		"Delete the archives and snapshots that are not to be kept, one at a time.\n"
		"\n"
		"SUBVOLUME: only those of this one, given by its path from the top level.\n"
		"\n"
		"      --dry-run      only say what would be deleted, and why\n"
		"      --device=SPEC  another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n"
		"                     or a block device\n"
		"      --config=FILE  another configuration (" BR_CONFIG_PATH ")\n"
		"      --help         print this and exit\n"
		"\n"
		"Exit codes: 0 done; 1 failed; 2 usage error.\n",
		stdout); /* lost output is found when it is closed */
}

static int fail_usage(const char *argument)
{
	if (argument)
		(void)fprintf(stderr, "blankroot prune: unexpected argument '%s'\n", argument);
	(void)fputs("Try 'blankroot prune --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'c')
			options->filesystem.config = optarg;
		else if (option == 'd')
			options->filesystem.device = optarg;
		else if (option == 'n')
			options->dry_run = true;
		else if (option == 'h')
			options->help = true;
		else
			return fail_usage(NULL);
	}
	if (optind < argc)
		options->subvolume = argv[optind++];
	return optind < argc ? fail_usage(argv[optind]) : EXIT_DONE;
}

static void tell(const struct prune *prune, const struct retained_group *group,
		 const struct br_retention_item *item, const char *verb)
{
	(void)printf("%s ", verb); /* lost output is found when it is closed */
	br_text_put_name(stdout, group->retained.dir);
	(void)putchar('/');
	br_text_put_name(stdout, item->name);
	(void)fputs(": ", stdout);
	br_retention_explain(stdout, item, &group->policy, prune->now);
	(void)putchar('\n');
	(void)fflush(stdout); /* a deletion may take minutes */
}

/* The item's reason says why it goes; if something holds it by now, it stays. */
static int delete_item(const struct prune *prune, const struct retained_group *group,
		       struct br_retention_item *item, struct br_error *err)
{
	enum br_reason held;
	int r = br_retained_recheck(prune->filesystem->top, prune->all.facts.requested,
				    &group->retained, item, &held, err);

	if (r < 0)
		return r;
	if (held != BR_REASON_NONE) {
		item->reason = held;
		tell(prune, group, item, "keep");
		return 0;
	}
	r = br_retained_delete(&prune->all.facts, &group->retained, item, CLEANER_SECONDS, err);
	if (r == 0)
		tell(prune, group, item, "deleted");
	return r;
}

static int prune_group(const struct prune *prune, const struct retained_group *group,
		       struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < group->retained.count; i++) {
		struct br_retention_item *item = &group->retained.items[i];

		if (!br_reason_is_to_go(item->reason))
			tell(prune, group, item, "keep");
		else if (prune->dry_run)
			tell(prune, group, item, "would delete");
		else
			r = delete_item(prune, group, item, err);
	}
	return r;
}

/* --- space --- */

/* Share of the file system that is free; negative: not known. */
static double free_share(int top)
{
	struct statvfs fs;

	if (fstatvfs(top, &fs) != 0 || fs.f_blocks == 0)
		return -1;
	return (double)fs.f_bavail / (double)fs.f_blocks;
}

/* Snapshots stay: their rules are the calendar's alone. NULL: none may go. */
static struct br_retention_item *find_oldest(const struct prune *prune,
					     struct retained_group **group_ret)
{
	struct br_retention_item *oldest = NULL;

	for (size_t i = 0; i < prune->all.count; i++) {
		struct retained_group *group = &prune->all.groups[i];
		struct br_retention_item *next = br_retention_next_for_space(group->retained.items,
									     group->retained.count);

		if (group->retained.kind != BR_RETAINED_ARCHIVE || !next ||
		    (oldest && br_retention_rank(oldest) < br_retention_rank(next)))
			continue;
		oldest = next;
		*group_ret = group;
	}
	return oldest;
}

/* A dry run cannot tell how much each would free: it names them all, in their order. */
static int make_space(const struct prune *prune, struct br_error *err)
{
	double wanted = prune->filesystem->config.archives.min_free;
	double share = free_share(prune->filesystem->top);
	struct retained_group *group = NULL;
	struct br_retention_item *item;
	int r = 0;

	if (share < 0 || share >= wanted)
		return 0;
	(void)printf("%.1f%% of the file system are free, %.1f%% should be\n", 100 * share,
		     100 * wanted);
	while (r == 0 && share >= 0 && share < wanted && (item = find_oldest(prune, &group))) {
		item->reason = BR_REASON_SPACE;
		if (prune->dry_run)
			tell(prune, group, item, "might delete");
		else
			r = delete_item(prune, group, item, err);
		share = free_share(prune->filesystem->top);
	}
	if (r == 0 && !prune->dry_run && share >= 0 && share < wanted)
		(void)printf("%.1f%% are free, and no other archive may go\n", 100 * share);
	return r;
}

static int act(const struct options *options, struct br_error *err)
{
	struct filesystem filesystem;
	struct prune prune = { .filesystem = &filesystem,
			       .now = time(NULL),
			       .dry_run = options->dry_run };
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	if (!options->dry_run)
		r = br_snapshot_clear_unfinished(filesystem.top, err);
	if (r == 0)
		r = retained_all_read(filesystem.top, &filesystem.config, options->subvolume,
				      prune.now, &prune.all, err);
	for (size_t i = 0; r == 0 && i < prune.all.count; i++)
		r = prune_group(&prune, &prune.all.groups[i], err);
	if (r == 0)
		r = make_space(&prune, err);
	retained_all_free(&prune.all);
	filesystem_close(&filesystem);
	return r;
}

static int run(int argc, char *argv[])
{
	struct options options = { .filesystem.config = BR_CONFIG_PATH };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (options.help) {
		print_help();
		return EXIT_DONE;
	}
	options.filesystem.read_only = options.dry_run;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail("blankroot prune", &err);
}

const struct command command_prune = {
	.name = "prune",
	.summary = "delete the archives and snapshots that are not to be kept",
	.run = run,
};
