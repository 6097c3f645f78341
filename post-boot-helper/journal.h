/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Entries of the systemd journal, field by field. */
#ifndef BLANKROOT_JOURNAL_H
#define BLANKROOT_JOURNAL_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Zeroed: an empty one. Released by journal_send. */
struct journal_entry {
	struct iovec *fields;
	size_t count, room;
	bool no_memory;
};

/* Add a field. value NULL: it is left out. A lack of memory shows when the entry is sent. */
void journal_add(struct journal_entry *entry, const char *name, const char *value);
void journal_add_number(struct journal_entry *entry, const char *name, uint64_t value);

/* Is there a journal on this system, and can it be written to? False: built without, too. */
bool journal_is_there(void);

/*
 * Send an entry to the journal of this system, and release it.
 *
 * BR_ERR_OPEN: there is no journal here. BR_ERR_UNSUPPORTED: built without. BR_ERR_WRITE,
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int journal_send(struct journal_entry *entry, struct br_error *err);

#endif
