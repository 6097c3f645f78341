/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening below a directory without ever leaving it: no symbolic link in any component, no "..", no
 * mount crossed. The trees we open belong to a root that may have been taken over.
 */
#ifndef BR_BENEATH_H
#define BR_BENEATH_H

#include "error.h"

#include <sys/types.h>

/*
 * Open a path below a directory.
 *
 * dirfd  an open directory
 * path   relative, without empty, "." or ".." components (BR_ERR_OPEN with EINVAL), of any length
 *        (opened piecewise beyond PATH_MAX); "" or "." as a whole is the directory itself
 * flags  of openat2(2); O_CLOEXEC is added. With O_CREAT, mode is used and only the last component
 *        is created.
 *
 * Uses openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV), Linux 5.6; where the call
 * is missing or denied (ENOSYS, EPERM from a seccomp filter) it opens component by component with
 * O_NOFOLLOW. RESOLVE_NO_XDEV forbids crossing mounts, not btrfs subvolumes. The fallback notices
 * mounts from Linux 5.8 on (mount ids in statx).
 *
 * Returns 0 and the descriptor in *fd_ret, which the caller closes. BR_ERR_SYMLINK when a
 * component is a symbolic link (O_PATH | O_NOFOLLOW opens a link in the last one), BR_ERR_OPEN
 * otherwise (sys_errno ENOENT when it does not exist, ENOTDIR when a component is no directory,
 * EXDEV when it is on another mount).
 */
BR_MUST_CHECK int br_open_beneath(int dirfd, const char *path, int flags, mode_t mode, int *fd_ret,
				  struct br_error *err);

/*
 * Open a directory for reading by its absolute path, over all mounts on the way, but through no
 * symbolic link.
 *
 * path  without empty, "." or ".." components; "/" is the root directory
 *
 * Returns 0 and the descriptor in *fd_ret, which the caller closes; errors as above.
 */
BR_MUST_CHECK int br_open_real_directory(const char *path, int *fd_ret, struct br_error *err);

/*
 * Open the directory that holds the last component of path, and tell that component.
 *
 * path      as above, "." not allowed
 * name_ret  points into path; "" when path is ""
 *
 * Returns 0 with *fd_ret an O_PATH|O_DIRECTORY descriptor that the caller closes; errors as above.
 */
BR_MUST_CHECK int br_open_parent(int dirfd, const char *path, int *fd_ret, const char **name_ret,
				 struct br_error *err);

/* Force the fallback of br_open_beneath from now on. For tests only. */
void br_beneath_without_openat2(void);

#endif
