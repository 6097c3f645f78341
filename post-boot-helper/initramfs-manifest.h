/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What enters an initramfs, as the integrations read it: hooks/initramfs.manifest. */
#ifndef BLANKROOT_INITRAMFS_MANIFEST_H
#define BLANKROOT_INITRAMFS_MANIFEST_H

#include "system-root.h"

#define INITRAMFS_MANIFEST_PATH "/usr/lib/blankroot/initramfs.manifest"

struct initramfs_manifest {
	char *text;         /* owns what the others point into */
	const char *binary; /* where it is installed; NULL: that is not known */
	const char **modules, **optional;
	size_t module_count, optional_count;
};

/*
 * Read that of a system. A system without one, as NixOS is, has btrfs alone to bring, and the program where the
 * other systems have it, if it is there.
 *
 * Returns 0 with *ret for initramfs_manifest_free. BR_ERR_READ, BR_ERR_TYPE, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int initramfs_manifest_read(const struct system_root *root,
					  struct initramfs_manifest *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void initramfs_manifest_free(struct initramfs_manifest *manifest);

#endif
