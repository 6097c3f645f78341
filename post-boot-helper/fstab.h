/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subvolumes that fstab(5) mounts by their ids. */
#ifndef BLANKROOT_FSTAB_H
#define BLANKROOT_FSTAB_H

#include "error.h"

#include <stdint.h>
#include <stdio.h>

#define FSTAB_PATH "/etc/fstab"

/*
 * Find an entry that mounts a subvolume by its id.
 *
 * filesystem  UUID of its file system, as text
 *
 * An entry whose device is not there is of another file system. Returns 0 with its mount point in
 * *where_ret, owned by the caller; NULL: there is no such entry, or no such file. BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int fstab_find_subvolid(const char *filesystem, uint64_t id, char **where_ret,
				      struct br_error *err);

/* Told of an entry: its mount point, the id, and how that is written. Other than 0 ends the visit and is returned. */
typedef int (*fstab_visitor)(void *data, const char *where, uint64_t id, const char *written);

/*
 * Visit the entries that mount a subvolume of a file system by its id; filesystem as above.
 *
 * table  open for reading
 *
 * Returns 0, or what visit returned.
 */
BR_MUST_CHECK int fstab_visit_subvolids(FILE *table, const char *filesystem, fstab_visitor visit,
					void *data);

#endif
