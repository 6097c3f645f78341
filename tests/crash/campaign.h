/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cutting the power at many moments of a recorded run, and counting what is bad.
 *
 * In the environment: BLANKROOT_CRASH=full for more cuts than the quick form, BLANKROOT_CRASH_SEED for
 * the seed that an earlier run printed, BLANKROOT_CRASH_SCENARIO for one scenario alone.
 */
#ifndef CRASH_CAMPAIGN_H
#define CRASH_CAMPAIGN_H

#include "cut.h"
#include "recording.h"
#include "stage.h"

#include <stdbool.h>
#include <stdint.h>

/* Which cuts. */
struct campaign_sample {
	unsigned
		flushes; /* so many of the flushes, spread over the run; those around a rename always */
	unsigned torn;      /* cuts behind each, with a random part of what was not flushed */
	unsigned unordered; /* so many earlier flushes are ignored: a control */
};

struct campaign {
	const char *name; /* of what was recorded */
	const struct recording *recording;
	struct image *image;
	struct campaign_sample sample;
	/*
	 * Check what a cut has left on the image, which is not mounted; see verdict.h.
	 *
	 * is_done  the program may have said that it was done
	 */
	void (*check)(const struct campaign *campaign, bool is_done);
	const void *data;   /* for that */
	unsigned swaps;     /* likewise: see struct expect_state */
	const char *reason; /* count besides what is bad with this in its message; NULL: nothing */
	uint64_t seed;
	/* results */
	unsigned states, bad, with_reason;
	unsigned done;  /* of the states: the program may have said that it was done */
	size_t durable; /* entries that were flushed when it said so */
};

/* The full form? */
bool campaign_is_full(void);

/* The seed of this run, for all that is random. */
uint64_t campaign_seed(void);

/* One of a stage's reset: all but the sample. */
struct campaign campaign_of_reset(const struct stage *stage, const struct recording *recording);

/* Check all cuts of the sample. The first bad ones are described on standard output. */
void campaign_run(struct campaign *campaign);

/*
 * The cut just before the n-th call of a name, counted from 0, with nothing in the disk's cache; at
 * the end when there are fewer.
 */
struct cut campaign_cut_at(const struct recording *recording, const char *call, unsigned nth);

/* One line on standard output. It fails the test when no state was one of a program that was done. */
void campaign_report(const struct campaign *campaign, const char *what);

#endif
