/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scenario made ready on an image. Everything fails the current test when it fails. */
#ifndef CRASH_STAGE_H
#define CRASH_STAGE_H

#include "expect.h"
#include "recording.h"
#include "state.h"

struct stage {
	struct image *image;
	struct state base; /* just before the reset, or what happens just before it in memory */
	struct expect expect;
};

/* Make the server of a scenario and learn what is to be expected. Ends with the test. */
void stage_begin(struct stage *stage, const struct scenario *scenario);

/* How its reset is recorded. */
struct recording_options stage_options(const struct stage *stage, enum recording_mode mode);

/* Image and state go; the rest ends with the test. */
void stage_end(struct stage *stage);

#endif
