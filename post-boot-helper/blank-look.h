/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blanks as they are: what show tells, and verify judges. */
#ifndef BLANKROOT_BLANK_LOOK_H
#define BLANKROOT_BLANK_LOOK_H

#include "blank-former.h"
#include "blank.h"
#include "filesystem.h"
#include "kernels.h"

#include <stdbool.h>

struct blank_look {
	const struct br_ephemeral *ephemeral;
	bool exists; /* as a subvolume; all else is meaningless without */
	int fd;      /* its root; -1: it does not exist */
	struct br_subvol subvol;
	enum br_blank_state state;
	bool is_noted; /* it is known what it was */
	bool is_empty;
	char *parent; /* path of what it is a snapshot of; NULL: nothing that is still there */
	char *system; /* what its os-release calls it; NULL: it has none */
	struct kernels modules; /* kernels that it has modules for */
	struct br_blank_formers formers;
};

/*
 * Look at the blank of an ephemeral subvolume. One that does not exist is no error.
 *
 * Returns 0 with *ret for blank_look_free. BR_ERR_LAYOUT when something else is there, BR_ERR_OPEN, BR_ERR_READ,
 * BR_ERR_XATTR, BR_ERR_SUBVOLUME, BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int blank_look_at(const struct filesystem *filesystem,
				const struct br_ephemeral *ephemeral, struct blank_look *ret,
				struct br_error *err);

/*
 * Name and version of the operating system in the subvolume whose root is open, owned by the caller; NULL: it has no
 * os-release that tells, or no memory.
 */
char *blank_look_system(int subvol);

/* Release. */
void blank_look_free(struct blank_look *look);

#endif
