/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on an image, kept and put back: for tests that start many times from one state, and for
 * what a power cut leaves. Everything fails the current test when it fails.
 */
#ifndef TEST_STATE_H
#define TEST_STATE_H

#include "image.h"

#include <stdbool.h>

/* A copy of an image of one device, in memory. Lives as long as the process and its children. */
struct state {
	int file; /* -1: none */
};

/*
 * Keep what is on the image. When it is mounted, that is what a power cut at this moment would
 * leave: every write that the file system has sent, and nothing of what it still has in memory.
 */
void state_save(struct state *state, const struct image *image);

/* Put it back. The image must not be mounted anywhere. */
void state_restore(const struct state *state, struct image *image);

/* Is every byte on the image as it was? */
bool state_is_on(const struct state *state, const struct image *image);

/* Are two the same, byte for byte? */
bool state_equals(const struct state *a, const struct state *b);

/* Release. Safe on one that was released. */
void state_free(struct state *state);

#endif
