/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * btrfs subvolumes by directory descriptor and plain name, on libbtrfsutil. Each function checks
 * that what it opened is a subvolume's root (inode 256) before it acts on it.
 *
 * Parent directories may be O_PATH descriptors; subvolumes must be open for reading. All need
 * CAP_SYS_ADMIN.
 */
#ifndef BR_SUBVOL_H
#define BR_SUBVOL_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BR_SUBVOL_ROOT_INO 256 /* BTRFS_FIRST_FREE_OBJECTID: inode of every subvolume's root */
#define BR_SUBVOL_PLACEHOLDER_INO \
	2                     /* BTRFS_EMPTY_SUBVOL_DIR_OBJECTID: what a snapshot has in place
                                        of a nested subvolume: an empty directory, only rmdir works */
#define BR_SUBVOL_TOP_LEVEL 5 /* BTRFS_FS_TREE_OBJECTID */
#define BR_UUID_SIZE 16

struct br_subvol {
	uint64_t id;
	uint64_t parent_id;  /* id of the subvolume that holds it */
	uint64_t generation; /* transaction of its last change */
	uint64_t ctransid;   /* transaction in which something in it was changed last: unlike
				generation, neither a snapshot of it nor its read-only flag counts */
	uint64_t otransid;   /* transaction of its creation */
	uint8_t uuid[BR_UUID_SIZE];
	uint8_t parent_uuid[BR_UUID_SIZE]; /* of what it is a snapshot of; all zero: of nothing */
	time_t created;                    /* what the clock said then */
	bool read_only;
};

/*
 * Is an open object the root of a subvolume? Not on another kind of file system. Needs no privilege.
 *
 * BR_ERR_STAT, without a path: it cannot be told, and whoever took it for a plain directory then would
 * lose what a subvolume holds.
 */
BR_MUST_CHECK int br_subvol_is_root(int fd, bool *ret, struct br_error *err);

/* Is an open object on a btrfs? Also when that cannot be told. O_PATH is enough. */
bool br_subvol_may_be_btrfs(int fd);

/*
 * Read the properties of the subvolume whose root is open. BR_ERR_LAYOUT when fd is not a
 * subvolume's root, BR_ERR_SUBVOLUME otherwise.
 */
BR_MUST_CHECK int br_subvol_stat(int fd, struct br_subvol *subvol_ret, struct br_error *err);

/*
 * Where the subvolume whose root is open lies, from the top level: "root"; "" for the top level
 * itself. As it is named now, whatever it was mounted by.
 *
 * Returns 0 with *path_ret owned by the caller. BR_ERR_SUBVOLUME. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_subvol_path(int fd, char **path_ret, struct br_error *err);

/*
 * The same of the subvolume with that id. fd: anything on the file system. BR_ERR_SUBVOLUME when there
 * is none, too.
 */
BR_MUST_CHECK int br_subvol_path_of(int fd, uint64_t id, char **path_ret, struct br_error *err);

#define BR_FSID_SIZE 37 /* "57377a52-f6e3-44a8-9ad6-0f09b1c36693" and NUL */

/* A UUID as text. */
void br_subvol_format_uuid(const uint8_t uuid[BR_UUID_SIZE], char text[BR_FSID_SIZE]);

/*
 * UUID of the file system that fd is on, as text. BR_ERR_LAYOUT when it is no btrfs,
 * BR_ERR_SUBVOLUME otherwise.
 */
BR_MUST_CHECK int br_subvol_fsid(int fd, char fsid_ret[BR_FSID_SIZE], struct br_error *err);

/*
 * Open a subvolume's root below a directory, path relative, links never followed.
 *
 * subvol_ret  its properties; NULL: not wanted
 *
 * Returns 0 with a directory descriptor in *fd_ret, which the caller closes. BR_ERR_OPEN or
 * BR_ERR_SYMLINK as br_open_beneath, BR_ERR_LAYOUT when it is no subvolume, BR_ERR_SUBVOLUME.
 */
BR_MUST_CHECK int br_subvol_open(int dirfd, const char *path, int *fd_ret,
				 struct br_subvol *subvol_ret, struct br_error *err);

/* Create an empty subvolume, plain name below parent. Does not commit. BR_ERR_SUBVOLUME. */
BR_MUST_CHECK int br_subvol_create(int parent, const char *name, struct br_error *err);

/*
 * Snapshot one subvolume (nested ones become place-holders). Writable. Commits a transaction, in
 * the kernel.
 *
 * src         its open root, of br_subvol_open or looked at by br_subvol_stat: of anything else in it some kernels
 *             take a snapshot all the same
 * dst_parent  a directory on the same file system; name must not exist there
 *
 * BR_ERR_SNAPSHOT; nothing created then.
 */
BR_MUST_CHECK int br_subvol_snapshot(int src, int dst_parent, const char *name,
				     struct br_error *err);

/* The same, but read-only from the beginning. */
BR_MUST_CHECK int br_subvol_snapshot_read_only(int src, int dst_parent, const char *name,
					       struct br_error *err);

/*
 * Snapshot a subvolume together with all nested ones, at any level, each as writable or read-only
 * as the original; the top one read-only only when keep_read_only says so.
 *
 * count  raised by the number of snapshots made; NULL: not wanted
 *
 * A nested subvolume whose path below src is longer than BTRFS_INO_LOOKUP_PATH_MAX (4080 bytes) is
 * refused by the kernel's look-up: BR_ERR_SUBVOLUME with ENAMETOOLONG.
 * On failure the incomplete result is left under name.
 */
BR_MUST_CHECK int br_subvol_snapshot_tree(int src, int dst_parent, const char *name,
					  bool keep_read_only, uint64_t *count,
					  struct br_error *err);

/* Which nested subvolumes to carry: path is relative to the source. */
struct br_subvol_filter {
	bool (*is_wanted)(const char *path, const void *data);
	const void *data;
};

/*
 * Carry the subvolumes nested in src into dst, a snapshot of src: replaces each place-holder.
 *
 * filter  NULL: all of them
 *
 * Other parameters and errors as above. The times of the directories that hold them stay as in src.
 */
BR_MUST_CHECK int br_subvol_snapshot_nested(int src, int dst, const struct br_subvol_filter *filter,
					    uint64_t *count, struct br_error *err);

/*
 * Are other subvolumes nested in the one whose open root this is? dir: only those in this directory of it,
 * path relative; "": anywhere. BR_ERR_SUBVOLUME.
 */
BR_MUST_CHECK int br_subvol_has_nested(int fd, const char *dir, bool *ret, struct br_error *err);

/*
 * Told of a nested subvolume: its path from the one that is looked at, and its id. A result other than 0 ends the visit
 * and is returned.
 */
typedef int (*br_subvol_visitor)(void *data, const char *path, uint64_t id, struct br_error *err);

/* Visit the subvolumes nested in the one whose open root this is, those in others after these. BR_ERR_SUBVOLUME. */
BR_MUST_CHECK int br_subvol_visit_nested(int fd, br_subvol_visitor visit, void *data,
					 struct br_error *err);

/* Set or clear the read-only flag of the open subvolume root. BR_ERR_SUBVOLUME. */
BR_MUST_CHECK int br_subvol_set_read_only(int fd, bool read_only, struct br_error *err);

/*
 * Id of the subvolume that a mount without subvol= shows. fd: anything on the file system.
 * BR_ERR_DEFAULT.
 */
BR_MUST_CHECK int br_subvol_get_default(int fd, uint64_t *id_ret, struct br_error *err);

/* Make the open subvolume root the default. Sets the default_subvol feature bit. BR_ERR_DEFAULT. */
BR_MUST_CHECK int br_subvol_set_default(int fd, uint64_t id, struct br_error *err);

/*
 * Delete a subvolume and all nested in it. A read-only one is made writable first, and only when it
 * has nested ones (their directory entries could not be removed otherwise). Verifies that name
 * still is the subvolume with this id.
 *
 * BR_ERR_DELETE (EPERM: it is the default subvolume), BR_ERR_LAYOUT, BR_ERR_SUBVOLUME, BR_ERR_FLAGS; part of the nested
 * ones may be gone then.
 */
BR_MUST_CHECK int br_subvol_delete_tree(int parent, const char *name, uint64_t id,
					struct br_error *err);

/*
 * Wait until the cleaner has freed a deleted subvolume's space.
 *
 * fd       anything on the file system
 * id       of the deleted subvolume
 * seconds  at most; then it returns 0 all the same, because waiting is all this can do
 */
BR_MUST_CHECK int br_subvol_wait_cleaned(int fd, uint64_t id, unsigned seconds,
					 struct br_error *err);

/*
 * Flush file data, commit the transaction, wait, and tell whether it reached the disk. Unlike
 * sync(2), syncfs(2) reports write-back errors (Linux 5.8) and the wait ioctl reports an aborted
 * transaction. BR_ERR_SYNC.
 */
BR_MUST_CHECK int br_subvol_commit(int fd, struct br_error *err);

#endif
