/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owner, mode, times and inode flags of one object, from the source to its copy; with xattr.h all
 * of them.
 */
#ifndef BR_ATTRIBUTES_H
#define BR_ATTRIBUTES_H

#include "error.h"
#include "xattr.h"

#include <stdbool.h>
#include <sys/stat.h>

/* What the source says about itself. */
struct br_attributes {
	struct statx stx;
	unsigned flags; /* inode flags, FS_NOCOW_FL and so on; 0 where there are none */
};

/*
 * Read the attributes of an open file or directory.
 *
 * BR_ERR_STAT, BR_ERR_FLAGS; BR_ERR_UNSUPPORTED when it is protected by fs-verity or encrypted.
 */
BR_MUST_CHECK int br_attributes_read(const struct br_object *object,
				     struct br_attributes *attributes_ret, struct br_error *err);

/* The inode flags of an open object; 0 where there are none. BR_ERR_FLAGS. */
BR_MUST_CHECK int br_attributes_get_flags(const struct br_object *object, unsigned *flags_ret,
					  struct br_error *err);

/*
 * Set those inode flags that have to be there before the first byte of data: an empty file decides
 * for copy-on-write and checksums once. Takes away what was inherited. Of a directory the same
 * flags. Nothing is done where dst is_foreign: these flags are of btrfs.
 *
 * now  those that dst has
 *
 * BR_ERR_FLAGS.
 */
BR_MUST_CHECK int br_attributes_set_data_flags(const struct br_object *dst, unsigned flags,
					       unsigned now, struct br_error *err);

/*
 * The same without looking whether it is needed: what a file got from the mount option nodatasum
 * cannot be seen, but goes away when the flags of an empty file are set.
 *
 * BR_ERR_FLAGS.
 */
BR_MUST_CHECK int br_attributes_reset_data_flags(const struct br_object *dst, unsigned flags,
						 struct br_error *err);

/*
 * Make the object dst, whose data flags are set and whose content is complete, like src: owner,
 * mode, extended attributes, remaining flags, times.
 *
 * from  read from src before
 * now   owner and mode of dst, where the caller has just made it and knows; NULL: looked up
 *
 * A compression flag without the property of the same meaning cannot be set, the kernel adds the
 * property. Compression flags and property of a nodatacow file are without effect, and not carried.
 *
 * BR_ERR_ATTRIBUTES, BR_ERR_XATTR, BR_ERR_FLAGS.
 */
BR_MUST_CHECK int br_attributes_apply(const struct br_attributes *from, const struct br_object *src,
				      const struct br_object *dst, const struct stat *now,
				      struct br_xattr_space *space, struct br_error *err);

/* Owner, mode and times only: of objects that have nothing else. BR_ERR_ATTRIBUTES. */
BR_MUST_CHECK int br_attributes_apply_basic(const struct br_attributes *from,
					    const struct br_object *dst, struct br_error *err);

/*
 * Take away what a new object got from the directory that it was made in: ACLs, properties, flags;
 * of a directory the group and the setgid bit too. A directory is left with mode 0700.
 *
 * BR_ERR_XATTR, BR_ERR_FLAGS, BR_ERR_ATTRIBUTES.
 */
BR_MUST_CHECK int br_attributes_clear(const struct br_object *object, struct br_xattr_space *space,
				      struct br_error *err);

/*
 * Clear the immutable and append-only flags of an open file or directory; nothing where the file
 * system has no such flags.
 *
 * held_ret  what was set, for br_attributes_hold; NULL: not wanted
 *
 * Returns 0 or -1 with errno.
 */
BR_MUST_CHECK int br_attributes_release(int fd, unsigned *held_ret);

/* Set them again. Returns 0 or -1 with errno. */
BR_MUST_CHECK int br_attributes_hold(int fd, unsigned held);

#endif
