/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that have something of a directory open in a way in which they would lose it. */
#ifndef BLANKROOT_TREE_USERS_H
#define BLANKROOT_TREE_USERS_H

#include "error.h"

#include <stddef.h>
#include <sys/types.h>

struct tree_user {
	pid_t pid;
	char command[32]; /* its name, raw */
	char *path;       /* what it has open, from the root of the subvolume */
	const char *how;  /* "writes to", "is in" */
};

struct tree_users {
	struct tree_user *users;
	size_t count, room;
};

/*
 * Find those who write to a file in a directory, by a descriptor or by a shared writable mapping, or who have
 * it, or a directory in it, as their working directory. Each process once, but the caller. In any namespace that /proc shows.
 *
 * root  of the subvolume that holds the directory, open
 * dir   the directory, open; root itself: all of the subvolume
 *
 * Processes that end meanwhile are left out. Returns 0 with *ret for tree_users_free, untouched otherwise.
 * BR_ERR_OPEN, BR_ERR_READ, BR_ERR_STAT, BR_ERR_NOMEM. Privilege: root.
 */
BR_MUST_CHECK int tree_users_find(int root, int dir, struct tree_users *ret, struct br_error *err);

/* Release. A zeroed structure is fine. */
void tree_users_free(struct tree_users *users);

#endif
