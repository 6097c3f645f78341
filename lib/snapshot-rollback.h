/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rolling a persistent subvolume back to a snapshot of it, in the running system. A crash at any moment
 * leaves one complete subvolume under its name, the former or the new one, and nothing is ever deleted
 * that was in use under that name.
 *
 * A writable snapshot of the snapshot is made in BR_STATE_DIR and exchanged with the subvolume, which
 * becomes a snapshot itself: in BR_SNAPSHOTS_DIR, marked with what took its place, read-only as soon as
 * nobody uses it any more.
 */
#ifndef BR_SNAPSHOT_ROLLBACK_H
#define BR_SNAPSHOT_ROLLBACK_H

#include "error.h"
#include "subvol.h"

#include <stdbool.h>
#include <time.h>

struct br_rollback {
	int top;                 /* the top level; borrowed */
	char *subvolume;         /* its path from the top level */
	char *staging;           /* entry of BR_STATE_DIR */
	char *escaped;           /* br_name_escape of the subvolume */
	int snapshot;            /* root of what it is rolled back to */
	int current;             /* root of what is under its name; -1: nothing, it was deleted */
	struct br_subvol subvol; /* the properties of that */
};

/*
 * Look at what a rollback would do, and check that it can be done. Nothing is changed.
 *
 * top       the top level, open; as long as *ret is used
 * snapshot  name of an entry of BR_SNAPSHOTS_DIR
 *
 * Returns 0 with *ret for br_rollback_close, untouched otherwise. BR_ERR_USAGE: no name of a snapshot;
 * BR_ERR_OPEN: it is not there, or the directory that the subvolume was in is not; BR_ERR_LAYOUT: the
 * subvolume is no subvolume, or is read-only, the default one, or has others nested in it, which no
 * snapshot has; BR_ERR_SYMLINK, BR_ERR_SUBVOLUME, BR_ERR_DEFAULT, BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_rollback_open(int top, const char *snapshot, struct br_rollback *ret,
				   struct br_error *err);

/*
 * Roll back; on return that is on the disk.
 *
 * rollback  with a top level that is writable and locked: br_toplevel_lock
 * in_use    somebody goes on with the former state: it stays writable until br_rollback_finish finds it
 *           unmounted
 * now       for its name
 *
 * Returns 0 with the name of the former state in *kept_ret, an entry of BR_SNAPSHOTS_DIR, owned by the
 * caller; NULL: there was none. On failure everything is as it was, but for a failure to make the former
 * state read-only, or to flush (BR_ERR_SUBVOLUME, BR_ERR_SYNC): then *kept_ret is set too, and
 * br_rollback_finish goes on. BR_ERR_SNAPSHOT, BR_ERR_XATTR, BR_ERR_CREATE, BR_ERR_EXCHANGE, BR_ERR_RENAME,
 * BR_ERR_NOMEM, and those of br_private_dir_open. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_rollback_run(const struct br_rollback *rollback, bool in_use, time_t now,
				  char **kept_ret, struct br_error *err);

/*
 * Finish, or take back, what was interrupted, and make read-only what was in use then and is not mounted
 * now. Nothing to do is fine, also without a state directory. Parameters and errors as above.
 */
BR_MUST_CHECK int br_rollback_finish(int top, time_t now, struct br_error *err);

/* Release. NULL-safe. */
void br_rollback_close(struct br_rollback *rollback);

#endif
