/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The next reset, done on copies: in a subvolume of its own below .blankroot, which looks like a top level, with
 * snapshots of the old root and of what it starts from. The code is that of the reset, from the facts to the last
 * commit; only the file system around is another one.
 */
#ifndef BLANKROOT_REHEARSAL_H
#define BLANKROOT_REHEARSAL_H

#include "changes.h"
#include "config.h"
#include "copy.h"
#include "request.h"

#include <stdint.h>

struct rehearsal_path {
	const char *subvolume, *path; /* of the configuration */
	struct br_copy_stats stats;
	uint64_t usec;
	/* what is different in the new root, owned */
	struct br_changes changes;
};

struct rehearsal {
	struct rehearsal_path *paths; /* those that are carried */
	size_t count;
	uint64_t
		usec; /* of the reset's steps; without the snapshots that it works on and the comparison */
};

/*
 * Rehearse.
 *
 * top      the top level, open and writable; what was written to the old roots is flushed
 * config   must outlive the result
 * request  of the next boot: with an archive it starts from that
 *
 * Nothing that anybody uses is changed. What a killed run leaves, the next one clears away, or diff, or prune.
 *
 * Returns 0 with *ret for rehearsal_free; errors as the reset would have them, and of br_frozen_make_area and
 * br_changes_find. Privilege: that of br_copy_tree.
 */
BR_MUST_CHECK int rehearse(int top, const struct br_config *config,
			   const struct br_request *request, struct rehearsal *ret,
			   struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void rehearsal_free(struct rehearsal *rehearsal);

#endif
