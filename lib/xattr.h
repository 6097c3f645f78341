/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Extended attributes of all name spaces, from one object to another, symbolic links included. */
#ifndef BR_XATTR_H
#define BR_XATTR_H

#include "error.h"

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>

#define BR_XATTR_BTRFS "btrfs." /* properties: of btrfs alone */
#define BR_XATTR_COMPRESSION BR_XATTR_BTRFS "compression"

/* One object of a file system: open, or, where it cannot be opened, found by directory and name. */
struct br_object {
	int fd; /* a descriptor that is not O_PATH; -1: use dir and name, which is not followed */
	int dir;
	const char *name; /* in err->path, also of an open object */
	bool is_foreign;  /* of a copy: it is not on btrfs, and cannot have what only btrfs has */
};

/* Room to work in, about 130 KiB: too much for a stack, and allocated once for many objects. */
struct br_xattr_space {
	size_t listed;             /* bytes of list that are in use */
	char list[XATTR_LIST_MAX]; /* NUL-terminated names, one after the other */
	char value[XATTR_SIZE_MAX];
};

/*
 * Set all extended attributes of one object on another one, as they are: labels, capabilities and
 * ACLs too. Those that only dst has stay. Properties of btrfs are left out where dst is_foreign.
 *
 * skip  a name to leave out; NULL: none
 *
 * Afterwards space->list has the names found on src, see br_xattr_listed.
 *
 * An object without descriptor is reached through /proc/self/fd; without /proc the working
 * directory of the process is changed and changed back, which other threads would notice.
 *
 * Privilege: CAP_SYS_ADMIN for trusted.*, security.*; CAP_SETFCAP. BR_ERR_XATTR.
 */
BR_MUST_CHECK int br_xattr_copy(const struct br_object *src, const struct br_object *dst,
				const char *skip, struct br_xattr_space *space,
				struct br_error *err);

/*
 * Remove what an object got from the directory it was made in: all extended attributes but those of
 * security modules, which cannot be removed.
 *
 * BR_ERR_XATTR.
 */
BR_MUST_CHECK int br_xattr_clear(const struct br_object *object, struct br_xattr_space *space,
				 struct br_error *err);

/* Is a name in the list that the last br_xattr_copy made? */
bool br_xattr_listed(const struct br_xattr_space *space, const char *name);

#endif
