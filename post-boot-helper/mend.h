/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands for a shell that mend what blankroot check finds, ready to be run. */
#ifndef BLANKROOT_MEND_H
#define BLANKROOT_MEND_H

#include "mountinfo.h"

#include <stddef.h>

/*
 * Make a command.
 *
 * pattern  in which each "%" stands for the next word, quoted for a shell where it has to be
 * words    ended by NULL
 *
 * Returns the text, owned by the caller; NULL: no memory.
 */
char *mend_make(const char *pattern, const char *const words[]);

/* Where the top level of a file system can be reached. */
struct mend_place {
	int top;                           /* its top level, open */
	const char *device;                /* a member of it */
	const struct br_mountinfo *mounts; /* of this process */
};

/*
 * The same, where words are paths from the top level: the command has them as they are seen in the running system, by a
 * mount of the subvolume that holds them; those that are not seen make it mount the top level for itself.
 */
char *mend_make_at(const struct mend_place *place, const char *pattern, const char *const words[]);

#endif
