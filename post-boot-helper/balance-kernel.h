/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's balance of a file system: there is one at a time, and it outlives whoever began it. */
#ifndef BLANKROOT_BALANCE_KERNEL_H
#define BLANKROOT_BALANCE_KERNEL_H

#include "block-groups.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

enum balance_state { BALANCE_NONE, BALANCE_RUNNING, BALANCE_PAUSED };

struct balance_kernel {
	enum balance_state state;
	bool is_ours;    /* of one block group, as blankroot balance asks for them */
	bool is_convert; /* it changes the profile of what it moves */
	uint64_t considered, completed, expected; /* block groups */
};

/* Ask for it. BR_ERR_JOB. Privilege: CAP_SYS_ADMIN. */
BR_MUST_CHECK int balance_kernel_ask(int top, struct balance_kernel *ret, struct br_error *err);

/*
 * Move one block group, and wait. Nothing is converted: what it holds goes to where the kernel puts new data.
 *
 * usage_max  percent: if it is used more by now it stays
 *
 * Returns 0 or an errno. ENOSPC: there was no space to move it. ECANCELED: paused, or cancelled. EINPROGRESS: another
 * balance, or adding or removing a device, is going on. Privilege: CAP_SYS_ADMIN, a writable mount.
 */
int balance_kernel_move(int top, const struct br_block_group *group, unsigned usage_max);

/* Go on with a paused one, and wait. As above; ENOTCONN: there is none. */
int balance_kernel_resume(int top);

/*
 * End the one that is running or paused, or pause the one that is running, and wait until it has stopped.
 *
 * Returns 0 or an errno. ENOTCONN: there is none.
 */
int balance_kernel_cancel(int top);
int balance_kernel_pause(int top);

/*
 * What the kernel does that excludes a balance, from sysfs: "device add".
 *
 * Returns false when it does nothing, or cannot tell.
 */
bool balance_kernel_other(const char *fsid, char *what, size_t size);

/* The limit of a block group in sysfs, bytes; kind: "data", "metadata". 0: the kernel does not tell (before 5.19). */
uint64_t balance_kernel_group_max(const char *fsid, const char *kind);

#endif
