/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turning a directory into a subvolume, in the running system. A crash at any moment leaves one complete
 * copy under its name, the directory or the subvolume, and nothing is removed that is not in it.
 *
 * The copy (br_copy_tree, by reflink) is made in BR_CONVERT_DIR in the root of the subvolume that holds the
 * directory: an exchange of a directory and a subvolume is possible within one subvolume only. It is flushed,
 * exchanged with the directory, and that is removed, unless something in it was changed since the copying
 * began: by the transaction numbers and change times of its inodes.
 */
#ifndef BR_CONVERT_H
#define BR_CONVERT_H

#include "copy.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BR_CONVERT_DIR ".blankroot-convert"
#define BR_CONVERT_NAME \
	"tree" /* in it: the unfinished subvolume, or the directory that was replaced */

struct br_conversion {
	char *path; /* of the directory, as it was given */
	char *name; /* its last component */
	int parent; /* the directory that holds it */
	int dir;    /* itself */
	ino_t ino;
	bool is_subvolume; /* already: there is nothing to convert */
	int root; /* root of the subvolume that holds it; -1 with is_subvolume: that cannot be reached */
};

struct br_conversion_options {
	bool force; /* go on when something was changed while it was copied: the copy may then hold a mixture */
	struct br_copy_progress progress;
};

struct br_conversion_result {
	bool is_changed; /* something was changed during the last moments: the directory was not removed */
	struct br_copy_stats stats;
};

/*
 * Look at a directory and check that it can be converted. Nothing is changed.
 *
 * path  absolute; no component may be a symbolic link, "." or ".."
 *
 * Returns 0 with *ret for br_conversion_close, untouched otherwise. BR_ERR_USAGE: not such a path;
 * BR_ERR_SYMLINK, BR_ERR_OPEN; BR_ERR_LAYOUT: no directory, not on a btrfs, mounted or
 * with something mounted in it, with subvolumes in it, or in a subvolume whose root directory is not visible
 * or is open to others. BR_ERR_STAT, BR_ERR_NOMEM, those of br_mountinfo_read. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_conversion_open(const char *path, struct br_conversion *ret,
				     struct br_error *err);

/*
 * Look whether there are subvolumes in the directory: part of the above, and done again when the lock is had.
 *
 * BR_ERR_LAYOUT: there are. BR_ERR_OPEN, BR_ERR_SUBVOLUME, BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_conversion_check_nested(const struct br_conversion *conversion,
					     struct br_error *err);

/*
 * Remove what an interrupted conversion in the same subvolume left. Nothing to do is fine.
 *
 * BR_ERR_LOCKED: one is running. BR_ERR_IN_USE: it left a directory that was changed since; only
 * somebody who looks at it can decide. BR_ERR_LAYOUT, and those of br_remove_tree and br_subvol_delete_tree.
 */
BR_MUST_CHECK int br_conversion_finish(const struct br_conversion *conversion,
				       struct br_error *err);

/*
 * Convert it; on return that is on the disk.
 *
 * Calls br_conversion_finish first. BR_ERR_IN_USE: something was changed, and is named. BR_ERR_EXCHANGE,
 * BR_ERR_SYNC, BR_ERR_CREATE, and those of br_copy_tree. On failure the directory is in place as it was; what was
 * copied is removed where that is possible, and else by the next call. Privilege: as br_copy_tree.
 */
BR_MUST_CHECK int br_conversion_run(const struct br_conversion *conversion,
				    const struct br_conversion_options *options,
				    struct br_conversion_result *ret, struct br_error *err);

/* Release. Safe on one that was never opened, if its descriptors are -1. */
void br_conversion_close(struct br_conversion *conversion);

#endif
