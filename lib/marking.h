/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks on subvolumes that are read-only: each has to be made writable for the moment. What an
 * interruption leaves writable is known by a record, and made read-only again by whoever comes next.
 */
#ifndef BR_MARKING_H
#define BR_MARKING_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Pin an archive or a snapshot, or take the pin off. On return it is on the disk.
 *
 * top     the top level, open, writable and locked: br_toplevel_lock
 * subvol  its open root; not mounted anywhere
 *
 * Returns 0 also when nothing had to be done. BR_ERR_LAYOUT, BR_ERR_SUBVOLUME, BR_ERR_XATTR,
 * BR_ERR_SYNC and those of br_private_dir_open. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_marking_pin(int top, int subvol, bool pinned, struct br_error *err);

/*
 * Make one writable, noting that first, for a moment that br_marking_seal ends. id: of the subvolume.
 * Other parameters and errors as above.
 */
BR_MUST_CHECK int br_marking_unseal(int top, int subvol, uint64_t id, struct br_error *err);

/* Make it read-only again, on the disk with all that was done to it, and forget the note. */
BR_MUST_CHECK int br_marking_seal(int top, int subvol, struct br_error *err);

/*
 * Make read-only again what an interrupted call left writable. Nothing to do is fine, also without a
 * state directory. Parameters and errors as above.
 */
BR_MUST_CHECK int br_marking_finish(int top, struct br_error *err);

#endif
