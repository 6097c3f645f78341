/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be on the disk of a scenario after a power cut, and what must be there after the next
 * run. What is found to be otherwise fails the current test: see verdict.h.
 */
#ifndef CRASH_EXPECT_H
#define CRASH_EXPECT_H

#include "image.h"
#include "scenario.h"

#include <stdbool.h>

struct expect {
	const struct scenario *scenario;
	char *config; /* path */
	struct expect_root {
		char *before, *after; /* as text: before the reset and after one undisturbed */
		uint64_t id;          /* before */
	} root[SCENARIO_EPHEMERALS];
	char *archives; /* names of those that were there before, the oldest first, one a line */
	char *oldest, *newest; /* content of two of them; NULL: there were none */
	char *persistent;      /* content of the subvolumes that no reset opens */
	char *top, *own;       /* names in the top level and in .blankroot after a reset */
};

/* Learn it from an undisturbed run on an image, unmounted; its state afterwards is of no use. */
void expect_learn(struct expect *expect, const struct scenario *scenario, struct image *image);

/* What the check of a state looks at besides. */
struct expect_state {
	bool is_done;   /* the program had said that the new root is there */
	unsigned swaps; /* at most so many runs may have replaced a root before */
};

/*
 * Check what is on an image, which must not be mounted: as it is, then run the program and check
 * what that made of it.
 */
void expect_check(const struct expect *expect, const struct expect_state *state,
		  struct image *image);

#endif
