/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Archives, parked subvolumes and snapshots as they are on the disk, for retention. */
#ifndef BR_RETAINED_H
#define BR_RETAINED_H

#include "config.h"
#include "error.h"
#include "marks-kept.h"
#include "mountinfo.h"
#include "retention.h"
#include "subvol-table.h"

#include <stdint.h>

#define BR_SNAPSHOTS_DIR "snapshots" /* of the helper, in the top level */

enum br_retained_kind { BR_RETAINED_ARCHIVE, BR_RETAINED_PARKED, BR_RETAINED_SNAPSHOT };

/* What holds an item, whichever it is. */
struct br_retained_facts {
	int top; /* the top level; borrowed */
	uint64_t default_id;
	uint64_t deleting; /* the one whose deletion was interrupted; 0: none */
	struct br_mountinfo mounts;
	struct br_subvol_table table; /* of all subvolumes: what is in which directory */
	struct br_marks_kept kept;    /* nothing unless br_retained_facts_use_kept was called */
	const char
		*requested; /* name of an archive that a boot starts from; NULL: none; borrowed */
};

/* Those of one subvolume. */
struct br_retained {
	enum br_retained_kind kind;
	const char *subvolume;           /* borrowed */
	const char *dir;                 /* from the top level; borrowed */
	int dirfd;                       /* -1: there is no such directory */
	struct br_retention_item *items; /* sorted; each owns its name, not its comment */
	size_t count;
	struct br_marks *marks; /* of those that were there, as they were read */
	size_t marks_count;
};

/*
 * Read the facts. top: the top level. requested: as in the structure.
 *
 * Returns 0 with *ret owned by the caller (br_retained_facts_free). Errors of br_mountinfo_read,
 * br_subvol_get_default and br_subvol_table_read.
 */
BR_MUST_CHECK int br_retained_facts_read(int top, const char *requested,
					 struct br_retained_facts *ret, struct br_error *err);

/*
 * Take marks from what br_retained_keep wrote where that is possible, for those who only show them. Nothing to fail.
 */
void br_retained_facts_use_kept(struct br_retained_facts *facts);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_retained_facts_free(struct br_retained_facts *facts);

/*
 * List what there is of an ephemeral subvolume: its archives, or what is parked.
 *
 * Only subvolumes directly in the directory, with a name of br_name_archive, are listed; all else
 * there is somebody else's. Which there are is what the facts know; their marks are of now. One that is damaged is held:
 * BR_REASON_UNREADABLE.
 *
 * Returns 0 with *ret owned by the caller (br_retained_free); empty when there is no directory.
 * BR_ERR_READ, BR_ERR_OPEN, BR_ERR_SYMLINK, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_retained_list(const struct br_retained_facts *facts,
				   const struct br_ephemeral *config, struct br_retained *ret,
				   struct br_error *err);

/* The same for the helper's snapshots of a persistent subvolume. */
BR_MUST_CHECK int br_retained_list_snapshots(const struct br_retained_facts *facts,
					     const char *subvolume, struct br_retained *ret,
					     struct br_error *err);

typedef int (*br_retained_visitor)(void *data, const char *name, struct br_error *err);

/*
 * Call visit for the name of each subvolume in a directory, in the order of their ids.
 *
 * dir  from the top level; nothing is visited when it does not exist
 *
 * What visit returns ends it when it is not 0, and is returned. BR_ERR_OPEN, BR_ERR_SYMLINK, BR_ERR_STAT.
 */
BR_MUST_CHECK int br_retained_visit_names(const struct br_retained_facts *facts, const char *dir,
					  br_retained_visitor visit, void *data,
					  struct br_error *err);

/*
 * Write the marks of many subvolumes down for br_retained_facts_use_kept, if they are many and that is not done yet. For those
 * who have the lock. What cannot be written is read by everybody: that is no failure.
 */
void br_retained_keep(const struct br_retained_facts *facts, const struct br_retained *const *lists,
		      size_t count);

/*
 * Look once more, right before a deletion, what holds an item: hours may have passed since the list
 * was made. BR_REASON_NONE in *held_ret: nothing.
 *
 * requested  as in br_retained_facts
 *
 * Errors of br_retained_facts_read, br_subvol_open; BR_ERR_LAYOUT when it is another subvolume.
 */
BR_MUST_CHECK int br_retained_recheck(int top, const char *requested,
				      const struct br_retained *retained,
				      const struct br_retention_item *item,
				      enum br_reason *held_ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure whose dirfd is -1. */
void br_retained_free(struct br_retained *retained);

/*
 * Delete an item, with all subvolumes nested in it, durably. Waits until the cleaner has freed its
 * space, at most for that many seconds.
 *
 * Whoever interrupts it half way leaves an item that br_retained_list knows as one to go on with.
 * Verifies that the name still is the subvolume with this id. BR_ERR_DELETE, BR_ERR_LAYOUT and
 * those of br_subvol_commit.
 */
BR_MUST_CHECK int br_retained_delete(const struct br_retained_facts *facts,
				     const struct br_retained *retained,
				     const struct br_retention_item *item, unsigned seconds,
				     struct br_error *err);

#endif
