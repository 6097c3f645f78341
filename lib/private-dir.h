/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories of blankroot's own in the top level: accessible to root only. */
#ifndef BR_PRIVATE_DIR_H
#define BR_PRIVATE_DIR_H

#include "error.h"

/*
 * Open such a directory; make it if it does not exist, and close it to others if it is not: what is
 * in it holds old setuid programs and old secrets.
 *
 * top   the top level, open and writable
 * name  its plain name: BR_STATE_DIR, BR_SNAPSHOTS_DIR
 *
 * Returns 0 with a directory descriptor in *fd_ret, which the caller closes. Not flushed.
 * BR_ERR_LAYOUT when what is there is a link, a file or a subvolume; BR_ERR_CREATE, BR_ERR_OPEN,
 * BR_ERR_ATTRIBUTES. Privilege: root.
 */
BR_MUST_CHECK int br_private_dir_open(int top, const char *name, int *fd_ret, struct br_error *err);

#endif
