/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Initramfs images that are installed, and unified kernel images, which hold one. */
#ifndef BLANKROOT_BOOT_IMAGES_H
#define BLANKROOT_BOOT_IMAGES_H

#include "system-root.h"

#include <stdbool.h>

struct boot_image {
	char *path;      /* in the system: "/boot/initrd.img-6.1.0" */
	char *kernel;    /* what its name says of the version; NULL: nothing */
	bool is_unified; /* the image is the section .initrd of it */
};

struct boot_images {
	struct boot_image *images; /* sorted by path */
	size_t count;
};

/*
 * Find them below /boot, /efi and /boot/efi, where distributions have them. What is there under two names is listed
 * once; back-ups and images for crash dumps are left out.
 *
 * Returns 0 with *ret for boot_images_free. BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int boot_images_find(const struct system_root *root, struct boot_images *ret,
				   struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void boot_images_free(struct boot_images *images);

#endif
