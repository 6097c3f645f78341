/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Boot files during an update of the blank. Those on file systems of their own, or in a persistent path, are not a part of
 * it: what was done to them stays, whatever becomes of the update.
 */
#ifndef BLANKROOT_BLANK_BOOT_H
#define BLANKROOT_BLANK_BOOT_H

#include "boot-files.h"
#include "error.h"

#include <stdbool.h>
#include <stddef.h>

#define BLANK_BOOT_PLACES 3

struct blank_boot_place {
	const char *path; /* "/boot" */
	int dir;          /* -1: it is not there */
	bool is_outside;
	struct boot_files before;
};

struct blank_boot {
	struct blank_boot_place places[BLANK_BOOT_PLACES];
	bool is_outside; /* /boot is */
	size_t changed;  /* files outside; known after blank_boot_settle */
	char *names;     /* of the first of them, for a message; NULL: none, or no memory */
};

#define BLANK_BOOT_NONE                                                   \
	{                                                                 \
		.places = { { .dir = -1 }, { .dir = -1 }, { .dir = -1 } } \
	}

/*
 * Note what is there before the program runs.
 *
 * system   root directory of the running system; -1: not mounted
 * copy     that of the copy of the blank
 * carries  /boot of the running system is in the next root too
 *
 * Returns 0 with *ret for blank_boot_free. BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int blank_boot_begin(int system, int copy, bool carries, struct blank_boot *ret,
				   struct br_error *err);

/*
 * Find out what was changed, and where a boot loader was told the path of the copy, tell it that of the root instead:
 * the copy is gone when it boots. Each is told on standard error.
 *
 * wrong, right  these paths, from the top level
 *
 * Errors of boot_files_list and boot_files_mend.
 */
BR_MUST_CHECK int blank_boot_settle(struct blank_boot *boot, const char *wrong, const char *right,
				    struct br_error *err);

/* Release. BLANK_BOOT_NONE is fine. */
void blank_boot_free(struct blank_boot *boot);

#endif
