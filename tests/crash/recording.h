/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running a program on an image, with a record of what it asked of the disk. */
#ifndef CRASH_RECORDING_H
#define CRASH_RECORDING_H

#include "image.h"
#include "log.h"
#include "state.h"

#include <stdbool.h>
#include <stddef.h>

/* How the program runs. */
enum recording_mode {
	RECORDING_PLAIN,
	RECORDING_COMMITS,  /* a commit of metadata before each of its changing calls */
	RECORDING_UNSYNCED, /* likewise, and its calls that write file data are not carried out */
	RECORDING_CARELESS, /* without commits, and its calls that wait for the disk are not carried out */
};

struct recording_options {
	enum recording_mode mode;
	const char *config, *cmdline; /* of blankroot-initrd; cmdline NULL: "" */
	const char *const
		*instead;    /* another program, ended by NULL; gets the device added; or NULL */
	bool without_device; /* that program does not */
	/*
	 * Somebody else has the file system mounted meanwhile, as in a running system, on this directory. Then no
	 * unmount writes what the program itself forgets to. NULL: nobody.
	 */
	const char *stays_mounted;
	bool discards;           /* likewise, and what gets free is discarded at once */
	void (*before)(int top); /* likewise, and has done this just before; NULL: nothing */
};

/* A call that changes something, and how many entries of the log stand before it. */
struct recording_mark {
	size_t entry;
	char name[40];
};

struct recording {
	const struct state *base; /* the disk before; the caller's */
	struct log log;
	struct recording_mark *mark;
	size_t marks;
	size_t done; /* entries that stood in the log when the program had ended */
};

/*
 * Put a state on an image and run the program there; it must succeed. A log without writes or
 * flushes fails the test, or without the discards that are asked for. The caller releases the
 * recording.
 */
void recording_make(struct recording *recording, struct image *image, const struct state *base,
		    const struct recording_options *options);

/* Release. */
void recording_free(struct recording *recording);

/* What the program was about to do when an entry was written, or "the end". */
const char *recording_moment(const struct recording *recording, size_t entry);

#endif
