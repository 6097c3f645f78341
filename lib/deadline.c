/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A moment until which something is waited for. */
#include "deadline.h"

#include <time.h>

static uint64_t now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
	return (uint64_t)ts.tv_sec * BR_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

struct br_deadline br_deadline_in(uint64_t seconds)
{
	uint64_t start = now();
	bool fits = seconds <= (UINT64_MAX - start) / BR_NSEC_PER_SEC;

	return (struct br_deadline){ fits ? start + seconds * BR_NSEC_PER_SEC : UINT64_MAX };
}

uint64_t br_deadline_left(struct br_deadline deadline)
{
	uint64_t at = now();

	return at < deadline.nsec ? deadline.nsec - at : 0;
}

bool br_deadline_pause(struct br_deadline deadline, uint64_t nsec)
{
	uint64_t left = br_deadline_left(deadline);
	uint64_t pause = nsec < left ? nsec : left;
	struct timespec ts = { .tv_sec = (time_t)(pause / BR_NSEC_PER_SEC),
			       .tv_nsec = (long)(pause % BR_NSEC_PER_SEC) };

	(void)nanosleep(&ts, NULL); /* interrupted: ends earlier */
	return br_deadline_left(deadline) > 0;
}
