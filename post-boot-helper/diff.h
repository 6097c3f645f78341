/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot diff: what was found, and the ways to print it. */
#ifndef BLANKROOT_DIFF_H
#define BLANKROOT_DIFF_H

#include "changes.h"
#include "config.h"
#include "error.h"
#include "filesystem.h"

#include <stdio.h>

struct diff_options {
	const char *from, *of; /* as given; NULL: the blank, the subvolume itself */
	const char *
		subvolume; /* the ephemeral subvolume that is meant; NULL: all, or by of and from */
	const char *only;  /* absolute path; NULL: everything */
};

/* What was found about one ephemeral subvolume. */
struct diff {
	const struct br_ephemeral *ephemeral;
	char *from, *of; /* paths from the top level */
	struct br_changes changes;
};

struct diffs {
	struct diff *items;
	size_t count;
};

/* What changes come to. */
struct diff_total {
	size_t created, deleted, content, attributes, renamed;
	uint64_t created_bytes, content_bytes; /* of what is there now; of several names one */
};

/*
 * Find out what differs.
 *
 * Returns 0 with *ret, for diffs_free. BR_ERR_USAGE when there is no such subvolume or archive, or nothing compared has the
 * path;
 * errors of br_changes_find.
 */
BR_MUST_CHECK int diffs_find(const struct filesystem *filesystem,
			     const struct diff_options *options, struct diffs *ret,
			     struct br_error *err);

/* Release. A zeroed structure is fine. */
void diffs_free(struct diffs *diffs);

/* Add one change to a total. */
void diff_total_add(struct diff_total *total, const struct br_change *change);

/* Add all of them. */
void diff_total_add_all(struct diff_total *total, const struct diffs *diffs);

/* Write a total in words: "2 created (33 B), 1 deleted"; "nothing" when it is empty. */
void diff_total_put(FILE *out, const struct diff_total *total);

/*
 * Write a path as the running system has it, escaped: the mount point in front; the subvolume's
 * name and a colon where none is configured.
 */
void diff_put_path(FILE *out, const struct diff *diff, const char *path);

/* What an object is: "file", "directory", "link" ... */
const char *diff_type_name(mode_t mode);

/* Print one change a line. */
void diff_print_flat(FILE *out, const struct diffs *diffs);

/* Print the directories in which something changed, as a tree, with totals. */
void diff_print_summary(FILE *out, const struct diffs *diffs);

/* Print everything as JSON. */
void diff_print_json(FILE *out, const struct diffs *diffs);

/* Print the lines of a configuration that would keep what is lost now. */
void diff_print_suggestion(FILE *out, const struct diffs *diffs);

#endif
