/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A view of a root in which its own programs can be run, as those that upgrade it: file systems of the kernel, the boot
 * files and the cache of packages of the running system, and nothing by which that could be changed or asked for
 * something: /run and /tmp are new, and processes see none but those in here.
 */
#ifndef BLANKROOT_ROOM_H
#define BLANKROOT_ROOM_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct room_request {
	const char *device; /* of the file system */
	unsigned flags;     /* of br_toplevel_mount_subvol */
	uint64_t id;        /* of the subvolume that is the root */
	int root;           /* its root, open for reading */
	int system; /* root directory of the running system that it is of, as mounted; -1: none */
	bool carries_boot; /* /boot of that one is in the next root too, as with one of its own file system */
	const char *config; /* the configuration of blankroot: shown as BR_CONFIG_PATH */
};

/* Something that is attached. */
struct room_mount {
	int fd;             /* a detached mount; -1: something of /run, to be seen elsewhere too */
	const char *source; /* fd -1: its path in the room */
	const char *target; /* path in the room */
};

#define ROOM_MOUNTS_MAX 32

struct room {
	int root;      /* mount of the root */
	int run;       /* that of /run */
	bool has_boot; /* /boot, or what is mounted in it, is that of the running system */
	struct room_mount mounts[ROOM_MOUNTS_MAX];
	size_t count;
};

/*
 * Put it together. Nobody sees anything of it until room_enter.
 *
 * Returns 0 with *ret for room_free. BR_ERR_LAYOUT when the root is none; BR_ERR_MOUNT, BR_ERR_OPEN, BR_ERR_CREATE,
 * BR_ERR_WRITE. Privilege: CAP_SYS_ADMIN. Linux 5.8; /proc/sys is read-only from 5.12 on.
 */
BR_MUST_CHECK int room_make(const struct room_request *request, struct room *ret,
			    struct br_error *err);

/*
 * Attach everything. For a process in a namespace of mounts of its own, and of processes. The room is its working
 * directory then, but not its root directory: chroot(".") is for its child, so that what runs in there can tell.
 *
 * BR_ERR_MOUNT, BR_ERR_OPEN.
 */
BR_MUST_CHECK int room_enter(const struct room *room, struct br_error *err);

/* Is something mounted at a path below a directory? No, when there is no such thing. */
bool room_is_mount_point(int dir, const char *path);

/* Release. */
void room_free(struct room *room);

#endif
