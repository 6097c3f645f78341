/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two subvolumes have in common: the snapshots that lead from one to the other. */
#ifndef BR_LINEAGE_H
#define BR_LINEAGE_H

#include "error.h"
#include "subvol.h"

#include <stdint.h>

/*
 * Since which transaction may they differ? Whatever was written before it is the same in both.
 *
 * fd  anything on the file system
 *
 * Follows the parent UUIDs of both until they meet; an ancestor that has been deleted may be the
 * one they meet at, but not one on the way there.
 *
 * Returns 0 with *transid_ret 0 when no common ancestor is known: they may differ in everything.
 * BR_ERR_READ, BR_ERR_SUBVOLUME, BR_ERR_NOMEM. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_lineage_common(int fd, const struct br_subvol *a, const struct br_subvol *b,
				    uint64_t *transid_ret, struct br_error *err);

#endif
