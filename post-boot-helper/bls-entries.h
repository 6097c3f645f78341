/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of the boot loader specification: loader/entries/NAME.conf. */
#ifndef BLANKROOT_BLS_ENTRIES_H
#define BLANKROOT_BLS_ENTRIES_H

#include "system-root.h"

struct bls_entry {
	char *id;      /* its file's name: "arch.conf" */
	char *version; /* "" when it says none */
	char *initrd;  /* the last one that it names; NULL: none */
	char *options; /* command line; "" when it says none */
};

struct bls_entries {
	struct bls_entry *entries; /* the newest version first */
	size_t count;
};

/*
 * Read those below a directory of a system: "/boot". Files that cannot be read or are absurdly long are left out.
 *
 * Returns 0 with *ret for bls_entries_free, also when there are none. BR_ERR_NOMEM.
 */
BR_MUST_CHECK int bls_entries_read(const struct system_root *root, const char *directory,
				   struct bls_entries *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void bls_entries_free(struct bls_entries *entries);

/*
 * The value of a key in the text of an entry or of loader.conf, "KEY VALUE" in a line of its own; the last one of
 * several. Owned by the caller; NULL: it is not there, or no memory.
 */
char *bls_value(const char *text, const char *key);

#endif
