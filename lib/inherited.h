/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a subvolume shares for certain with another one, by what the root tree says of both. */
#ifndef BR_INHERITED_H
#define BR_INHERITED_H

#include "error.h"
#include "subvol-table.h"

#include <stdint.h>

/* Treat as opaque. */
struct br_inherited {
	const struct br_subvol_table *table;
	const struct br_subvol_row **by_uuid;
	const struct br_subvol_row **by_parent; /* snapshots of one source together, by age */
};

/*
 * Prepare. table: borrowed. Returns 0 with *ret for br_inherited_free, untouched otherwise.
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_inherited_begin(const struct br_subvol_table *table, struct br_inherited *ret,
				     struct br_error *err);

/* The subvolume with this UUID, which has BR_UUID_SIZE bytes; NULL: there is none. */
const struct br_subvol_row *br_inherited_find(const struct br_inherited *inherited,
					      const uint8_t *uuid);

/*
 * Up to which transaction is all that the subvolume has of it in another one, too, unchanged?
 *
 * That other one is not deleted and has a smaller id: it is what the subvolume is a snapshot of, or
 * an older snapshot of that, or the same further up, and nothing in it was changed since. What is
 * in nodes of a later transaction need not be anywhere else.
 *
 * 0: nothing is known.
 */
uint64_t br_inherited_until(const struct br_inherited *inherited, const struct br_subvol_row *row);

/* Release. A zeroed structure is fine. */
void br_inherited_free(struct br_inherited *inherited);

#endif
