/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two subvolumes, found by the generations in their trees: the cost follows
 * the number of changes, not the number of files.
 *
 * A snapshot shares the tree of its source; whatever is changed later is written to new nodes, which
 * carry the number of the transaction. So a search for nodes of a later transaction than that of the
 * snapshot (br_lineage_common) passes over all that is still shared, and finds each inode that was
 * changed or made. What was removed is not in any new node, but its directory is: the entries of
 * changed directories are compared with those of the other subvolume. Files whose data was written
 * again are compared only where their extents differ.
 *
 * Subvolumes without a common past are compared completely, by name.
 */
#ifndef BR_CHANGES_H
#define BR_CHANGES_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum br_change_kind {
	BR_CHANGE_CREATED, /* a name that was not there, of an object that is new unless is_link */
	BR_CHANGE_DELETED, /* a name that is gone, and with it the object unless is_link */
	/* another content or other attributes, at the same name of the same directory */
	BR_CHANGE_CHANGED,
	BR_CHANGE_RENAMED, /* the same object at another name; all that is in it came along */
};

/* What is different about an object that both have. */
enum br_change_what {
	BR_CHANGED_CONTENT = 1, /* bytes of a file, target of a link, numbers of a device */
	BR_CHANGED_MODE = 2,
	BR_CHANGED_OWNER = 4,
	BR_CHANGED_TIME = 8, /* of modification */
	BR_CHANGED_XATTR = 16,
	BR_CHANGED_FLAGS =
		32,           /* inode flags, but for compression, which is an extended attribute */
	BR_CHANGED_TYPE = 64, /* another object of another type; the other bits are not set then */
};

struct br_change {
	enum br_change_kind kind;
	unsigned what; /* br_change_what: CHANGED, and RENAMED if it was changed too */
	/* from the root of the subvolume, "" for that; where it is now, DELETED: where it was */
	char *path;
	char *from;            /* RENAMED: where it was; else NULL */
	mode_t old_mode, mode; /* 0 on the side where it does not exist */
	/* bytes of a file, or of a link's target; 0 for all else */
	uint64_t old_size, size;
	bool is_subvolume; /* CREATED, DELETED: a nested subvolume, not a plain directory */
	bool is_link;      /* CREATED, DELETED: one of several names; another has the object, too */
	bool is_replaced;  /* DELETED: its name is in use again; CREATED, RENAMED: it was in use */
};

struct br_changes {
	struct br_change *changes; /* sorted by path; what is in a directory follows it */
	size_t count, room;
	bool is_related; /* a common past is known; false: everything was looked at */
};

struct br_changes_request {
	int top;          /* the top level, open for reading; writable where something is frozen */
	const char *from; /* the old subvolume, its path from the top level: the blank */
	const char *of;   /* the new one: the root that is in use, or an archive */
	/* paths in them, without leading slash, that are left out with all that is in them */
	const char *const *exclude;
	size_t exclude_count;
	const char *only; /* this path and all that is in it; NULL: everything */
};

/*
 * Find what is different.
 *
 * Objects are the same when inode number, generation and time of birth are: so a renamed directory
 * is one change, whatever is in it. An object that was removed and another one of the same type
 * made in its place, as editors and package managers do, is CHANGED when content or attributes
 * differ, and no change when they do not. An object with several names is CHANGED at the first of
 * them; of n new and m lost names of one object, as many as go together are RENAMED, in the order of
 * the paths. A directory is not CHANGED if only its time of modification is different and its
 * entries are. Not compared: times of access, status change and birth.
 *
 * Nested subvolumes are compared with those at the same name; what is in a created or deleted one
 * is listed. Place-holders of nested subvolumes count as nothing.
 *
 * A writable subvolume is frozen meanwhile (br_frozen_make), nested ones one at a time: nothing
 * that happens during the comparison shows. An object that is excluded on one side only, because
 * it was renamed, is listed.
 *
 * Returns 0 with *ret, for br_changes_free. Memory grows with the number of changes. BR_ERR_OPEN,
 * BR_ERR_LAYOUT, BR_ERR_READ, BR_ERR_NOMEM, and what br_frozen_make, br_lineage_common and
 * br_extents_compare return. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_changes_find(const struct br_changes_request *request, struct br_changes *ret,
				  struct br_error *err);

/* Release. A zeroed structure is fine. */
void br_changes_free(struct br_changes *changes);

#endif
