/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a hibernated system waiting to be resumed? Writing to its file systems would destroy them. */
#ifndef BR_HIBERNATION_H
#define BR_HIBERNATION_H

#include "cmdline.h"
#include "error.h"

/*
 * Look for a hibernation image: any block device of libblkid type "swsuspend", the device of resume=, and the
 * swap file at resume_offset= on it (signature S1SUSPEND in the last 10 bytes of its first page).
 *
 * boot  noresume set: the user's word that any image is void, nothing is looked at
 *
 * Returns 0 when there is none. BR_ERR_HIBERNATED with err->path the device and a text that says how to
 * clear a stale image. A resume= device that does not exist is no error: there is nothing to resume from.
 * A device that cannot be read is BR_ERR_DEVICE_PROBE only when resume= names it. Privilege: to read block devices.
 */
BR_MUST_CHECK int br_hibernation_check(const struct br_boot *boot, struct br_error *err);

#endif
