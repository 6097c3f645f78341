/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a hibernated system waiting to be resumed? Writing to its file systems would destroy them. */
#ifndef BR_HIBERNATION_H
#define BR_HIBERNATION_H

#include "cmdline.h"
#include "error.h"

/*
 * Look for a hibernation image on all block devices that have a node in /dev: libblkid type
 * "swsuspend", and the signature of an image (S1SUSPEND and its like in the last 10 bytes of a
 * page) in the first page of a swap file: at resume_offset=, and at the offset in the EFI variable
 * HibernateLocation, where systemd 254 and newer notes it when the command line has none. Offsets
 * are tried on every device, because resume= has forms that only others understand. A device with
 * the signatures of an image and of something else counts as one with an image.
 *
 * boot  noresume set: the user's word that any image is void, nothing is looked at
 *
 * Returns 0 when there is none. BR_ERR_HIBERNATED with err->path the device and a text that says
 * how to clear a stale image. A resume= device that does not exist is no error: there is nothing to
 * resume from. A device that cannot be read is BR_ERR_DEVICE_PROBE only when resume= names it by
 * path. BR_ERR_OPEN or BR_ERR_READ (/dev), BR_ERR_NOMEM. Privilege: to read block devices.
 */
BR_MUST_CHECK int br_hibernation_check(const struct br_boot *boot, struct br_error *err);

#endif
