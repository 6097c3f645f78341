/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a subvolume, another one that is in use and has probably much in common with it, by what the root
 * tree says of both.
 */
#ifndef BR_RELATIVE_H
#define BR_RELATIVE_H

#include "error.h"
#include "inherited.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A subvolume that is in use, at one of those that it comes from. */
struct br_relative {
	uint8_t uuid[BR_UUID_SIZE]; /* of that one, which may be gone */
	size_t distance;            /* 0: it is that one itself */
	const struct br_subvol_row *row;
};

/* Treat as opaque. */
struct br_relatives {
	const struct br_inherited *inherited;
	struct br_relative *list; /* sorted by uuid, then by distance, then the youngest first */
	size_t count, room;
};

/*
 * Prepare.
 *
 * inherited   borrowed
 * is_in_use   is this one among those to be found?
 *
 * Returns 0 with *ret for br_relatives_free, untouched otherwise. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_relatives_begin(const struct br_inherited *inherited,
				     bool (*is_in_use)(const void *data,
						       const struct br_subvol_row *row),
				     const void *data, struct br_relatives *ret,
				     struct br_error *err);

/*
 * The nearest one: a snapshot of the subvolume or of such a snapshot; what it is a snapshot of itself; another
 * snapshot of that, and so on up. NULL: none is known. What they have in common is not promised.
 */
const struct br_subvol_row *br_relatives_find(const struct br_relatives *relatives,
					      const struct br_subvol_row *row);

/* Release. A zeroed structure is fine. */
void br_relatives_free(struct br_relatives *relatives);

#endif
