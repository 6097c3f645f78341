/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot snapshot create: the snapshots of a set, and the hooks around them. */
#include "audit.h"
#include "beneath.h"
#include "cleanup.h"
#include "hook.h"
#include "private-dir.h"
#include "snapshot-take.h"
#include "snapshot.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct create {
	const struct filesystem *filesystem;
	const struct snapshot_options *options;
	struct br_snapshot_source *sources;
	size_t count;
	int dirfd; /* BR_SNAPSHOTS_DIR; -1: not there yet */
};

/* --- what it is about --- */

/* Paths from the command line are checked like those of a configuration. */
static int open_source(struct create *create, const char *subvolume, struct br_error *err)
{
	const char *problem = br_config_subvolume_problem(subvolume);
	int r;

	for (const char *c = subvolume; *c && !problem; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			problem = "must not contain control characters";
	for (size_t i = 0; i < create->count && !problem; i++)
		if (strcmp(create->sources[i].subvolume, subvolume) == 0)
			problem = "is named twice";
	if (problem)
		return br_error_set(err, BR_ERR_USAGE, 0, subvolume, "%s", problem);
	r = br_snapshot_source_open(create->filesystem->top, subvolume,
				    &create->sources[create->count], err);
	create->count += r == 0;
	if (r == BR_ERR_OPEN && err->sys_errno == ENOENT)
		return br_error_context(err,
					"there is no such subvolume on %s; its path begins at the "
					"top level",
					create->filesystem->device.path);
	return r;
}

static int open_sources(struct create *create, struct br_error *err)
{
	const struct br_snapshots_policy *config = &create->filesystem->config.snapshots;
	bool named = create->options->count > 0;
	size_t wanted = named ? create->options->count : config->subvolume_count;
	char *const *subvolumes = named ? create->options->names : config->subvolumes;
	int r = 0;

	if (wanted == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, NULL,
				    "of what? Name a subvolume, or say snapshots { subvolumes = "
				    "... } in %s",
				    create->options->filesystem.config);
	create->sources = calloc(wanted, sizeof(*create->sources));
	if (!create->sources)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; r == 0 && i < wanted; i++)
		r = open_source(create, subvolumes[i], err);
	return r;
}

static void drop_source(struct create *create, size_t i)
{
	br_snapshot_source_close(&create->sources[i]);
	create->count--;
	memmove(&create->sources[i], &create->sources[i + 1],
		(create->count - i) * sizeof(*create->sources));
}

static void tell_unchanged(const char *subvolume, const char *newest)
{
	br_text_put_name(stdout, subvolume); /* lost output is found when it is closed */
	(void)fputs(" is as it was at " BR_SNAPSHOTS_DIR "/", stdout);
	br_text_put_name(stdout, newest);
	(void)putchar('\n');
}

static int drop_if_unchanged(struct create *create, size_t i, const struct br_retained_facts *facts,
			     struct br_error *err)
{
	__attribute__((cleanup(br_retained_free))) struct br_retained snapshots = { .dirfd = -1 };
	struct br_snapshot_source *source = &create->sources[i];
	const struct br_retention_item *newest = NULL;
	int r;

	if ((r = br_retained_list_snapshots(facts, source->subvolume, &snapshots, err)) < 0 ||
	    (r = br_snapshot_find_unchanged(source, &snapshots, &newest, err)) < 0)
		return r;
	if (!newest)
		return 0;
	tell_unchanged(source->subvolume, newest->name);
	drop_source(create, i);
	return 0;
}

static int drop_unchanged(struct create *create, struct br_error *err)
{
	__attribute__((cleanup(br_retained_facts_free))) struct br_retained_facts facts = { 0 };
	int r = br_retained_facts_read(create->filesystem->top, NULL, &facts, err);

	for (size_t i = 0; r == 0 && i < create->count;) {
		size_t before = create->count;

		r = drop_if_unchanged(create, i, &facts, err);
		i += create->count == before; /* else the next one is there now */
	}
	return r;
}

/* --- taking them --- */

static void tell_done(const struct br_snapshot_source *source, const char *verb)
{
	(void)fputs(verb, stdout); /* lost output is found when it is closed */
	br_text_put_name(stdout, source->subvolume);
	(void)fputs(": " BR_SNAPSHOTS_DIR "/", stdout);
	br_text_put_name(stdout, source->name);
	(void)putchar('\n');
}

static int take_all(const struct create *create, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < create->count; i++) {
		r = br_snapshot_take(&create->sources[i], create->dirfd, create->options->comment,
				     err);
		audit_result("snapshot-create", BR_SNAPSHOTS_DIR, create->sources[i].name, r, err);
	}
	/* the commit of a snapshot has it; a name that it got later has not reached the disk yet */
	if (r == 0 && create->options->comment)
		r = br_subvol_commit(create->dirfd, err);
	for (size_t i = 0; r == 0 && i < create->count; i++)
		tell_done(&create->sources[i], "took a snapshot of ");
	return r;
}

/* --- hooks --- */

/* "BLANKROOT_SUBVOLUMES=": paths, one a line; no path of a configuration has a line break. */
static void put_subvolumes(FILE *out, const void *data)
{
	const struct create *create = data;

	(void)fputs("BLANKROOT_SUBVOLUMES=", out);
	for (size_t i = 0; i < create->count; i++)
		(void)fprintf(out, "%s%s", i > 0 ? "\n" : "", create->sources[i].subvolume);
}

/* The same of the paths of the snapshots. */
static void put_snapshots(FILE *out, const void *data)
{
	const struct create *create = data;

	(void)fputs("BLANKROOT_SNAPSHOTS=", out);
	for (size_t i = 0; i < create->count; i++)
		(void)fprintf(out, "%s" BR_SNAPSHOTS_DIR "/%s", i > 0 ? "\n" : "",
			      create->sources[i].name);
}

static bool run_hook(const struct create *create, struct hook hook, char *result)
{
	BR_AUTO_FREE char *subvolumes = br_text_make(put_subvolumes, create);
	BR_AUTO_FREE char *snapshots = br_text_make(put_snapshots, create);
	char *const variables[] = { subvolumes, snapshots, result, NULL };

	if (hook.command->count == 0)
		return true;
	hook.caller = SNAPSHOT_COMMAND;
	hook.timeout = create->filesystem->config.snapshots.hook_timeout;
	hook.variables = variables;
	if (!subvolumes || !snapshots) {
		(void)fputs(SNAPSHOT_COMMAND ": out of memory\n", stderr);
		return false;
	}
	(void)fflush(stdout); /* what it prints comes after */
	return hook_run(&hook);
}

/* Whatever happens, what before did is undone. */
static int take_between_hooks(const struct create *create, const struct hook_signals *signals,
			      struct br_error *err)
{
	const struct br_snapshots_policy *config = &create->filesystem->config.snapshots;
	char pending[] = "BLANKROOT_RESULT=pending", done[] = "BLANKROOT_RESULT=done";
	char failed[] = "BLANKROOT_RESULT=failed";
	bool ready = run_hook(
		create,
		(struct hook){ .name = "before", .command = &config->before, .signals = signals },
		pending);
	int r = ready ? take_all(create, err) : SNAPSHOT_TOLD;
	bool resumed = run_hook(create, (struct hook){ .name = "after", .command = &config->after },
				r == 0 ? done : failed);

	return r == 0 && !resumed ? SNAPSHOT_TOLD : r;
}

static int take(struct create *create, struct br_error *err)
{
	struct hook_signals signals;
	int r;

	if ((r = br_private_dir_open(create->filesystem->top, BR_SNAPSHOTS_DIR, &create->dirfd,
				     err)) < 0 ||
	    (r = hook_hold_signals(&signals, err)) < 0)
		return r;
	r = take_between_hooks(create, &signals, err);
	hook_release_signals(&signals);
	return r;
}

/* --- all --- */

static int open_dir(struct create *create, struct br_error *err)
{
	int r = br_open_beneath(create->filesystem->top, BR_SNAPSHOTS_DIR, O_RDONLY | O_DIRECTORY,
				0, &create->dirfd, err);

	return r < 0 && err->sys_errno == ENOENT ? 0 : r;
}

static int act(struct create *create, struct br_error *err)
{
	const struct snapshot_options *options = create->options;
	const struct br_snapshots_policy *config = &create->filesystem->config.snapshots;
	int r;

	if ((r = open_sources(create, err)) < 0)
		return r;
	if (!options->dry_run &&
	    (r = br_snapshot_clear_unfinished(create->filesystem->top, err)) < 0)
		return r;
	if ((options->only_if_changed || config->only_if_changed == BR_ONLY_IF_CHANGED_YES) &&
	    (r = drop_unchanged(create, err)) < 0)
		return r;
	if ((r = open_dir(create, err)) < 0 ||
	    (r = br_snapshot_set_names(create->dirfd, create->sources, create->count, time(NULL),
				       err)) < 0)
		return r;
	if (create->count == 0)
		return 0;
	br_cleanup_close(&create->dirfd);
	if (!options->dry_run)
		return take(create, err);
	for (size_t i = 0; i < create->count; i++)
		tell_done(&create->sources[i], "would take a snapshot of ");
	return 0;
}

int snapshot_create(const struct filesystem *filesystem, const struct snapshot_options *options,
		    struct br_error *err)
{
	struct create create = { .filesystem = filesystem, .options = options, .dirfd = -1 };
	int r = act(&create, err);

	for (size_t i = 0; i < create.count; i++)
		br_snapshot_source_close(&create.sources[i]);
	free(create.sources);
	br_cleanup_close(&create.dirfd);
	return r;
}
