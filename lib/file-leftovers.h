/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What br_file_replace leaves when it is killed or the power is cut. */
#ifndef BR_FILE_LEFTOVERS_H
#define BR_FILE_LEFTOVERS_H

#include "error.h"

/*
 * Remove the siblings that unfinished replacements have left in a directory. The caller holds the lock under which files
 * are replaced there: those of a running one would go too.
 *
 * dirfd  the directory; O_PATH is enough
 *
 * Not flushed: what a power cut brings back is removed by the next call. BR_ERR_READ, BR_ERR_REMOVE.
 */
BR_MUST_CHECK int br_file_clear_leftovers(int dirfd, struct br_error *err);

#endif
