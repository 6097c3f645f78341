/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of blankroot restore: what is meant, where it goes, putting it there, telling. */
#ifndef BLANKROOT_RESTORE_H
#define BLANKROOT_RESTORE_H

#include "copy.h"
#include "error.h"
#include "filesystem.h"
#include "progress.h"
#include "retained-all.h"
#include "temp-dir.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RESTORE_COMMAND "blankroot restore" /* for messages */

struct restore_options {
	struct filesystem_options filesystem;
	const char *from; /* --from */
	const char *to;   /* --to; NULL: where it was */
	bool keep_old, dry_run, json;
	char *const *paths;
	size_t count;
};

/* Something that is restored from. */
struct restore_source {
	const char *subvolume; /* that it was taken of, path from the top level; borrowed */
	char *path;            /* from the top level */
	int fd;                /* its root; -1: not open */
};

/* A directory of the running system at which the subvolume of a source is seen. */
struct restore_view {
	const struct restore_source *source;
	char *mountpoint;
	int fd;          /* that directory, when something goes there; -1: not open */
	bool is_nowhere; /* it is not mounted: mountpoint is "/", and nothing can go there */
};

struct restore_sources {
	struct restore_source *sources;
	struct restore_view *views;
	size_t count, view_count;
};

/* One entry of a directory that is put in place as a whole. */
struct restore_placement {
	int parent; /* that directory */
	dev_t dev;
	ino_t ino;  /* of it */
	char *dir;  /* its path, for messages */
	char *name; /* the entry */
	bool exists;
	struct br_temp_dir temp;
	char *kept; /* the name that what was there has now; NULL: nothing was there */
	bool is_done;
};

/* One path that was asked for. */
struct restore_item {
	char *path;                /* as it is seen, without anything superfluous */
	struct restore_view *view; /* where it is seen */
	const char *inside;        /* below that; part of path */
	size_t placement;          /* that it is a part of */
	int src_dir;               /* in the source, what the placement's parent is */
	const char *rest;          /* below both: the placement's name and more; part of path */
	struct br_copy_stats stats;
};

struct restore {
	const struct filesystem *filesystem;
	const struct restore_options *options;
	struct retained_all all;
	struct restore_sources sources;
	struct restore_item *items;
	size_t count;
	struct restore_placement *placements;
	size_t placement_count;
	struct br_copy_links
		*links; /* of each pair of subvolumes that something is copied between */
	size_t link_count;
	struct progress progress;
	time_t now;
};

/*
 * Find what --from means: an archive, parked subvolume or snapshot by its name or path, the snapshots of
 * a set by their time, or a blank.
 *
 * Returns 0 with restore->sources filled. BR_ERR_USAGE: nothing, or several; BR_ERR_IN_USE: it is being
 * deleted; those of br_subvol_open.
 */
BR_MUST_CHECK int restore_find_sources(struct restore *restore, struct br_error *err);

/*
 * The view that shows a path, and where below it that is (part of path). BR_ERR_USAGE when none
 * does.
 */
BR_MUST_CHECK int restore_find_view(const struct restore *restore, const char *path,
				    struct restore_view **view_ret, const char **inside_ret,
				    struct br_error *err);

/*
 * Explain that a source has no such path: name those that have it.
 *
 * Returns BR_ERR_OPEN, or BR_ERR_NOMEM.
 */
int restore_explain_absent(const struct restore *restore, const struct restore_item *item,
			   struct br_error *err);

/*
 * Find all paths in the sources and where they go. Nothing is changed.
 *
 * Returns 0 with restore->items and ->placements filled; whatever is wrong with any of them otherwise.
 */
BR_MUST_CHECK int restore_find_items(struct restore *restore, struct br_error *err);

/*
 * Carry it out: clear what interrupted runs left, copy all, flush, put all in place, flush.
 *
 * On failure: which placements is_done tells; before the first copy failed or all are flushed, none is.
 */
BR_MUST_CHECK int restore_put(struct restore *restore, struct br_error *err);

/* Tell what was done, or would be. Output that is lost is found when it is closed. */
void restore_tell(const struct restore *restore);

/* Note each path in the audit trail, with how that ended: r and err are those of restore_put. Nothing for a dry run. */
void restore_audit(const struct restore *restore, int r, const struct br_error *err);

/* Tell that what an interrupted run had replaced was found, and has this name now. */
void restore_tell_found(const struct restore *restore, const char *dir, const char *name);

/* Release. Safe on a zeroed structure. */
void restore_free(struct restore *restore);

#endif
