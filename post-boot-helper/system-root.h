/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a system, which may be another one than that which runs: as in a rescue system. */
#ifndef BLANKROOT_SYSTEM_ROOT_H
#define BLANKROOT_SYSTEM_ROOT_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

struct system_root {
	int fd;           /* -1: the root directory of this process */
	const char *path; /* for messages and commands: "/mnt", "" for that of this process */
};

/*
 * Open the root directory of a system. path: NULL or "/": that of this process; the text is kept, not copied.
 *
 * Returns 0 with *ret for system_root_close. BR_ERR_OPEN.
 */
BR_MUST_CHECK int system_root_open(const char *path, struct system_root *ret, struct br_error *err);

/* Release. */
void system_root_close(struct system_root *root);

/*
 * Open a file of it, by its absolute path there; symbolic links lead to where they lead there. O_CLOEXEC and O_NONBLOCK
 * are added. Returns a descriptor that the caller closes, or -1 with errno. Kernel: 5.6, for another root.
 */
BR_MUST_CHECK int system_root_file(const struct system_root *root, const char *path, int flags);

/*
 * Read a regular file of it completely. max: bytes at most.
 *
 * Returns 0 with the content, NUL-terminated and owned by the caller; size_ret may be NULL. BR_ERR_OPEN, BR_ERR_TYPE,
 * BR_ERR_READ (EFBIG: longer), BR_ERR_NOMEM.
 */
BR_MUST_CHECK int system_root_read(const struct system_root *root, const char *path, size_t max,
				   char **text_ret, size_t *size_ret, struct br_error *err);

/* Does it have something at that path? */
bool system_root_has(const struct system_root *root, const char *path);

/* A path of it as seen from here, owned by the caller; NULL: no memory. */
char *system_root_name(const struct system_root *root, const char *path);

#endif
