/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree in memory, read file by file, with what tells whether an object is the same one as in another tree. Knows
 * nothing of the library under test. Everything fails the current test when it fails.
 */
#ifndef TEST_LISTING_H
#define TEST_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct listed {
	char *path;       /* from the top, "" is that */
	const char *name; /* its last component */
	size_t parent;    /* index of the directory that holds it */
	unsigned tree;    /* number of the subvolume that it is in; 0: the top itself */
	bool is_subvolume;
	struct statx stx;
	uint32_t generation; /* transaction that the object was made in */
	unsigned flags;      /* without those about compression */
	uint64_t xattrs;     /* digest */
	uint64_t
		nested; /* of a directory: digest of the names of nested subvolumes and place-holders */
	uint64_t content; /* digest of the bytes, the target or the device */
};

struct listing {
	struct listed *items; /* a directory comes before what is in it */
	size_t count, room;
	unsigned trees;
};

/* Read the subvolume whose root is open. Place-holders of nested subvolumes are left out. */
struct listing *listing_read(int dirfd);

/* Release. NULL-safe. */
void listing_free(struct listing *listing);

#endif
