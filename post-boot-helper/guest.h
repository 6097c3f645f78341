/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are in a copy of the blank only while a program runs in it: what keeps services from being started there,
 * what tells the boot loader which root will be booted, and empty ones where something is to be mounted.
 */
#ifndef BLANKROOT_GUEST_H
#define BLANKROOT_GUEST_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct guest {
	const char *path; /* in the copy */
	char *text;       /* its content; NULL: it is a directory */
	/* its directory's time of modification, before and right after */
	struct timespec before, after;
};

#define GUESTS_MAX 8

struct guests {
	int root; /* of the copy; borrowed */
	struct guest list[GUESTS_MAX];
	size_t count;
};

/*
 * Put them in, where nothing of that name is. Nothing that is there is changed.
 *
 * root       of the copy, open for reading, writable
 * subvolume  name of the ephemeral subvolume, which boot loaders name
 *
 * Returns 0 with *ret for guests_leave, which is called in any case. BR_ERR_CREATE, BR_ERR_WRITE, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int guests_enter(int root, const char *subvolume, struct guests *ret,
			       struct br_error *err);

/*
 * Take out those that are as they were put in; what a program has replaced is its own. Directories in which nothing else
 * was done have the times that they had. BR_ERR_REMOVE, BR_ERR_ATTRIBUTES.
 */
BR_MUST_CHECK int guests_leave(struct guests *guests, struct br_error *err);

/* Release, without touching the copy. */
void guests_free(struct guests *guests);

#endif
