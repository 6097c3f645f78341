/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What world.c and world-check.c share. */
#ifndef TEST_WORLD_INTERNAL_H
#define TEST_WORLD_INTERNAL_H

#include "world.h"

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>

/* Ask the kernel about the subvolume whose root is open. False: it is none. */
bool world_info(int fd, struct btrfs_ioctl_get_subvol_info_args *info);

/* Open a directory by its path from the top level. -1: cannot be opened. */
int world_open(const struct world *world, const char *path);

/* Transaction of the last change in the subvolume at a path. */
uint64_t world_changed(const struct world *world, const char *path);

#endif
