/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What archives and snapshots hold that nothing else does, for those who ask every few minutes: counting it may take
 * long, so it is kept in a file, and counted anew only as often as it costs a hundredth of the time.
 */
#ifndef BLANKROOT_METRICS_OVERHEAD_H
#define BLANKROOT_METRICS_OVERHEAD_H

#include "retained-all.h"

#include <stdbool.h>
#include <stdint.h>

#define METRICS_KINDS (BR_RETAINED_SNAPSHOT + 1)

struct metrics_overhead {
	uint64_t counted;     /* when: seconds since the epoch */
	uint64_t duration_us; /* that it took */
	uint64_t used;        /* bytes of the file system that were in use then */
	uint64_t total;       /* bytes that only archives, parked subvolumes and snapshots hold */
	uint64_t kinds
		[METRICS_KINDS]; /* of them, what only those of one kind hold: enum br_retained_kind */
	bool is_complete;        /* else there was not enough time: the numbers are too small */
};

/*
 * Count, or take what was counted before: if that is of this file system, not older than an hour and than a hundred times
 * what it took.
 *
 * fsid  as text
 * used  bytes of the file system that are in use now
 * dir   directory of the file, "overhead.json"; made if there is none. What cannot be kept is counted anew
 *
 * Returns 0 with *ret filled. Errors of overhead_all_count.
 */
BR_MUST_CHECK int metrics_overhead_get(const struct retained_all *all, const char *fsid,
				       uint64_t used, const char *dir, struct metrics_overhead *ret,
				       struct br_error *err);

/* Share of the used bytes that only archives hold: what max-overhead limits. */
double metrics_overhead_share(const struct metrics_overhead *overhead);

#endif
