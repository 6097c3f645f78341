/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs of the administrator that run before and after a snapshot. */
#ifndef BLANKROOT_HOOK_H
#define BLANKROOT_HOOK_H

#include "config.h"
#include "error.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Signals that are held back while hooks run, so that the second is not left out. */
struct hook_signals {
	int fd; /* signalfd(2) */
	sigset_t before;
};

struct hook {
	const char *caller; /* "blankroot snapshot": for messages */
	const char *name;   /* "before", "after": for messages */
	const struct br_command *command;
	uint64_t timeout;       /* seconds */
	char *const *variables; /* "NAME=value", on top of the environment; ended by NULL */
	/* NULL: signals do not end it early */
	const struct hook_signals *signals;
};

/*
 * Hold back SIGINT, SIGTERM and SIGHUP. Returns 0 with *ret, for hook_release_signals; BR_ERR_OPEN.
 */
BR_MUST_CHECK int hook_hold_signals(struct hook_signals *ret, struct br_error *err);

/* Let them through again: one that came meanwhile acts now. */
void hook_release_signals(struct hook_signals *signals);

/*
 * Run a program in a process group of its own, with the standard outputs of ours and nothing to
 * read, and wait for it. When the time is up, or when a signal comes, the group gets SIGTERM and two
 * seconds later SIGKILL; what is left of it after the program has ended is left alone, and so is what
 * put itself into another group or session.
 *
 * Returns true when it ended with exit code 0. Else what happened was printed. Kernel: 5.3.
 */
BR_MUST_CHECK bool hook_run(const struct hook *hook);

#endif
