/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of one directory. */
#ifndef BR_ENTRIES_H
#define BR_ENTRIES_H

#include "error.h"

/*
 * Call visit for each entry of a directory but "." and "..", in the kernel's order.
 *
 * dirfd  the directory, O_PATH is enough; its own read position is not used
 * visit  a negative result ends the visit and is returned; it may remove the entry
 *
 * Memory does not depend on the number of entries. BR_ERR_READ, and what visit returns.
 */
BR_MUST_CHECK int br_entries_visit(int dirfd,
				   int (*visit)(void *data, const char *name, struct br_error *err),
				   void *data, struct br_error *err);

#endif
