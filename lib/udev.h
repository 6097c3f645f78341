/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What udev knows of the members of a file system. */
#ifndef BR_UDEV_H
#define BR_UDEV_H

#include "error.h"

#include <stdbool.h>

#define BR_UDEV_DIR "/run/udev"

/*
 * Wait until udev has seen all members of a complete file system and regards them as ready.
 *
 * The one that was seen before the last one was there is "not ready" (64-btrfs.rules), and is to be looked
 * at again when the last one is. udev looks at several at a time: that one may be noted as not ready
 * only after that. systemd then takes the device for gone, for good or for a moment, and stops the
 * mount of the root or does not begin it, without a word (seen with systemd 252; so without blankroot).
 * Here the queue is waited for, and what still is not ready is announced again, as udevadm trigger does.
 *
 * dir      BR_UDEV_DIR; nothing is done when no udev runs there
 * fsid     UUID of the file system, as text
 * seconds  how long to wait at most
 *
 * Returns 1 when it had to wait or to announce, 0 when all was well already. BR_ERR_DEVICE_INCOMPLETE: time
 * is up. BR_ERR_OPEN, BR_ERR_READ, BR_ERR_WRITE, BR_ERR_NOMEM. Privilege: to write to uevent
 * files in /sys.
 */
BR_MUST_CHECK int br_udev_settle(const char *dir, const char *fsid, unsigned seconds,
				 struct br_error *err);

#endif
