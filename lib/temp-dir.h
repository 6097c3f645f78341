/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A private directory beside a target, in which the target is prepared, to appear complete or not at
 * all.
 *
 * The directory that holds both may belong to somebody less privileged, who may rename there what he
 * likes. In ours nobody but root can do anything: what is prepared in it is out of reach until it has
 * its place, and all of this goes by descriptors, so that a directory of his under our name is not
 * taken for ours.
 *
 * Ours is known by a mark, BR_XATTR_RESTORING, which nobody else can set, and is locked as long as its
 * maker lives. The mark also tells, when the target was exchanged with what was there before, which of
 * the two is in it: what was there is never removed.
 */
#ifndef BR_TEMP_DIR_H
#define BR_TEMP_DIR_H

#include "error.h"

#include <stdbool.h>
#include <time.h>

#define BR_TEMP_DIR_PREFIX ".blankroot-restore-" /* and a number from 1 */

struct br_temp_dir {
	int parent;     /* borrowed */
	int fd;         /* open for reading; -1: there is none */
	char *name;     /* in parent, when it was made */
	bool holds_old; /* what was there before could not be moved out of it */
};

/*
 * Make one, empty.
 *
 * parent  a directory, open for reading; as long as ret is used
 *
 * Returns 0 with *ret owned by the caller (br_temp_dir_drop). BR_ERR_CREATE, BR_ERR_OPEN,
 * BR_ERR_LOCKED, BR_ERR_NOMEM; BR_ERR_LAYOUT when somebody has put another directory in its place;
 * BR_ERR_UNSUPPORTED when the file system has no such attributes; those of br_attributes_clear.
 * Privilege: CAP_SYS_ADMIN and those of br_copy_tree, here and below.
 */
BR_MUST_CHECK int br_temp_dir_make(int parent, struct br_temp_dir *ret, struct br_error *err);

/*
 * Write down, before the flush, that what is prepared is to be exchanged with what is there: without
 * that, br_temp_dir_exchange would be unsafe. name: of both. BR_ERR_LINK (its file handle), BR_ERR_XATTR.
 */
BR_MUST_CHECK int br_temp_dir_will_exchange(const struct br_temp_dir *temp, const char *name,
					    struct br_error *err);

/*
 * Flush the file system of a directory, btrfs or another one. BR_ERR_SYNC. Before what is prepared gets
 * its place, and after.
 */
BR_MUST_CHECK int br_temp_dir_flush(int dir, struct br_error *err);

/*
 * Move what is prepared to its place, where nothing must be: BR_ERR_RENAME with EEXIST. What cannot be
 * moved, being immutable, append-only or a read-only subvolume, becomes that when it is there.
 */
BR_MUST_CHECK int br_temp_dir_put(const struct br_temp_dir *temp, const char *name,
				  struct br_error *err);

/*
 * Exchange what is prepared with what is there, and move that to a name of its own beside it:
 * br_name_archive. What is there must be movable.
 *
 * kept_ret  that name, owned by the caller
 *
 * BR_ERR_EXCHANGE, BR_ERR_RENAME (all is as before then, or holds_old is set), BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_temp_dir_exchange(struct br_temp_dir *temp, const char *name, time_t now,
				       char **kept_ret, struct br_error *err);

/*
 * Remove it, with what is still prepared under that name. NULL-safe when there is none. What was there
 * before stays. Errors of br_remove_copy; then br_temp_dir_clear will find it.
 */
BR_MUST_CHECK int br_temp_dir_drop(struct br_temp_dir *temp, const char *name,
				   struct br_error *err);

/* Told of each name that br_temp_dir_clear gives to what a target had replaced. */
typedef void (*br_temp_dir_kept)(void *data, const char *name);

/*
 * Remove the directories that interrupted runs have left here. Those of running ones stay, and what
 * looks like one and has not the mark, unless it is an empty directory of root's alone.
 *
 * dir   open for reading
 * kept  called when one held what a target had replaced, and this got a name beside it, with the time
 *
 * Errors of br_entries_visit, br_remove_copy, br_temp_dir_exchange; BR_ERR_XATTR.
 */
BR_MUST_CHECK int br_temp_dir_clear(int dir, time_t now, br_temp_dir_kept kept, void *data,
				    struct br_error *err);

#endif
