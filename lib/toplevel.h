/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The top level of the file system (subvolume id 5), mounted for us alone.
 */
#ifndef BR_TOPLEVEL_H
#define BR_TOPLEVEL_H

#include "error.h"

#include <stdint.h>

#define BR_TOPLEVEL_READ_ONLY 1
#define BR_TOPLEVEL_DEGRADED 2

/*
 * Mount the top level, by id, as a detached mount: it is attached to no directory and no mount
 * namespace but an anonymous one of its own, so nothing else can see it, nothing propagates, no
 * mount point is needed, and it ends with the last descriptor even when the program is killed.
 *
 * device  a member of the file system
 * flags   BR_TOPLEVEL_READ_ONLY: nothing is written, the log of a crashed system is not replayed;
 *         an already writable mount of the file system elsewhere stays writable.
 *         BR_TOPLEVEL_DEGRADED: members may be missing, as far as the profiles allow it
 *
 * Options: noatime (reading must not change the old root), skip_balance (a balance that was
 * interrupted goes on when the system mounts its root, not for the second that we need).
 *
 * Returns 0 with *fd_ret, a directory descriptor that the caller closes. BR_ERR_MOUNT with the
 * kernel's own explanation. Privilege: CAP_SYS_ADMIN. Kernel: 5.2.
 */
BR_MUST_CHECK int br_toplevel_mount(const char *device, unsigned flags, int *fd_ret,
				    struct br_error *err);

/*
 * Mount a subvolume in the same way, to be attached somewhere: move_mount(2).
 *
 * id     of the subvolume
 * flags  BR_TOPLEVEL_DEGRADED
 *
 * Returns 0 with *fd_ret, an O_PATH descriptor that the caller closes. BR_ERR_MOUNT. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_toplevel_mount_subvol(const char *device, uint64_t id, unsigned flags,
					   int *fd_ret, struct br_error *err);

/*
 * Take the file system's lock: one run of blankroot or blankroot-initrd at a time. flock(2) on the
 * root directory of the top level, so it needs no file and works on a read-only mount; released
 * with fd.
 *
 * BR_ERR_LOCKED when somebody else has it.
 */
BR_MUST_CHECK int br_toplevel_lock(int fd, struct br_error *err);

#endif
