/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What GRUB boots by its configuration as grub-mkconfig(8) writes it: no other script is understood. */
#ifndef BLANKROOT_GRUB_CONFIG_H
#define BLANKROOT_GRUB_CONFIG_H

#include <stdbool.h>

struct grub_choice {
	char *entry;   /* which is the default: "0", a title, "1>gnulinux-6.1"; NULL: no memory */
	bool uses_bls; /* the entries are those of bls-entries.h */
	char *initrd;  /* of the default entry, the last that it names; NULL: not found */
	char *options; /* its command line for the kernel; NULL: not found */
};

/*
 * Find the entry that is booted unless somebody chooses another one.
 *
 * text         of grub.cfg
 * environment  of grubenv; NULL: there is none
 *
 * Pure. The caller releases with grub_choice_free.
 */
void grub_choose(const char *text, const char *environment, struct grub_choice *ret);

/* The value of a variable in an environment, owned by the caller; NULL: it is not set, or empty, or no memory. */
char *grub_variable(const char *environment, const char *name);

/* Release. NULL-safe, and safe on a zeroed structure. */
void grub_choice_free(struct grub_choice *choice);

#endif
