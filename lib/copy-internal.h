/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the tree copy share. Included by copy*.c only. */
#ifndef BR_COPY_INTERNAL_H
#define BR_COPY_INTERNAL_H

#include "attributes.h"
#include "copy.h"
#include "hardlink.h"
#include "walk.h"

#include <stdbool.h>
#include <sys/stat.h>

/* One copy in progress. */
struct br_copy {
	struct br_walk walk;
	struct br_hardlink_map *links; /* those of the options, or these */
	struct br_hardlink_map own_links;
	struct br_xattr_space *space;
	char *data; /* for bytes that cannot be shared; made when it is needed */
	const struct br_copy_options *options;
	struct br_copy_stats stats;
	struct stat top; /* of the copy, when it is a directory */
	bool is_foreign; /* the copy is not on btrfs */
	uid_t uid;       /* of whatever this process creates */
	gid_t gid;
	mode_t umask;
	/* Inode flags of files fresh from open(2): the same for all, see copy-file.c. */
	bool fresh_is_known;
	unsigned fresh_flags;
};

/* One object to copy. */
struct br_copy_entry {
	int src_dir, dst_dir;
	const char *src_name, *dst_name;
	unsigned char type; /* DT_REG and so on, as the directory says */
	bool is_top;        /* was named by the caller, not found in a directory */
};

/* Tell how far it is, if somebody wants to know: after each object, and within long ones. */
void br_copy_tell_progress(const struct br_copy *copy);

/*
 * Is this something that is mounted, or on another file system or subvolume? By the attributes of
 * statx (Linux 5.8) and by the device, which does not tell bind mounts.
 */
bool br_copy_is_foreign(const struct br_copy *copy, const struct br_copy_entry *entry,
			const struct statx *stx);

/* Copy a regular file, or link it when the copy exists already. Errors of br_copy_tree. */
BR_MUST_CHECK int br_copy_file(struct br_copy *copy, const struct br_copy_entry *entry,
			       struct br_error *err);

/*
 * Fill an empty file, whose data flags are set, with the content of another one: shared, or read
 * and written, keeping holes and preallocated ranges.
 *
 * from  attributes of src
 *
 * BR_ERR_CLONE, BR_ERR_FLAGS, BR_ERR_READ, BR_ERR_WRITE, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_copy_content(struct br_copy *copy, const struct br_object *src,
				  const struct br_object *dst, const struct br_attributes *from,
				  struct br_error *err);

/* Copy a symbolic link, fifo, socket or device, or link it. Errors of br_copy_tree. */
BR_MUST_CHECK int br_copy_special(struct br_copy *copy, const struct br_copy_entry *entry,
				  struct br_error *err);

#endif
