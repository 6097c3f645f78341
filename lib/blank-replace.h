/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Another blank in the place of the one that is there. A crash at any moment leaves one complete blank, the old one
 * or the new one, under its name; the old one is kept.
 *
 * Other commands work on the blank too: everything here wants the lock of the file system. It has
 * br_blank_replace_finish done before anything else.
 */
#ifndef BR_BLANK_REPLACE_H
#define BR_BLANK_REPLACE_H

#include "config.h"
#include "error.h"

#include <stdbool.h>
#include <time.h>

/* Where the old one goes. */
enum br_blank_former_place {
	BR_BLANK_TO_ARCHIVES, /* of its ephemeral subvolume, which has a directory for them */
	BR_BLANK_BESIDE,      /* blank-former.h */
};

/*
 * Replace a blank by a read-only snapshot of a subvolume, with all subvolumes nested in that, and without its
 * marks. On return it is on the disk, and noted as what the next reset has to expect.
 *
 * top        the top level, open, writable and locked: br_toplevel_lock
 * config     all ephemeral subvolumes: several may have that blank
 * ephemeral  of them, the one whose blank it is
 * source     the open root of the subvolume
 * now        when, for the name of the old blank
 * kept_ret   that name, in the directory where it went, owned by the caller
 *
 * Finishes first what an interruption left: br_blank_replace_finish. Returns 0; BR_ERR_IN_USE when the
 * blank is mounted; BR_ERR_LAYOUT when it is not a read-only subvolume, and the errors of the steps:
 * after BR_ERR_SNAPSHOT, BR_ERR_XATTR, BR_ERR_SUBVOLUME and BR_ERR_EXCHANGE the old one is still in
 * place. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_blank_replace(int top, const struct br_config *config,
				   const struct br_ephemeral *ephemeral, int source,
				   enum br_blank_former_place keeps, time_t now, char **kept_ret,
				   struct br_error *err);

/*
 * Make a blank where there is none, as above. source: -1: an empty one.
 *
 * BR_ERR_CREATE when there is one; other parameters and errors as above.
 */
BR_MUST_CHECK int br_blank_make_first(int top, const struct br_config *config,
				      const struct br_ephemeral *ephemeral, int source,
				      struct br_error *err);

/*
 * Exchange the blank with a former one, which is kept beside it, and now is the blank again: the very subvolume.
 *
 * former    its name
 * kept_ret  the name that the one has that was the blank until now
 *
 * Other parameters and errors as above.
 */
BR_MUST_CHECK int br_blank_bring_back(int top, const struct br_config *config,
				      const struct br_ephemeral *ephemeral, const char *former,
				      time_t now, char **kept_ret, struct br_error *err);

/*
 * Finish what an interruption left: delete a new blank that is not in place, or keep the old one that is not any more.
 * Nothing to do is fine.
 *
 * kept_ret  name of the archive that was made, owned by the caller; NULL in it: none
 */
BR_MUST_CHECK int br_blank_replace_finish(int top, const struct br_ephemeral *ephemeral, time_t now,
					  char **kept_ret, struct br_error *err);

/* Is there something that br_blank_replace_finish would finish? The top level may be read-only. BR_ERR_OPEN, BR_ERR_NOMEM. */
BR_MUST_CHECK int br_blank_look_unfinished(int top, const struct br_ephemeral *ephemeral, bool *ret,
					   struct br_error *err);

#endif
