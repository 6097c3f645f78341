/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of one directory. */
#ifndef BR_ENTRIES_H
#define BR_ENTRIES_H

#include "error.h"

/*
 * type: DT_REG and so on, or DT_UNKNOWN; what the directory says, to be verified by whoever relies
 * on it. A negative result ends the visit and is returned. It may remove the entry.
 */
typedef int (*br_entries_visitor)(void *data, const char *name, unsigned char type,
				  struct br_error *err);

/*
 * Call visit for each entry of a directory but "." and "..", in the kernel's order.
 *
 * dirfd  the directory, O_PATH is enough; its own read position is not used
 *
 * Memory does not depend on the number of entries. BR_ERR_READ, and what visit returns.
 */
BR_MUST_CHECK int br_entries_visit(int dirfd, br_entries_visitor visit, void *data,
				   struct br_error *err);

#endif
