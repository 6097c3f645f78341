/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The marks on the roots of many subvolumes (record.h), from their trees: nothing is opened, and a subvolume costs one
 * system call.
 */
#ifndef BR_MARKS_H
#define BR_MARKS_H

#include "error.h"
#include "record.h"
#include "subvol-table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct br_marks {
	const struct br_subvol_row *row; /* of the subvolume: set by the caller, who owns it */
	/* filled: */
	int unreadable; /* its tree is damaged: what the kernel says of it; it has no marks then. 0: it is not */
	bool is_gone; /* there is no such subvolume any more; it has no marks then */
	bool is_good, is_pinned;
	bool has_retired;
	time_t retired;
	uint64_t replaced_by; /* 0: it is not known */
	char *comment;        /* owned; NULL: none */
};

/*
 * Read them, in the order on the disk. As of now, what is not committed included.
 *
 * fd    anything on the file system
 * list  in any order; sorted by the place on the disk afterwards
 *
 * A tree that cannot be read is no failure: it says so itself. Returns 0 with all filled, for br_marks_free; also to be
 * called after a failure. BR_ERR_READ and BR_ERR_NOMEM, with the subvolume in *failed_ret. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_marks_read(int fd, struct br_marks *list, size_t count,
				const struct br_subvol_row **failed_ret, struct br_error *err);

/* Release the comments; the list is the caller's. */
void br_marks_free(struct br_marks *list, size_t count);

#endif
