/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copying a tree by reflink, faithfully: content, holes, owner, mode, times to the
 * nanosecond, all extended attributes, inode flags, hard links, special files, nested subvolumes.
 *
 * Nothing in the source is trusted: every step is relative to an open directory, no symbolic link
 * is followed, no mount is entered, depth and length of paths are unlimited. Memory does not
 * depend on the number of files, except 80 bytes or so for each file with several hard links,
 * until all of them have been seen; per level of depth it is 32 bytes and twice the directory's
 * name on the heap.
 *
 * What the copy would inherit from the directory that it is made in (group, ACL, nodatacow,
 * compression) or from the mount options nodatacow and nodatasum is not found in it.
 *
 * In the place of some directories there is an empty one with the owner, mode and times that can
 * be seen: of mount points inside the tree, and of the place-holder that a snapshot has for a
 * nested subvolume.
 *
 * On another file system the content is read and written, what only btrfs has (properties,
 * nodatacow, compression) is left out, and anything else that cannot be had there is an error; a
 * subvolume becomes a directory if it is the top, and is refused inside of the tree.
 *
 * Not carried: birth and change times (no call sets them), preallocation beyond the end of a file,
 * compression flags of nodatacow files (they mean nothing), that a copy-on-write file has no
 * checksums (mount option nodatasum; such a file is read and written, like an active swap file).
 * Refused (BR_ERR_UNSUPPORTED): files that are protected by fs-verity, encrypted, or mounted over.
 */
#ifndef BR_COPY_H
#define BR_COPY_H

#include "error.h"
#include "hardlink.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct br_copy_stats {
	uint64_t files; /* regular files, each hard link counted once per name */
	uint64_t directories;
	uint64_t others;       /* symbolic links, fifos, sockets, devices */
	uint64_t hard_links;   /* names that were made as links to an already copied file */
	uint64_t subvolumes;   /* nested ones, carried by snapshot */
	uint64_t bytes_shared; /* apparent size of reflinked files */
	uint64_t bytes_copied; /* bytes that had to be read and written */
	uint64_t swap_files; /* whose data is shared now: the kernel takes no such file for swap */
};

/*
 * Names of files that several calls copy; zeroed, it knows of none. The first call says from which
 * subvolume to which file system or subvolume; those of others are not looked for in it. Free the map with
 * br_hardlink_free.
 */
struct br_copy_links {
	dev_t src, dst;
	struct br_hardlink_map map;
};

/* Called again and again, with what this call has copied so far. */
struct br_copy_progress {
	void (*tell)(void *data,
		     const struct br_copy_stats *stats); /* NULL: nobody wants to know */
	void *data;
};

struct br_copy_options {
	bool without_reflink; /* read and write instead of FICLONE; for tests and controls */
	/* create the top directory as a subvolume (source must be a directory) */
	bool as_subvolume;
	struct br_copy_links *links; /* NULL: hard links within the tree only */
	struct br_copy_progress progress;
};

/*
 * Copy one object, with everything below it, to a name that does not exist yet.
 *
 * src_parent, src_name  directory and plain name (no slash) of the source
 * dst_parent, dst_name  the same for the copy. dst_parent must be a real (not
 *                       O_PATH) descriptor and a directory that nobody less privileged can write to
 * options               NULL: defaults
 * stats                 added to, never reset; NULL: not wanted
 *
 * A source that is itself a subvolume is carried by a snapshot (br_subvol_snapshot_tree),
 * read-only if it is. A source that is a mount point is BR_ERR_UNSUPPORTED.
 * Times of dst_parent change; the caller restores them if it cares. File data is not flushed.
 *
 * On failure what was created so far is left under dst_name for the caller to discard; the source
 * is never changed (not even its access times, on a mount with noatime). err->path is relative to
 * src_parent.
 *
 * Privilege: CAP_SYS_ADMIN, CAP_CHOWN, CAP_FOWNER, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH,
 * CAP_MKNOD, CAP_SETFCAP, CAP_FSETID, CAP_LINUX_IMMUTABLE. Kernel: 5.8; before, something of the
 * same btrfs that is mounted inside the source is not told from a part of it.
 *
 * Returns 0 or BR_ERR_OPEN, _STAT, _READ, _WRITE, _CREATE, _CLONE, _XATTR, _FLAGS, _ATTRIBUTES,
 * _LINK, _SNAPSHOT, _SUBVOLUME, _TYPE, _UNSUPPORTED, _NOMEM.
 */
BR_MUST_CHECK int br_copy_tree(int src_parent, const char *src_name, int dst_parent,
			       const char *dst_name, const struct br_copy_options *options,
			       struct br_copy_stats *stats, struct br_error *err);

/*
 * Make a directory like another one: owner, mode, times, extended attributes, inode flags, and
 * nothing more than those (what the new one inherited from its parent is taken away). Not its
 * content.
 *
 * src  an open directory
 *
 * On failure dst_name may exist. Errors as above.
 */
BR_MUST_CHECK int br_copy_directory_only(int src, int dst_parent, const char *dst_name,
					 struct br_error *err);

/*
 * Remove an object and everything below it, whatever its depth, without following links, mounts or
 * going into a subvolume: a real nested subvolume below is BR_ERR_TYPE; the empty place-holder
 * that a snapshot leaves where a nested subvolume was (inode 2) is removed like an empty directory.
 * Immutable and append-only flags are cleared on the way. For staging trees only.
 *
 * Not existing is success. On failure part of the tree is gone. BR_ERR_REMOVE, _OPEN, _STAT,
 * _FLAGS, _TYPE, _NOMEM.
 */
BR_MUST_CHECK int br_remove_tree(int parent, const char *name, struct br_error *err);

/*
 * The same, but real subvolumes are deleted with all that is in them: for what br_copy_tree has made.
 * Errors also those of br_subvol_delete_tree.
 */
BR_MUST_CHECK int br_remove_copy(int parent, const char *name, struct br_error *err);

#endif
