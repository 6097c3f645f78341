/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making room for a reset when space has run out: the only deletion of archives in the initramfs.
 */
#ifndef BR_ROOM_H
#define BR_ROOM_H

#include "config.h"
#include "error.h"

#include <stdbool.h>

/*
 * Delete the one archive, of all ephemeral subvolumes, that is the oldest by subvolume id and may
 * go: beyond keep_min of its own subvolume; not pinned; not the newest one whose boot was good;
 * not the default subvolume; not mounted; not the one that this boot starts from. Commits, and
 * waits until the cleaner has freed the space.
 *
 * top    the top level, writable
 * from   name of the archive that this boot starts from; NULL: none
 * path_ret  path of the deleted archive from the top level, owned by the caller; NULL when none
 * may go
 *
 * Only subvolumes with a name made by br_name_archive, directly below the archive directory,
 * read-only, are candidates. BR_ERR_DELETE and those of reading the directory.
 */
BR_MUST_CHECK int br_room_make(int top, const struct br_config *config, const char *from,
			       char **path_ret, struct br_error *err);

#endif
