/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What blankroot writes about subvolumes, as extended attributes of the trusted namespace: they
 * are metadata, so they reach the disk in the same transaction as what they tell about, without a
 * flush of their own.
 *
 * On .blankroot:
 *   trusted.blankroot.old.<escaped name>   "<uuid of the old subvolume> <path its archive will
 *                                          have>"; set before staging is created. Tells, after a
 *                                          power cut, an old subvolume that was swapped out from
 *                                          an unfinished new one.
 *   trusted.blankroot.blank.<escaped name> "<uuid of the blank> <its ctransid>": the blank of the
 *                                          last reset from one, as it was then. Tells a blank that
 *                                          was changed or replaced since.
 *   trusted.blankroot.blank-before.<id>    id of the subvolume that was the blank before the one with
 *                                          this id was
 *   trusted.blankroot.deleting             id of the subvolume whose deletion has begun; that of one
 *                                          that is gone means nothing: ids are never used again
 *   trusted.blankroot.marking              id of a read-only subvolume that is writable for the moment
 *                                          in which a mark is put on it
 * On a directory .blankroot-restore-N, wherever something is restored:
 *   trusted.blankroot.restoring            it is temp-dir.h's: "1", or the file handle of what is in it
 *                                          until that is exchanged with what was there before
 * On the root directory of a subvolume:
 *   trusted.blankroot.retired              when it was swapped out, in seconds since the epoch
 *   trusted.blankroot.good                 set by the running system: this boot was good
 *   trusted.blankroot.pinned               never deleted by retention or for lack of space
 *   trusted.blankroot.replaced-by          id of the subvolume that took its place, for one that is
 *                                          older than it looks: its state is the newest before that
 *   trusted.blankroot.comment              what somebody wants to remember about it: any text without
 *                                          a NUL, at most BR_COMMENT_MAX bytes
 */
#ifndef BR_RECORD_H
#define BR_RECORD_H

#include "error.h"
#include "subvol.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define BR_XATTR_PREFIX "trusted.blankroot."
#define BR_XATTR_OLD BR_XATTR_PREFIX "old."
#define BR_XATTR_BLANK BR_XATTR_PREFIX "blank."
#define BR_XATTR_BLANK_BEFORE BR_XATTR_PREFIX "blank-before."
#define BR_XATTR_DELETING BR_XATTR_PREFIX "deleting"
#define BR_XATTR_MARKING BR_XATTR_PREFIX "marking"
#define BR_XATTR_RESTORING BR_XATTR_PREFIX "restoring"
#define BR_XATTR_RETIRED BR_XATTR_PREFIX "retired"
#define BR_XATTR_GOOD BR_XATTR_PREFIX "good"
#define BR_XATTR_PINNED BR_XATTR_PREFIX "pinned"
#define BR_XATTR_REPLACED_BY BR_XATTR_PREFIX "replaced-by"
#define BR_XATTR_COMMENT BR_XATTR_PREFIX "comment"

#define BR_COMMENT_MAX 1000 /* bytes */

struct br_record {
	bool exists;
	uint8_t uuid[BR_UUID_SIZE];
	char *archive; /* path from the top level */
};

/*
 * Read the record of an ephemeral subvolume.
 *
 * state_fd  BR_STATE_DIR, open; -1: it does not exist
 * escaped   of br_name_escape
 *
 * A record that cannot be understood counts as absent: decisions without it are the careful ones.
 * Returns 0 with *ret owned by the caller (br_record_free); BR_ERR_XATTR, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_record_read(int state_fd, const char *escaped, struct br_record *ret,
				 struct br_error *err);

/* Write it, replacing an earlier one. Not flushed. BR_ERR_XATTR, BR_ERR_NOMEM. */
BR_MUST_CHECK int br_record_write(int state_fd, const char *escaped,
				  const uint8_t uuid[BR_UUID_SIZE], const char *archive,
				  struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_record_free(struct br_record *record);

struct br_blank_record {
	bool exists;
	uint8_t uuid[BR_UUID_SIZE];
	uint64_t ctransid;
};

/* Read what a blank was. Parameters and errors as br_record_read; nothing has to be released. */
BR_MUST_CHECK int br_record_read_blank(int state_fd, const char *escaped,
				       struct br_blank_record *ret, struct br_error *err);

/* Write what it is, replacing an earlier record. Not flushed. BR_ERR_XATTR, BR_ERR_NOMEM. */
BR_MUST_CHECK int br_record_write_blank(int state_fd, const char *escaped,
					const struct br_subvol *blank, struct br_error *err);
/* Forget what it was: the next reset takes what it finds. Not flushed. Errors as above. */
BR_MUST_CHECK int br_record_forget_blank(int state_fd, const char *escaped, struct br_error *err);

/* Note which subvolume was the blank before another one was, by their ids. Not flushed. BR_ERR_XATTR. */
BR_MUST_CHECK int br_record_set_blank_before(int state_fd, uint64_t id, uint64_t before,
					     struct br_error *err);

/* Which one was; 0: it is not known. state_fd -1: there is no BR_STATE_DIR */
uint64_t br_record_get_blank_before(int state_fd, uint64_t id);

/* Forget it, as far as that is possible: ids are never used again. */
void br_record_forget_blank_before(int state_fd, uint64_t id);

/* Note a number on an open directory, replacing an earlier one. Not flushed. BR_ERR_XATTR. */
BR_MUST_CHECK int br_record_set_number(int fd, const char *mark, uint64_t number,
				       struct br_error *err);

/* That number; otherwise when there is none, or it cannot be understood. */
uint64_t br_record_get_number(int fd, const char *mark, uint64_t otherwise);

/* The same of the value of such an attribute. */
uint64_t br_record_parse_number(const char *value, size_t size, uint64_t otherwise);

/*
 * When the subvolume whose root is open was retired. False, *when_ret untouched, when that is not
 * known.
 */
bool br_record_get_retired(int fd, time_t *when_ret);

/* Note on an open subvolume root when it was retired. BR_ERR_XATTR. */
BR_MUST_CHECK int br_record_set_retired(int fd, time_t when, struct br_error *err);

/*
 * Note on the open root of a subvolume in use that the boot it was made for was good, and when that
 * was found. Not flushed. BR_ERR_XATTR.
 */
BR_MUST_CHECK int br_record_set_good(int fd, time_t when, struct br_error *err);

enum br_mark {
	BR_MARK_ABSENT,
	BR_MARK_PRESENT,
	BR_MARK_UNREADABLE, /* perhaps it is there: who would delete what has it must not */
};

/* Is this mark (BR_XATTR_GOOD, BR_XATTR_PINNED) on the open subvolume root? */
enum br_mark br_record_get_mark(int fd, const char *mark);

/* Is there any of the marks that br_record_clear_marks takes off? */
bool br_record_has_any_mark(int fd);

/*
 * The comment on an open subvolume root, owned by the caller; NULL: there is none, it cannot be read,
 * or no memory. Whatever bytes are in it, up to the first NUL: it goes to a terminal escaped only.
 */
char *br_record_get_comment(int fd);

/*
 * Note a comment on an open subvolume root, replacing an earlier one. Not flushed. BR_ERR_USAGE when
 * it is longer than BR_COMMENT_MAX bytes, BR_ERR_XATTR.
 */
BR_MUST_CHECK int br_record_set_comment(int fd, const char *comment, struct br_error *err);

/* Take all marks off, the comment too: a snapshot inherits those of its source. BR_ERR_XATTR. */
BR_MUST_CHECK int br_record_clear_marks(int fd, struct br_error *err);

#endif
