/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A subvolume that does not change while it is read: itself when it is read-only, else a read-only
 * snapshot of it below .blankroot, for as long as it is needed.
 */
#ifndef BR_FROZEN_H
#define BR_FROZEN_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define BR_FROZEN_PREFIX "frozen-" /* entries of BR_STATE_DIR */

struct br_frozen {
	int fd;        /* its root, open for reading */
	int state;     /* BR_STATE_DIR; -1: it is no snapshot */
	uint64_t id;   /* of the snapshot */
	char name[40]; /* of the snapshot */
};

#define BR_FROZEN_NONE                \
	{                             \
		.fd = -1, .state = -1 \
	}

/*
 * Freeze a subvolume. Data that was written to its files is flushed, a transaction committed.
 *
 * top     the top level, open for reading, writable; BR_STATE_DIR is made if it is missing
 * subvol  its open root
 *
 * Of a program that is killed nothing is left but the snapshot. Each holds a lock (flock) on its
 * snapshot; those without an owner are deleted by the next call, or by br_frozen_clear, unless
 * they are mounted.
 *
 * Returns 0 with *ret, for br_frozen_free. BR_ERR_LAYOUT, BR_ERR_SUBVOLUME, BR_ERR_SNAPSHOT,
 * BR_ERR_CREATE, BR_ERR_OPEN, BR_ERR_LOCKED, BR_ERR_DELETE. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_frozen_make(int top, int subvol, struct br_frozen *ret, struct br_error *err);

/*
 * Make an empty subvolume to work in, with a name and a lock like those of a snapshot: of a program that is killed it
 * is cleared away in the same way, with all subvolumes that were made in it.
 *
 * Parameters and errors as of br_frozen_make. ret->fd is its root; nothing is committed.
 */
BR_MUST_CHECK int br_frozen_make_area(int top, struct br_frozen *ret, struct br_error *err);

/*
 * Delete the snapshot, if it is one, and close. One that cannot be deleted is left to the next
 * br_frozen_make or br_frozen_clear. BR_FROZEN_NONE is fine.
 */
void br_frozen_free(struct br_frozen *frozen);

/* Told of each that has no owner: its name, an entry of BR_STATE_DIR. */
typedef void (*br_frozen_teller)(void *data, const char *name);

/*
 * Delete the snapshots that have no owner: of programs that were killed, or could not delete theirs. Those that
 * somebody reads stay.
 *
 * top      the top level, open for reading; writable unless dry_run
 * dry_run  only tell
 * tell     called after each deletion; NULL: nobody is told
 *
 * The file system has the space again a while later. On failure some may be deleted. Nothing to do is fine, also
 * without BR_STATE_DIR. BR_ERR_OPEN, BR_ERR_LOCKED, BR_ERR_READ, BR_ERR_SUBVOLUME, BR_ERR_DELETE. Privilege:
 * CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_frozen_clear(int top, bool dry_run, br_frozen_teller tell, void *data,
				  struct br_error *err);

#endif
