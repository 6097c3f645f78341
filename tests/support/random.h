/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that look random and follow from a seed, the same on every machine. */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* Start a sequence; different streams of one seed have nothing to do with each other. */
struct random random_start(uint64_t seed, uint64_t stream);

uint64_t random_next(struct random *random);

/* 0 to limit - 1; limit is not 0. */
size_t random_below(struct random *random, size_t limit);

/* True in so many cases of a hundred. */
bool random_chance(struct random *random, unsigned percent);

/* One of an array. */
#define random_of(random, array) \
	((array)[random_below((random), sizeof(array) / sizeof((array)[0]))])

#endif
