/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User and group names of another root, read from its own files: no name service, no code of that
 * root.
 */
#ifndef BR_OWNER_H
#define BR_OWNER_H

#include "error.h"

#include <sys/types.h>

/*
 * Has it one of the forms below? BR_ERR_OWNER with a text that says what is wrong, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_owner_check(const char *owner, struct br_error *err);

/*
 * Resolve "user:group", "user", ":group", with names or decimal numbers, in etc/passwd and
 * etc/group below a directory. "user" alone takes that user's login group when it is a name, else
 * group 0. A missing part is 0 (root).
 *
 * root_fd  open root directory; links in it are not followed
 * owner    NULL is root:root
 *
 * Returns 0; BR_ERR_OWNER when a name is unknown or its file cannot be read; outputs untouched
 * then, err->path the file. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_owner_resolve(int root_fd, const char *owner, uid_t *uid_ret, gid_t *gid_ret,
				   struct br_error *err);

#endif
