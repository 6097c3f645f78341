/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files about subvolumes share. */
#ifndef BR_SUBVOL_INTERNAL_H
#define BR_SUBVOL_INTERNAL_H

#include "cleanup.h"

#include <btrfsutil.h>
#include <fcntl.h>

/* The ioctls do not take an O_PATH descriptor. Returns one that they take, -1 with errno. */
static inline int br_subvol_reopen(int dirfd)
{
	return openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

#endif
