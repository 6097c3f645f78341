/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: looking at what may not be there. */
#ifndef BLANKROOT_INIT_LOOK_H
#define BLANKROOT_INIT_LOOK_H

#include "init.h"

/* Was something not found: absent, or another kind of thing? Else it could not be looked at. */
bool init_is_missing(const struct br_error *err);

/* Is there something, a link too? Path from dir. True as well when that cannot be told: it is in the way then. */
bool init_exists(int dir, const char *path);

/* Is there nothing in a directory, or no directory? Path from dir, through no link. BR_ERR_OPEN, BR_ERR_READ. */
BR_MUST_CHECK int init_look_empty(int dir, const char *path, bool *ret, struct br_error *err);

/*
 * Is there a file, or a directory with something in it? Through no link, for a reset follows none.
 *
 * path        absolute
 * is_awaited  an empty directory counts, too
 *
 * BR_ERR_OPEN, BR_ERR_STAT, BR_ERR_READ.
 */
BR_MUST_CHECK int init_look_there(int root, const char *path, bool is_awaited, bool *ret,
				  struct br_error *err);

/*
 * Open a directory of a system, through its links. Returns 0 with a descriptor that the caller closes, -1 when there is none.
 * BR_ERR_OPEN.
 */
BR_MUST_CHECK int init_open_directory(const struct system_root *root, const char *path, int *fd_ret,
				      struct br_error *err);

/* Read a file of a system, through its links; NULL when there is none. Errors of system_root_read. */
BR_MUST_CHECK int init_read_text(const struct system_root *root, const char *path, char **ret,
				 struct br_error *err);

#endif
