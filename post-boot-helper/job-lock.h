/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of the long jobs of a file system (scrub, balance, trim, defrag, prune) one runs at a time. */
#ifndef BLANKROOT_JOB_LOCK_H
#define BLANKROOT_JOB_LOCK_H

#include "error.h"

#include <stdint.h>
#include <sys/types.h>

/*
 * Take the lock of the jobs: an exclusive flock on .blankroot/maintenance.lock, which is made if there is none. It is
 * another one than that of the file system (lib/toplevel.h), which no job may hold for hours: snapshots have to go on.
 * Whoever wants both takes this one first.
 *
 * top      the top level, open and writable
 * seconds  to wait at most; 0: not at all
 *
 * Returns 0 with *fd_ret, which holds the lock until it is closed. BR_ERR_LOCKED: another job has it, and is named;
 * BR_ERR_OPEN; those of br_private_dir_open. Privilege: root.
 */
BR_MUST_CHECK int job_lock_take(int top, uint64_t seconds, int *fd_ret, struct br_error *err);

/* The process that holds it; 0: none does, or it is not known. It is not waited for, and nothing is made. */
pid_t job_lock_holder(int top);

#endif
