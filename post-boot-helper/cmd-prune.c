/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot prune: delete the archives, parked subvolumes and snapshots that are not to be kept. */
#include "audit.h"
#include "beneath.h"
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "file-leftovers.h"
#include "filesystem.h"
#include "frozen.h"
#include "job-lock.h"
#include "job-record.h"
#include "job.h"
#include "lock-wait.h"
#include "name.h"
#include "prune-overhead.h"
#include "retained-all.h"
#include "snapshot-take.h"
#include "subvol.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define COMMAND "blankroot prune"
#define CLEANER_SECONDS 600

struct options {
	struct filesystem_options filesystem;
	const char *subvolume;
	bool dry_run;
};

/* A run: what is looked at, and by which clock. */
struct prune {
	struct filesystem *filesystem;
	struct retained_all all;
	time_t now;
	bool dry_run;
	uint64_t deleted;
};

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_DRY_RUN(&options->dry_run, "only say what would be deleted, and why"),
		OPTION_WAIT(&options->filesystem.wait, "run of blankroot"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot prune [OPTION]... [SUBVOLUME]\n"
			"Delete the archives and snapshots that are not to be kept, one at a time.\n"
			"\n"
			"SUBVOLUME: only those of this one, given by its path from the top level.\n",
		.tail = "Exit codes: 0 done; 1 failed; 2 usage error; 4 another job is running.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = 1,
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code == COMMAND_GO_ON)
		options->subvolume = arguments.list[0];
	return code;
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
}

/* The item's reason says why it goes; if something holds it by now, it stays. */
static int delete_item(struct prune *prune, const struct retained_group *group,
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
	(void)fflush(stdout); /* a deletion may take minutes: all before it is seen */
	r = br_retained_delete(&prune->all.facts, &group->retained, item, CLEANER_SECONDS, err);
	audit_result("prune", group->retained.dir, item->name, r, err);
	if (r == 0) {
		tell(prune, group, item, "deleted");
		(void)fflush(stdout);
		prune->deleted++;
	}
	return r;
}

static int prune_group(struct prune *prune, const struct retained_group *group,
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

/* --- what archives may hold --- */

/* How much each would free is known, so a dry run tells what would go. */
static int limit_overhead(struct prune *prune, struct br_error *err)
{
	double max_share = prune->filesystem->config.archives.max_overhead;
	int top = prune->filesystem->top;
	struct prune_overhead overhead;
	int r = 0;

	/* what is counted is what was committed */
	if (!prune->dry_run && max_share > 0 && (r = br_subvol_commit(top, err)) < 0)
		return r;
	if ((r = prune_overhead_find(top, &prune->all, max_share, &overhead, err)) < 0)
		return r;
	if (overhead.count > 0)
		(void)printf("archives hold %.1f%% of what is used, %.1f%% may be\n",
			     100 * (double)overhead.held / (double)overhead.used, 100 * max_share);
	for (size_t i = 0; r == 0 && i < overhead.count; i++) {
		const struct prune_victim *victim = &overhead.victims[i];

		if (prune->dry_run)
			tell(prune, victim->group, victim->item, "would delete");
		else
			r = delete_item(prune, victim->group, victim->item, err);
	}
	prune_overhead_free(&overhead);
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
static int make_space(struct prune *prune, struct br_error *err)
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

/*
 * Where it cannot be counted what archives hold, space is made all the same: damage to one of them must not let the file
 * system fill up.
 */
static int limit_and_make_space(struct prune *prune, struct br_error *err)
{
	struct br_error uncounted = { 0 };
	int counted = limit_overhead(prune, &uncounted);
	int r = make_space(prune, err);

	if (counted < 0)
		*err = uncounted;
	return counted < 0 ? counted : r;
}

/* --- what other commands left --- */

static void tell_frozen(void *data, const char *name)
{
	const struct prune *prune = data;

	(void)printf("%s " BR_STATE_DIR "/", prune->dry_run ? "would delete" : "deleted");
	br_text_put_name(stdout, name);
	(void)puts(": left by a diff that was interrupted");
	(void)fflush(stdout);
	if (!prune->dry_run)
		audit_result("prune", BR_STATE_DIR, name, 0, NULL);
}

/* Both a request and a record are replaced under a lock that this run holds. */
static int clear_files(int top, const char *dir, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_open_beneath(top, dir, O_PATH | O_DIRECTORY, 0, &fd, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	r = br_file_clear_leftovers(fd, err);
	return r < 0 ? br_error_prefix_path(err, dir) : 0;
}

static int clear_leftovers(struct prune *prune, struct br_error *err)
{
	int top = prune->filesystem->top;
	int r = 0;

	if (!prune->dry_run && (r = br_snapshot_clear_unfinished(top, err)) == 0 &&
	    (r = clear_files(top, BR_STATE_DIR, err)) == 0)
		r = clear_files(top, BR_STATE_DIR "/" JOB_RECORD_DIR, err);
	return r < 0 ? r : br_frozen_clear(top, prune->dry_run, tell_frozen, prune, err);
}

static int prune_all(struct prune *prune, const char *subvolume, struct br_error *err)
{
	int r = clear_leftovers(prune, err);

	if (r == 0)
		r = retained_all_read(prune->filesystem->top, &prune->filesystem->config, subvolume,
				      prune->now, &prune->all, err);
	for (size_t i = 0; r == 0 && i < prune->all.count; i++)
		r = prune_group(prune, &prune->all.groups[i], err);
	if (r == 0)
		r = limit_and_make_space(prune, err);
	if (r == 0 && !prune->dry_run && !subvolume)
		retained_all_keep(&prune->all);
	if (r == 0)
		r = retained_all_check_readable(&prune->all, err);
	retained_all_free(&prune->all);
	return r;
}

/* --- the job --- */

/*
 * Another job may take a day. What is not kept can wait so long, but not a file system that is about to be full: then
 * both go on, which no lock but this one forbids, and is only slow.
 *
 * lock_ret  -1: gone on without
 */
static int take_lock(const struct options *options, const struct filesystem *filesystem,
		     int *lock_ret, struct br_error *err)
{
	double wanted = filesystem->config.archives.min_free;
	double share;
	int r = job_lock_take(filesystem->top, options->filesystem.wait, lock_ret, err);

	if (r == 0)
		return 0;
	*lock_ret = -1;
	if (err->sys_errno == ENOSPC || err->sys_errno == EDQUOT)
		return 0; /* what makes room must not need any */
	if (r != BR_ERR_LOCKED || err->sys_errno != 0)
		return r;
	share = free_share(filesystem->top);
	if (share < 0 || share >= wanted)
		return r;
	(void)printf(
		"another job is running, but only %.1f%% of the file system are free, and %.1f%% "
		"should be: going on all the same\n",
		100 * share, 100 * wanted);
	return 0;
}

static int prune_as_job(const struct options *options, struct filesystem *filesystem,
			struct prune *prune, struct br_error *err)
{
	struct job_run run;
	int r = filesystem_lock(&options->filesystem, filesystem, err);

	if (r < 0)
		return r;
	job_record_begin(filesystem->top, COMMAND, "prune", &run);
	r = prune_all(prune, options->subvolume, err);
	job_record_number(&run, "deleted", prune->deleted);
	job_record_end_with(&run, r, err);
	return r;
}

/* Returns the exit status. The lock of the jobs comes before that of the file system. */
static int act(const struct options *options, struct br_error *err)
{
	struct filesystem filesystem;
	struct prune prune = { .filesystem = &filesystem,
			       .now = time(NULL),
			       .dry_run = options->dry_run };
	int lock = -1, r;
	bool is_busy = false;

	if (filesystem_open(&options->filesystem, &filesystem, err) < 0)
		return command_fail(COMMAND, err);
	if (options->dry_run) {
		r = prune_all(&prune, options->subvolume, err);
	} else {
		r = take_lock(options, &filesystem, &lock, err);
		is_busy = r == BR_ERR_LOCKED && err->sys_errno == 0;
		if (r == 0)
			r = prune_as_job(options, &filesystem, &prune, err);
	}
	br_cleanup_close(&lock);
	filesystem_close(&filesystem);
	if (is_busy)
		return job_say_not_now(COMMAND, err);
	return r < 0 ? command_fail(COMMAND, err) : EXIT_DONE;
}

static int run(int argc, char *argv[])
{
	struct options options = { .filesystem.config = BR_CONFIG_PATH,
				   .filesystem.wait = LOCK_WAIT_DEFAULT };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	options.filesystem.read_only = options.dry_run;
	options.filesystem.shared = true;
	return act(&options, &err);
}

const struct command command_prune = {
	.name = "prune",
	.summary = "delete the archives and snapshots that are not to be kept",
	.run = run,
};
