/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit trail: everything that a command changes is an entry of the systemd journal (docs/boot-contract.md). */
#ifndef BLANKROOT_AUDIT_H
#define BLANKROOT_AUDIT_H

#include "error.h"

/* MESSAGE_ID of all of them. */
#define AUDIT_MESSAGE_ID "f537f2b0dcb1405db61198e378a3b685"

#define AUDIT_DONE "done"
#define AUDIT_FAILED "failed"

/*
 * Note that something was changed, or could not be: one entry, also with who asked for it as far as that is known. Never
 * fails, and prints nothing: where there is no journal, or it cannot take the entry, nobody hears of it.
 *
 * operation  a word, the command's name first: "snapshot-delete"
 * object     what it was done to, any bytes: a path from the top level, or as the command was given it; NULL: none
 * outcome    AUDIT_DONE, AUDIT_FAILED, or another word
 * err        why it failed; NULL or without a code: nothing to say
 */
void audit(const char *operation, const char *object, const char *outcome,
	   const struct br_error *err);

/* The same of something whose name has two parts, and that was done if r is not negative. dir  NULL: none */
void audit_result(const char *operation, const char *dir, const char *name, int r,
		  const struct br_error *err);

#endif
