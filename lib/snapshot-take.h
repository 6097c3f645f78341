/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read-only snapshots of persistent subvolumes, in BR_SNAPSHOTS_DIR. A snapshot is there, with its
 * name, read-only and with the marks it should have, or it is not there: a power cut at any moment
 * leaves nothing between.
 */
#ifndef BR_SNAPSHOT_TAKE_H
#define BR_SNAPSHOT_TAKE_H

#include "error.h"
#include "retained.h"
#include "subvol.h"

#include <stdbool.h>
#include <time.h>

/* What a snapshot is taken of. */
struct br_snapshot_source {
	const char *subvolume; /* its path from the top level; borrowed */
	int fd;                /* its open root */
	struct br_subvol subvol;
	char *name; /* of its snapshot, an entry of BR_SNAPSHOTS_DIR; owned */
};

/*
 * Open a subvolume to take a snapshot of.
 *
 * subvolume  its path from the top level; as long as *ret is used
 *
 * Returns 0 with *ret owned by the caller (br_snapshot_source_close); its name is NULL. Errors of
 * br_subvol_open.
 */
BR_MUST_CHECK int br_snapshot_source_open(int top, const char *subvolume,
					  struct br_snapshot_source *ret, struct br_error *err);

/* Release. NULL-safe. */
void br_snapshot_source_close(struct br_snapshot_source *source);

/*
 * Give the snapshots of a set their names: one time and, if one of the names is taken, one number.
 *
 * dirfd  BR_SNAPSHOTS_DIR; -1: it does not exist yet
 *
 * BR_ERR_USAGE when a path is too long, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_snapshot_set_names(int dirfd, struct br_snapshot_source *sources, size_t count,
					time_t now, struct br_error *err);

/*
 * Is the subvolume as it was when its newest snapshot was taken? What is in subvolumes nested in it
 * does not count: it is not in the snapshot either. An updated access time does.
 *
 * Flushes what was written to the subvolume, or it would be looked for too early.
 *
 * snapshots  of this subvolume
 *
 * Returns 0 with in *newest_ret the snapshot, borrowed, or NULL: it changed, or there is none to
 * compare with. BR_ERR_SYNC, BR_ERR_SUBVOLUME.
 */
BR_MUST_CHECK int br_snapshot_find_unchanged(struct br_snapshot_source *source,
					     const struct br_retained *snapshots,
					     const struct br_retention_item **newest_ret,
					     struct br_error *err);

/*
 * Take a snapshot under its name. The marks of the source are not in it.
 *
 * dirfd    BR_SNAPSHOTS_DIR
 * comment  at most BR_COMMENT_MAX bytes; NULL: none
 *
 * The kernel commits a transaction for it, two with a comment or when marks have to be taken off. Sets cannot share one: it
 * holds the lock of the directory until the commit is done; out of another directory a read-only subvolume cannot be
 * moved, and a writable one is made read-only under a lock of the whole file system, again until the commit is done.
 * After that its name may still have to reach the disk: br_subvol_commit. BR_ERR_SNAPSHOT,
 * BR_ERR_XATTR, BR_ERR_SUBVOLUME, BR_ERR_RENAME. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_snapshot_take(const struct br_snapshot_source *source, int dirfd,
				   const char *comment, struct br_error *err);

/*
 * Delete what interrupted calls of br_snapshot_take left. The file system is locked.
 *
 * top  the top level
 *
 * Nothing to do is fine. BR_ERR_READ, BR_ERR_DELETE.
 */
BR_MUST_CHECK int br_snapshot_clear_unfinished(int top, struct br_error *err);

#endif
