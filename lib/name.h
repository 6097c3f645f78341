/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that blankroot gives to things on disk: staging, archives, records. */
#ifndef BR_NAME_H
#define BR_NAME_H

#include "error.h"

#include <stdbool.h>
#include <time.h>

#define BR_STATE_DIR ".blankroot" /* ours alone, mode 0700, in the top level */
#define BR_PARKED_DIR \
	".blankroot/parked" /* old subvolumes of "archive = none", for the helper to delete */

#define BR_NAME_MAX 180

/*
 * A subvolume's path as one directory entry: '/' becomes "%2F" and '%' becomes "%25". What is left
 * is at most BR_NAME_MAX bytes, so that every prefix, time and counter still fits into NAME_MAX
 * and into the name of an extended attribute.
 *
 * Returns 0 with *name_ret owned by the caller. BR_ERR_USAGE when it is too long, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_name_escape(const char *subvolume, char **name_ret, struct br_error *err);

/*
 * br_name_escape undone. False, *subvolume_ret untouched, when it would have made another name, or
 * there is no memory; else *subvolume_ret is owned by the caller.
 */
bool br_name_unescape(const char *escaped, char **subvolume_ret);

/*
 * "staging-<escaped>", the entry of BR_STATE_DIR where a new subvolume is prepared. Owned by the
 * caller; NULL: no memory.
 */
char *br_name_staging(const char *escaped);

/*
 * "<escaped>.<UTC time>", "-2", "-3" ... appended when n > 1: the entry of an archive in its
 * directory. The time is ISO 8601 basic: 20261123T190501Z. Owned by the caller; NULL: no memory,
 * or a time beyond year 9999, which gets the year 9999.
 */
char *br_name_archive(const char *escaped, time_t now, unsigned n);

/* Is this entry of an archive directory one that br_name_archive made for this subvolume? */
bool br_name_is_archive_of(const char *entry, const char *escaped);

/* The subvolume that such a name is of. Results as of br_name_unescape; false when it is no such name. */
bool br_name_archive_subvolume(const char *entry, char **subvolume_ret);

/*
 * The time in such a name. False, *time_ret untouched, when it is not one of this subvolume, or has
 * no such time.
 */
bool br_name_archive_time(const char *entry, const char *escaped, time_t *time_ret);

/* dir "/" name, or name when dir is "". Owned by the caller; NULL: no memory. */
char *br_name_join(const char *dir, const char *name);

#endif
