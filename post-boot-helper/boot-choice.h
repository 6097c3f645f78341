/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the boot loader starts when nobody is there to choose. */
#ifndef BLANKROOT_BOOT_CHOICE_H
#define BLANKROOT_BOOT_CHOICE_H

#include "system-root.h"

#include <stdbool.h>

struct boot_choice {
	/* the file that tells; NULL: nothing does, or not for certain */
	char *source;
	/* path of the initramfs image as the boot loader names it; of a unified kernel image its file's name */
	char *initrd;
	char *options; /* for the kernel; NULL: not known */
	char *origin;  /* the file that has them, and can be edited; NULL: none */
};

/*
 * Find it out: GRUB's grub.cfg and grubenv, with the entries of the boot loader specification where it uses them;
 * systemd-boot's loader.conf and entries; the link initrd.img of Debian.
 *
 * Returns 0 with *ret for boot_choice_free. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int boot_choice_find(const struct system_root *root, struct boot_choice *ret,
				   struct br_error *err);

/* Is this image, by its path in the system, the one that is chosen? */
bool boot_choice_is(const struct boot_choice *choice, const char *image);

/* Release. NULL-safe, and safe on a zeroed structure. */
void boot_choice_free(struct boot_choice *choice);

#endif
