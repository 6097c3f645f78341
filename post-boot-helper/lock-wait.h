/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a lock that another run of blankroot has: for so long, and saying so. */
#ifndef BLANKROOT_LOCK_WAIT_H
#define BLANKROOT_LOCK_WAIT_H

#include "deadline.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define LOCK_WAIT_DEFAULT 10 /* seconds: of somebody who has typed a command */

struct lock_wait {
	uint64_t seconds;
	struct br_deadline deadline;
	bool was_told;
};

/*
 * Read the argument of --wait.
 *
 * command  for the message about what is no number of seconds: "blankroot prune"
 *
 * Returns false, with the message on standard error and *ret untouched.
 */
bool lock_wait_parse(const char *command, const char *text, uint64_t *ret);

/* Begin to wait, for so many seconds at most; 0: not at all. */
struct lock_wait lock_wait_begin(uint64_t seconds);

/*
 * Somebody else has the lock: wait a moment, and if standard error is a terminal, say for whom, once. The lock is
 * asked for again and again, not waited for in the kernel: that has no limit of time, and a signal to end the wait could come
 * right before it.
 *
 * fd  what is locked; -1: that cannot be told
 *
 * Returns false when the time is up.
 */
bool lock_wait_more(struct lock_wait *wait, int fd);

/* The error when the time is up: who has it, and what to do. Returns BR_ERR_LOCKED. */
int lock_wait_fail(const struct lock_wait *wait, int fd, const char *path, struct br_error *err);

/*
 * Take an exclusive flock.
 *
 * path  what is locked, for the message
 *
 * BR_ERR_LOCKED.
 */
BR_MUST_CHECK int lock_wait_flock(int fd, uint64_t seconds, const char *path, struct br_error *err);

#endif
