/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Was anything in a tree changed since a certain moment? */
#ifndef BR_UNCHANGED_H
#define BR_UNCHANGED_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

/* By the file system and by the clock: an inode is written again also when only a time of access changes. */
struct br_moment {
	uint64_t transid; /* what is of a later transaction was written after it */
	uint64_t nsec; /* since the epoch, by the clock that gives the kernel its times of change */
};

/*
 * Take the moment: a transaction is committed. fd: anything on the file system. BR_ERR_SYNC.
 */
BR_MUST_CHECK int br_moment_take(int fd, struct br_moment *ret, struct br_error *err);

/*
 * Look whether a directory, or anything below it in its subvolume, was changed since. Data that was written is
 * flushed first. A clock that was set back meanwhile can hide a change.
 *
 * name      of the directory in parent
 * renamed   it was renamed since, which counts as no change
 * path_ret  of what was changed, from parent, owned by the caller; NULL in it: nothing was
 *
 * BR_ERR_OPEN, BR_ERR_STAT, BR_ERR_READ, BR_ERR_SYNC, BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_unchanged_since(int parent, const char *name, const struct br_moment *moment,
				     bool renamed, char **path_ret, struct br_error *err);

#endif
