/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All subvolumes of a file system at once, from its root tree: one search instead of a call for each. */
#ifndef BR_SUBVOL_TABLE_H
#define BR_SUBVOL_TABLE_H

#include "error.h"
#include "subvol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct br_subvol_row {
	uint64_t id;
	uint64_t parent_id;          /* of the subvolume that holds it; 0: none, it was deleted */
	uint64_t parent_dir;         /* inode of the directory in it */
	uint64_t block;              /* logical address of the root of its tree */
	uint64_t generation;         /* transaction in which the root of its tree was written */
	uint64_t otransid, ctransid; /* as in br_subvol; 0 in what Linux before 3.6 made */
	uint8_t uuid[BR_UUID_SIZE], parent_uuid[BR_UUID_SIZE];
	bool is_deleted; /* waits for the cleaner */
	bool is_read_only;
	uint32_t name; /* for br_subvol_table_name */
};

struct br_subvol_table {
	struct br_subvol_row *rows; /* sorted by id */
	size_t count, room;
	char *names; /* one after the other; what is at 0 is empty */
	size_t names_used, names_room;
};

/*
 * Read it; the top level itself is left out. As of now, what is not committed included.
 *
 * fd  anything on the file system
 *
 * Returns 0 with *ret for br_subvol_table_free, untouched otherwise. BR_ERR_READ, BR_ERR_NOMEM. Privilege:
 * CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_subvol_table_read(int fd, struct br_subvol_table *ret, struct br_error *err);

/* The subvolume with that id; NULL: there is none. */
struct br_subvol_row *br_subvol_table_find(const struct br_subvol_table *table, uint64_t id);

/* Its name in the directory that holds it, borrowed; "": none, it was deleted. */
const char *br_subvol_table_name(const struct br_subvol_table *table,
				 const struct br_subvol_row *row);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_subvol_table_free(struct br_subvol_table *table);

#endif
