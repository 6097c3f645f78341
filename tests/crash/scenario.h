/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers, and resets of them, during which the power is cut. */
#ifndef CRASH_SCENARIO_H
#define CRASH_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIO_EPHEMERALS 3
/*
 * Where there is less space for metadata, the kernel writes file data early, and a program that
 * forgets to would not be found.
 */
#define SCENARIO_SIZE (1ULL << 30)

struct ephemeral_place {
	const char *name, *archives; /* name NULL: no more */
};

struct scenario {
	const char *name;
	uint64_t size;           /* of the image; 0: SCENARIO_SIZE */
	unsigned boots;          /* resets before the one that matters */
	void (*make)(int top);   /* makes more on layout_make's server; NULL: nothing */
	void (*before)(int top); /* is done to it just before the reset, in memory; NULL: nothing */
	const char *config;      /* its text */
	const char *cmdline;     /* NULL: "" */
	struct ephemeral_place ephemeral[SCENARIO_EPHEMERALS];
	/* A directory of root in which before works: an old root may be without that. NULL: none */
	const char *loose;
	bool drops_archives; /* space runs out: the oldest ones may go, and what they held is discarded */
};

extern const struct scenario scenarios[];
extern const size_t scenarios_count;

/* The one of this name. */
const struct scenario *scenario_find(const char *name);

#endif
