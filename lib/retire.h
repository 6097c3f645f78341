/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was in use gets its place among the archives or the snapshots. */
#ifndef BR_RETIRE_H
#define BR_RETIRE_H

#include "error.h"

#include <time.h>

/*
 * Move a subvolume under the first name of br_name_archive that is free.
 *
 * src_dir, src  where it is: a directory, and its plain name there; writable, unless the directories are the same
 * dst_dir       where it goes
 * escaped       br_name_escape of what it is of
 * now           for its name
 *
 * Returns 0 with the name in *name_ret, owned by the caller; on failure it is where it was. Not flushed.
 * BR_ERR_RENAME, BR_ERR_NOMEM. Privilege: root. Linux 3.15 (renameat2).
 */
BR_MUST_CHECK int br_retire_rename(int src_dir, const char *src, int dst_dir, const char *escaped,
				   time_t now, char **name_ret, struct br_error *err);

#endif
