/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What drift.c and drift-attributes.c share. */
#ifndef TEST_DRIFT_INTERNAL_H
#define TEST_DRIFT_INTERNAL_H

#include "drift.h"

#include <limits.h>

/* Where a change takes place: an open directory, never one that a link leads to, and a name in it. */
struct place {
	int dir;
	char *name;
	char path[64 + NAME_MAX]; /* through /proc, for calls that have no other way */
};

struct change {
	int root;
	const struct model *now;
	struct random *random;
};

void drift_place_close(struct place *place);

#define AUTO_PLACE(variable) \
	__attribute__((cleanup(drift_place_close))) struct place variable = { .dir = -1 }

/* Pick an object that exists, or existed before earlier changes. False: it is out of reach. */
bool drift_pick(const struct change *change, struct place *place);

/* Open a file or a directory, never a device: those made here have numbers of real ones. -1: not one of these, or errno. */
int drift_open(int dirfd, const char *name, int flags);

/* Changes of one object that leave its content alone. Each returns whether the kernel did it. */
bool drift_change_mode(const struct change *change);
bool drift_change_owner(const struct change *change);
bool drift_change_times(const struct change *change);
bool drift_change_xattr(const struct change *change);
bool drift_change_flags(const struct change *change);

#endif
