/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds a lock (flock). */
#ifndef BLANKROOT_LOCK_HOLDER_H
#define BLANKROOT_LOCK_HOLDER_H

#include <sys/types.h>

/*
 * Find the process that holds the flock on a file or directory.
 *
 * fd  open on it, also O_PATH
 *
 * Returns what it is for people, "blankroot prune (process 1234)", raw bytes, owned by the caller. NULL: not
 * known, for it has ended, may not be looked at, or let go meanwhile.
 */
char *lock_holder_find(int fd);

/* The same as its number; 0: not known. */
pid_t lock_holder_process(int fd);

#endif
