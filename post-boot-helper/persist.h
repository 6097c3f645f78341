/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot persist: what is declared to survive, and a file of declarations of its own. */
#ifndef BLANKROOT_PERSIST_H
#define BLANKROOT_PERSIST_H

#include "config.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

#define PERSIST_COMMAND "blankroot persist"
#define PERSIST_FILE "50-persist.conf" /* in the directory of the configuration */

struct persist_options {
	const char *config;
	const char *subvolume; /* --subvolume: paths are as seen from its root; NULL: not given */
	bool by_snapshot;      /* --method=subvolume */
	bool dry_run, json, noheadings;
	uint64_t wait; /* --wait: seconds until another run must have let the lock go */
	char **paths;
	size_t count;
};

/* Each returns an exit status; what went wrong has been told. */
int persist_add(const struct persist_options *options);
int persist_remove(const struct persist_options *options);
int persist_list(const struct persist_options *options);

/* --- persist-file.c: the file --- */

/* The file, locked against other runs, and what it has. */
struct persist_file {
	char *path;
	int dir;    /* that of the file */
	char *text; /* NULL: there is none */
};

/*
 * Open it, and wait for its lock as lock-wait.h says. Unless nothing is to be written, its directory is made when it
 * does not exist, and what interrupted runs left there is removed.
 *
 * Returns 0 with *ret owned by the caller (persist_file_close). BR_ERR_OPEN, BR_ERR_CREATE,
 * BR_ERR_READ, BR_ERR_REMOVE, BR_ERR_LOCKED, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int persist_file_open(const struct persist_options *options, struct persist_file *ret,
				    struct br_error *err);

/*
 * The text with a declaration more. Owned by the caller; NULL: no memory.
 *
 * path  from the root of the subvolume, without leading slash
 */
char *persist_file_added(const char *text, const char *subvolume, const char *path,
			 bool by_snapshot);

/*
 * The text without the declaration in that line; NULL in *ret when nothing is left.
 *
 * BR_ERR_USAGE: the line is not one that persist_file_added writes. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int persist_file_removed(const char *text, unsigned line, char **ret,
				       struct br_error *err);

/*
 * Put a text in its place, atomically; NULL: remove the file. On the disk when it returns.
 *
 * Errors of br_file_replace, BR_ERR_REMOVE, BR_ERR_SYNC.
 */
BR_MUST_CHECK int persist_file_put(const struct persist_file *file, const char *text,
				   struct br_error *err);

/* Release. NULL-safe. */
void persist_file_close(struct persist_file *file);

/* --- persist-place.c: where a path is --- */

struct persist_place {
	const struct br_ephemeral *ephemeral;
	const char *path; /* from its root, without leading slash; within what was asked for */
};

/*
 * The ephemeral subvolume that a path of the running system is on, by the mount points that the
 * configuration has; one without is taken for that at "/". With --subvolume it is that one.
 *
 * BR_ERR_USAGE: there is none, or the path is not absolute and normal.
 */
BR_MUST_CHECK int persist_place_find(const struct br_config *config,
				     const struct persist_options *options, const char *path,
				     struct persist_place *ret, struct br_error *err);

/* Where the running system has the subvolume. Never NULL. */
const char *persist_mountpoint(const struct br_ephemeral *ephemeral);

/* The declaration that a path is persistent by; NULL: none. */
const struct br_persist *persist_find_cover(const struct persist_place *place);

/*
 * Look at what is at a place now.
 *
 * Returns 0 and whether there is something. BR_ERR_SYMLINK: a reset would fail there. BR_ERR_LAYOUT:
 * it is on another mount, so a reset does not touch it. BR_ERR_OPEN.
 */
BR_MUST_CHECK int persist_place_look(const struct persist_place *place, bool *exists_ret,
				     struct br_error *err);

#endif
