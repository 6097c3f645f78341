/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A moment until which something is waited for, by a clock that nobody sets (CLOCK_MONOTONIC). */
#ifndef BR_DEADLINE_H
#define BR_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#define BR_NSEC_PER_MSEC UINT64_C(1000000)
#define BR_NSEC_PER_SEC UINT64_C(1000000000)

struct br_deadline {
	uint64_t nsec;
};

/* The moment in so many seconds; more than five hundred years are as good as for ever. */
struct br_deadline br_deadline_in(uint64_t seconds);

/* Nanoseconds until it; 0: it has come. */
uint64_t br_deadline_left(struct br_deadline deadline);

/*
 * Sleep for so many nanoseconds, but not beyond it; a signal that is handled ends that earlier.
 *
 * Returns whether there is time left.
 */
bool br_deadline_pause(struct br_deadline deadline, uint64_t nsec);

#endif
