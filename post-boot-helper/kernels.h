/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Versions of kernels: for which a root has modules, and which are installed for booting. */
#ifndef BLANKROOT_KERNELS_H
#define BLANKROOT_KERNELS_H

#include "system-root.h"

#include <stdbool.h>
#include <stddef.h>

struct kernels {
	char **versions; /* sorted as versions are */
	size_t count;
};

/*
 * Those that a root has modules for: directories of /lib/modules with more than what an uninstalled kernel leaves.
 *
 * Returns 0 with *ret for kernels_free. BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int kernels_find_modules(const struct system_root *root, struct kernels *ret,
				       struct br_error *err);

/*
 * Those in /boot whose name tells their version, and those that have an initramfs (boot-images.h). Results as above.
 */
BR_MUST_CHECK int kernels_find_booted(const struct system_root *root, struct kernels *ret,
				      struct br_error *err);

/* Is it one of them? */
bool kernels_have(const struct kernels *kernels, const char *version);

/* Release. NULL-safe, and safe on a zeroed structure. */
void kernels_free(struct kernels *kernels);

#endif
