/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proc file system, mounted or not. */
#ifndef BR_PROC_H
#define BR_PROC_H

#include "error.h"

/*
 * Open the root of a proc file system: /proc, or, where that is not mounted (an empty chroot), a
 * detached mount of our own (fsopen, Linux 5.2) that goes away with the descriptor.
 *
 * Returns 0 with *fd_ret, which the caller closes; BR_ERR_OPEN. Privilege: none with /proc
 * mounted, else CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_proc_open(int *fd_ret, struct br_error *err);

#endif
