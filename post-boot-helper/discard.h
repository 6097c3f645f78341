/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the devices of a file system are told of free blocks already, or can be. */
#ifndef BLANKROOT_DISCARD_H
#define BLANKROOT_DISCARD_H

#include "error.h"
#include "filesystem.h"

enum discard_state {
	DISCARD_NONE, /* it can be told, and is not */
	DISCARD_CONTINUOUS, /* it is all the time: mounted with discard=async, the default since Linux 6.2 */
	DISCARD_SYNC,        /* the same with plain "discard" */
	DISCARD_UNSUPPORTED, /* no device takes it */
};

/*
 * Find out, from the options of the mounts that this process sees and from sysfs. What sysfs does not tell is left to the
 * kernel to refuse: DISCARD_NONE.
 *
 * Errors of reading the list of mounts.
 */
BR_MUST_CHECK int discard_ask(const struct filesystem *filesystem, enum discard_state *ret,
			      struct br_error *err);

#endif
