/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting one persistent path into the new subvolume: carried from the old one, or created. */
#ifndef BR_CARRY_H
#define BR_CARRY_H

#include "config.h"
#include "copy.h"
#include "error.h"

/*
 * Carry a path: what the new subvolume has there is removed, missing parents are made like those
 * of the old one, the object is copied, or snapshotted when it is a subvolume, or converted into a
 * subvolume (method). Directories of the new subvolume that only hold the path keep their times.
 *
 * old, staging  open subvolume roots
 * options       of br_copy_tree; as_subvolume follows from the method. NULL: defaults
 * stats         added to
 *
 * Errors carry the path below the subvolume. BR_ERR_SYMLINK, BR_ERR_TYPE: a component is no
 * directory in the old or the new one; others as br_copy_tree and br_remove_tree. On failure
 * staging is to be discarded.
 */
BR_MUST_CHECK int br_carry_path(int old, int staging, const struct br_persist *persist,
				const struct br_copy_options *options, struct br_copy_stats *stats,
				struct br_error *err);

/*
 * Create a path that neither the old nor the new subvolume has, with owner and mode as configured;
 * missing parents are made like those of the old one where it has them, else root's with mode 0755.
 *
 * old  -1: there is no old subvolume
 *
 * BR_ERR_OWNER: a name is not known in the new subvolume. Others as above.
 */
BR_MUST_CHECK int br_carry_create(int old, int staging, const struct br_persist *persist,
				  struct br_error *err);

#endif
