/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A power cut: which of the recorded writes have reached the disk. */
#ifndef CRASH_CUT_H
#define CRASH_CUT_H

#include "image.h"
#include "recording.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cut {
	size_t whole; /* entries that have reached the disk */
	size_t end;   /* those from there to here are still in its cache: some have, at random */
	uint64_t seed;
};

/*
 * Put on an image, which must not be mounted, what such a cut leaves. Writes of which a part has
 * reached the disk have an end at a multiple of 4096 bytes.
 */
void cut_apply(const struct cut *cut, const struct recording *recording, struct image *image);

/* A random number of a sequence: the same for the same seed and place. */
uint64_t cut_random(uint64_t seed, uint64_t place);

#endif
