/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running a program one system call at a time: stop it before each, or before each of those that
 * change a file system, look at the disk, go on, kill it or let the call fail. Threads are stopped
 * likewise, and their calls counted together. Everything fails the current test when it fails.
 */
#ifndef TEST_STEPPER_H
#define TEST_STEPPER_H

#include "run.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A program that is stopped before a call. */
struct stepper_call {
	unsigned number;  /* from 1 */
	const char *name; /* "renameat2", "BTRFS_IOC_SNAP_CREATE_V2" */
	pid_t pid;        /* of the thread */
	uint64_t nr;      /* SYS_renameat2 */
	const uint64_t *args;
};

/* What becomes of a call. */
struct stepper_order {
	enum {
		STEPPER_GO_ON,
		STEPPER_KILL,       /* it is not carried out, the program killed */
		STEPPER_KILL_AFTER, /* it is carried out, the program killed before it knows */
		STEPPER_FAIL,       /* it is not carried out, and fails */
		STEPPER_FAIL_AFTER, /* it is carried out, and fails all the same, as close does */
	} action;
	int error; /* errno of a failure */
};

struct stepper {
	const char *const *argv; /* ended by NULL */
	/* NULL: only count. Returns false to kill the program before the call is carried out. */
	bool (*before_call)(void *data, const struct stepper_call *call);
	/* Returns true for a call that is to succeed without being carried out. NULL: none. */
	bool (*is_suppressed)(void *data, const struct stepper_call *call);
	/* Decides about a call; is asked after the others. NULL: all go on. */
	struct stepper_order (*order)(void *data, const struct stepper_call *call);
	bool every_call; /* not only those that change a file system; the first is execve */
	void *data;
};

/*
 * Run the program.
 *
 * result     code (137: killed) and what it wrote; the caller releases it with run_free
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
