/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole small files: read one, replace one atomically. */
#ifndef BR_FILE_H
#define BR_FILE_H

#include "error.h"

#include <stddef.h>
#include <sys/types.h>

/*
 * Read a regular file completely, in /proc too (where sizes are 0).
 *
 * dirfd, path  as for openat(2); the last component is not followed when it is a symbolic link
 * max          bytes at most; a longer file is BR_ERR_READ with EFBIG
 *
 * Returns 0 with the content in *text_ret, NUL-terminated and owned by the caller, its length
 * without that NUL in *size_ret (NULL: not wanted). BR_ERR_OPEN (ELOOP: a symbolic link),
 * BR_ERR_READ, BR_ERR_TYPE (no regular file; devices are not even opened), BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_file_read(int dirfd, const char *path, size_t max, char **text_ret,
			       size_t *size_ret, struct br_error *err);

#define BR_FILE_SIBLING_PREFIX ".blankroot-" /* and two numbers: see file-leftovers.h */

/*
 * Replace a file atomically: write a sibling, flush it, rename it over the name, flush the
 * directory. On failure the old content is untouched and no sibling is left; only when flushing
 * the directory fails (BR_ERR_SYNC) the new content may be in place, and a power cut may bring the
 * old one back.
 *
 * mode  of the new file, umask not applied
 *
 * BR_ERR_OPEN (its directory), BR_ERR_CREATE, BR_ERR_WRITE, BR_ERR_RENAME, BR_ERR_SYNC,
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_file_replace(int dirfd, const char *path, const char *text, size_t size,
				  mode_t mode, struct br_error *err);

#endif
