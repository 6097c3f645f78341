/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank commit: chosen paths of the running root become part of the blank. */
#include "audit.h"
#include "beneath.h"
#include "blank-clone.h"
#include "blank-command.h"
#include "carry.h"
#include "cleanup.h"
#include "command.h"
#include "diff.h"
#include "given-path.h"
#include "mounted.h"
#include "persist.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct committed {
	char *path; /* as it is seen */
	struct persist_place place;
	bool is_absent; /* in the root: deleted in the blank */
	struct diff diff;
};

struct committing {
	const struct blank_options *options;
	struct br_config config; /* what the places are of */
	struct committed *list;
	size_t count;
	size_t changes; /* of all */
	struct blank_clone clone;
};

/* --- what is meant --- */

static int find_place(struct committing *committing, struct committed *committed,
		      struct br_error *err)
{
	const struct persist_options options = { .subvolume = committing->options->subvolume };
	const struct br_ephemeral *first = committing->list[0].place.ephemeral;
	int r = persist_place_find(&committing->config, &options, committed->path,
				   &committed->place, err);

	if (r < 0)
		return r;
	if (!*committed->place.path)
		return br_error_set(err, BR_ERR_USAGE, 0, committed->path,
				    "is all of it; name something in it");
	if (first && first != committed->place.ephemeral)
		return br_error_set(err, BR_ERR_USAGE, 0, committed->path,
				    "is on %s, but the first path is on %s: one blank at a time",
				    committed->place.ephemeral->name, first->name);
	return 0;
}

static int find_places(struct committing *committing, struct br_error *err)
{
	const struct blank_options *options = committing->options;

	committing->list = calloc(options->count, sizeof(*committing->list));
	if (!committing->list)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; i < options->count; i++) {
		struct committed *committed = &committing->list[committing->count++];
		int r = given_path_normalize(options->arguments[i], &committed->path, err);

		if (r < 0 || (r = find_place(committing, committed, err)) < 0)
			return r;
	}
	return 0;
}

/* --- what is there --- */

/* What is seen there may be of another file system. */
static int refuse_other_mounts(const struct committing *committing,
			       const struct committed *committed, struct br_error *err)
{
	const struct br_ephemeral *ephemeral = committed->place.ephemeral;
	BR_AUTO_CLOSE int mounted = -1;
	struct br_error none;
	bool exists;

	if (mounted_open(persist_mountpoint(ephemeral), ephemeral->name,
			 committing->clone.filesystem.top, &mounted, &none) < 0)
		return 0;
	return persist_place_look(&committed->place, &exists, err);
}

static int look(const struct committing *committing, int root, struct committed *committed,
		struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = refuse_other_mounts(committing, committed, err);

	if (r < 0)
		return r;
	r = br_open_beneath(root, committed->place.path, O_PATH | O_NOFOLLOW, 0, &fd, err);
	committed->is_absent = r < 0 && (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR);
	if (r == BR_ERR_SYMLINK)
		return br_error_context(err, "name the path behind it");
	return committed->is_absent ? 0 : r;
}

static int compare(struct committing *committing, struct committed *committed, struct br_error *err)
{
	const struct br_ephemeral *ephemeral = committed->place.ephemeral;
	const struct br_changes_request request = { .top = committing->clone.filesystem.top,
						    .from = ephemeral->blank,
						    .of = ephemeral->name,
						    .only = committed->place.path };
	int r = br_changes_find(&request, &committed->diff.changes, err);

	committed->diff.ephemeral = ephemeral;
	if (r < 0)
		return r;
	if (committed->is_absent && committed->diff.changes.count == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, committed->path,
				    "neither %s nor %s has such a path", ephemeral->name,
				    ephemeral->blank);
	committing->changes += committed->diff.changes.count;
	return 0;
}

static int look_at_all(struct committing *committing, int root, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < committing->count; i++) {
		struct committed *committed = &committing->list[i];

		if ((r = look(committing, root, committed, err)) == 0)
			r = compare(committing, committed, err);
	}
	return r;
}

/* --- doing --- */

/* With the subvolumes that are in it. Its directory keeps its times, as with all that is carried. */
static int remove_from_copy(int copy, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int parent = -1;
	BR_AUTO_CLOSE int dir = -1;
	struct stat before;
	const char *name;
	int r = br_open_parent(copy, path, &parent, &name, err);

	if (r < 0)
		return err->sys_errno == ENOENT || err->sys_errno == ENOTDIR ? 0 : r;
	dir = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &before) != 0)
		return br_error_set(err, BR_ERR_OPEN, errno, path, "in the copy of the blank");
	if ((r = br_remove_copy(dir, name, err)) < 0)
		return r;
	if (futimens(dir, (struct timespec[]){ before.st_atim, before.st_mtim }) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, path, NULL);
	return 0;
}

static int put_all(struct committing *committing, int root, struct br_error *err)
{
	struct br_copy_links links = { 0 };
	const struct br_copy_options options = { .links = &links };
	struct br_copy_stats stats = { 0 };
	int copy = committing->clone.fd;
	int r = 0;

	for (size_t i = 0; r == 0 && i < committing->count; i++) {
		const struct committed *committed = &committing->list[i];
		/* is a part of the other one */
		char *path = committed->path + (committed->place.path - committed->path);
		const struct br_persist persist = { .path = path, .method = BR_METHOD_COPY };

		r = remove_from_copy(copy, path, err);
		if (r == 0 && !committed->is_absent)
			r = br_carry_path(root, copy, &persist, &options, &stats, err);
	}
	br_hardlink_free(&links.map);
	return r;
}

static void tell_changes(const struct committing *committing)
{
	for (size_t i = 0; i < committing->count; i++)
		diff_print_flat(stdout,
				&(struct diffs){ .items = &committing->list[i].diff, .count = 1 });
}

/* Lost output is found when standard output is closed. */
static void tell_result(const struct committing *committing, const char *kept)
{
	const struct br_ephemeral *ephemeral = committing->clone.ephemeral;

	tell_changes(committing);
	br_text_put_name(stdout, ephemeral->blank);
	(void)puts(kept                      ? " has that now"
		   : committing->changes > 0 ? " would have that"
					     : " has all of that as it is");
	if (kept)
		blank_tell_former(ephemeral, kept);
}

static void audit_all(const struct committing *committing, int r, const struct br_error *err)
{
	for (size_t i = 0; i < committing->count; i++)
		audit_result("blank-commit", NULL, committing->list[i].path, r, err);
}

static int commit(struct committing *committing, struct br_error *err)
{
	struct blank_clone *clone = &committing->clone;
	BR_AUTO_FREE char *kept = NULL;
	BR_AUTO_CLOSE int root = -1;
	int r;

	if ((r = br_subvol_open(clone->filesystem.top, clone->ephemeral->name, &root, NULL, err)) <
		    0 ||
	    (r = look_at_all(committing, root, err)) < 0)
		return r;
	if (committing->changes > 0 && !committing->options->dry_run) {
		if ((r = put_all(committing, root, err)) == 0)
			r = blank_clone_put(clone, 0, &kept, err);
		audit_all(committing, r, err);
	}
	if (r < 0)
		return r;
	tell_result(committing, kept);
	if (kept)
		blank_drop_formers(&clone->filesystem, clone->ephemeral, committing->options->keep);
	return 0;
}

static void committing_free(struct committing *committing)
{
	for (size_t i = 0; i < committing->count; i++) {
		br_changes_free(&committing->list[i].diff.changes);
		free(committing->list[i].path);
	}
	free(committing->list);
	br_config_free(&committing->config);
}

int blank_commit(const struct blank_options *options)
{
	struct committing committing = { .options = options };
	struct blank_options of_places = *options;
	struct br_error err = { 0 };
	int r;

	if (br_config_load(options->filesystem.config, &committing.config, &err) < 0)
		return command_fail(BLANK_COMMAND, &err);
	r = find_places(&committing, &err);
	if (r == 0) {
		of_places.subvolume = committing.list[0].place.ephemeral->name;
		r = blank_clone_make(&of_places, &committing.clone, &err);
	}
	if (r == 0) {
		r = commit(&committing, &err);
		blank_clone_close(&committing.clone);
	}
	committing_free(&committing);
	return r == 0 ? EXIT_DONE : command_fail(BLANK_COMMAND, &err);
}
