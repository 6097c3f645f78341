/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a blank still what it was when the last reset was made from it? Trust on first use: what the
 * first reset finds is taken for good.
 */
#ifndef BR_BLANK_H
#define BR_BLANK_H

#include "config.h"
#include "error.h"
#include "subvol.h"

enum br_blank_state {
	BR_BLANK_UNCHANGED,
	BR_BLANK_FIRST_SEEN, /* nothing is known of an earlier one */
	BR_BLANK_MODIFIED,   /* the same subvolume, changed since */
	BR_BLANK_REPLACED,   /* another subvolume than last time */
};

/*
 * Compare a blank with the record of the last reset. What lies in subvolumes nested in it is not
 * looked at.
 *
 * state_fd   BR_STATE_DIR, open; -1: it does not exist
 * escaped    of br_name_escape
 * ephemeral  that it is the blank of
 * blank      its properties
 *
 * BR_ERR_BLANK_CHANGED when it changed and blank-changed = refuse. BR_ERR_XATTR, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_blank_check(int state_fd, const char *escaped,
				 const struct br_ephemeral *ephemeral,
				 const struct br_subvol *blank, enum br_blank_state *state_ret,
				 struct br_error *err);

/* Is that a state to tell somebody about? */
bool br_blank_is_changed(enum br_blank_state state);

/* What happened to it, for a message that has its path in front. Never NULL. */
const char *br_blank_state_text(enum br_blank_state state);

#endif
