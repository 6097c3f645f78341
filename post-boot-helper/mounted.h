/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where subvolumes are seen in the running system. */
#ifndef BLANKROOT_MOUNTED_H
#define BLANKROOT_MOUNTED_H

#include "error.h"
#include "mountinfo.h"

#include <stdbool.h>

/*
 * Does this mount show that subvolume as a whole?
 *
 * subvolume   its path from the top level
 * filesystem  UUID of the file system; NULL: any
 */
bool mounted_shows(const struct br_mount *mount, const char *subvolume, const char *filesystem);

/*
 * Open the directory where a subvolume is seen, and verify that it is this subvolume: links on the way
 * there and other mounts on top do no harm.
 *
 * top  anything on its file system
 *
 * Returns 0 with a descriptor for reading in *fd_ret, which the caller closes. BR_ERR_OPEN;
 * BR_ERR_LAYOUT when it is something else. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int mounted_open(const char *where, const char *subvolume, int top, int *fd_ret,
			       struct br_error *err);

#endif
