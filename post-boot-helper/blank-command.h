/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of blankroot blank: one file for each of its words. */
#ifndef BLANKROOT_BLANK_COMMAND_H
#define BLANKROOT_BLANK_COMMAND_H

#include "config.h"
#include "error.h"
#include "filesystem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLANK_COMMAND "blankroot blank" /* for messages */
#define BLANK_KEEP_DEFAULT 2

struct blank_options {
	struct filesystem_options filesystem;
	const char *subvolume; /* NULL: show and verify: all, others: that at "/" */
	const char *from;      /* create: NULL: the ephemeral subvolume */
	uint64_t keep;         /* former blanks */
	bool dry_run, json;
	char *const *arguments; /* ended by NULL */
	size_t count;
};

/* Each returns an exit status; what went wrong has been told. Privilege: root. */
int blank_show(const struct blank_options *options);
int blank_verify(const struct blank_options *options);
int blank_commit(const struct blank_options *options);
int blank_update(const struct blank_options *options);
int blank_create(const struct blank_options *options);
int blank_rollback(const struct blank_options *options);

/* --- blank-choose.c: what they share --- */

/*
 * The ephemeral subvolume that is meant: the one of this name; without a name that which is mounted at "/", or the only
 * one.
 *
 * BR_ERR_USAGE: there is none, or it does not say which.
 */
BR_MUST_CHECK int blank_choose(const struct br_config *config, const char *name,
			       const struct br_ephemeral **ret, struct br_error *err);

/* Is it meant by --subvolume, where no name means all? */
bool blank_is_meant(const struct blank_options *options, const struct br_ephemeral *ephemeral);

/* Note it in the audit trail, with the blank as the object. */
void blank_audit(const char *operation, const struct br_ephemeral *ephemeral, int r,
		 const struct br_error *err);

/* Delete former blanks but for so many, and say so. What cannot be deleted is a warning: the command is done. */
void blank_drop_formers(const struct filesystem *filesystem, const struct br_ephemeral *ephemeral,
			uint64_t keep);

/* Say what the former blank is called now, and how to go back. */
void blank_tell_former(const struct br_ephemeral *ephemeral, const char *former);

/* Its path from the top level; NULL: no memory. */
char *blank_former_path(const struct br_ephemeral *ephemeral, const char *former);

#endif
