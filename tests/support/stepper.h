/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running a program one changing system call at a time: stop it before each of those that change a
 * file system, look at the disk, go on or kill it. Everything fails the current test when it fails.
 */
#ifndef TEST_STEPPER_H
#define TEST_STEPPER_H

#include "run.h"

#include <stdbool.h>
#include <sys/types.h>

/* A program that is stopped before a call. */
struct stepper_call {
	unsigned number;  /* from 1 */
	const char *name; /* "renameat2", "BTRFS_IOC_SNAP_CREATE_V2" */
	pid_t pid;
};

struct stepper {
	const char *const *argv; /* ended by NULL */
	/* NULL: only count. Returns false to kill the program before the call is carried out. */
	bool (*before_call)(void *data, const struct stepper_call *call);
	/* Returns true for a call that is to succeed without being carried out. NULL: none. */
	bool (*is_suppressed)(void *data, const struct stepper_call *call);
	void *data;
};

/*
 * Run the program.
 *
 * result     code (137: killed) and standard error; the caller releases it with run_free
 *
 * Returns how many calls there were.
 */
unsigned stepper_run(const struct stepper *stepper, struct run_result *result);

/*
 * Open a directory on btrfs that a stopped program has open, through its own descriptor: its mount
 * may be one that nobody else can reach.
 *
 * entry  the directory must have an entry of this name; NULL: any directory
 *
 * Returns a directory descriptor; -1: it has none open. As long as it is open, the file system
 * stays mounted.
 */
int stepper_open_btrfs(pid_t pid, const char *entry);

/*
 * Commit a transaction on the btrfs that a stopped program has open, as the kernel may at any
 * moment: metadata only. syncfs(2) would write file data too, and hide that a program forgot to.
 * False: it has none open.
 */
bool stepper_commit(pid_t pid);

#endif
