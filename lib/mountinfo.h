/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mounts that this process sees (proc_pid_mountinfo(5)). */
#ifndef BR_MOUNTINFO_H
#define BR_MOUNTINFO_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

struct br_mount {
	uint64_t id;
	/* what of the file system is mounted; btrfs: path from the top level, "/root" */
	char *root;
	char *target;  /* where */
	char *type;    /* "btrfs" */
	char *source;  /* of btrfs: one of its devices, as it was named then; may be "" */
	char *options; /* of the file system, not of the mount: "rw,discard=async,subvol=/root" */
};

struct br_mountinfo {
	struct br_mount *mounts;
	size_t count;
};

/*
 * Parse the text of /proc/PID/mountinfo; octal escapes are resolved. Lines that do not have the
 * documented form are an error, not skipped: a safety check depends on them.
 *
 * Returns 0 with *ret owned by the caller (br_mountinfo_free). BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_mountinfo_parse(const char *text, struct br_mountinfo *ret,
				     struct br_error *err);

/* Read those of this process. Errors as above, and those of br_proc_open and br_file_read. */
BR_MUST_CHECK int br_mountinfo_read(struct br_mountinfo *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_mountinfo_free(struct br_mountinfo *info);

/*
 * The first mount of the file system that fd is on which shows the subvolume, or something inside
 * it.
 *
 * fd         anything on a btrfs
 * subvolume  path from the top level, without leading slash
 *
 * NULL when there is none. A mount point that cannot be asked for its file system (over-mounted,
 * no longer there) counts as a match when its path does: refusing is the safe side. Result lives
 * as long as info. Privilege: none.
 */
const struct br_mount *br_mountinfo_find_btrfs(const struct br_mountinfo *info, int fd,
					       const char *subvolume);

#endif
