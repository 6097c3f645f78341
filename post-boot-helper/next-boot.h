/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the next boot is asked to do, once, instead of a reset from the blank: skip, rollback. */
#ifndef BLANKROOT_NEXT_BOOT_H
#define BLANKROOT_NEXT_BOOT_H

#include "request.h"

#include <stdbool.h>
#include <stdio.h>

/* A command line of such a command, and what its messages name. */
struct next_boot {
	const char *command;     /* "blankroot skip" */
	const char *cancel_name; /* its option that takes the request back, without the dashes */
	const char *cancel_operation; /* that for the audit trail: "skip-cancel" */
	const char *head;             /* of --help: how it is called, what it does */
	const char *dry_run_help;
	bool takes_archive; /* an argument: the archive to start from */
};

/*
 * Parse the arguments of a command, do what they say and tell it. Returns the exit status.
 *
 * The request is made as boot-contract.md has it. One for an archive is made only after all that
 * the next reset will look at was looked at, with that archive in the blank's place.
 */
int next_boot_run(const struct next_boot *command, int argc, char *argv[]);

/* Say what a boot with this request does: "keeps the root". */
void next_boot_put(FILE *out, const struct br_request *request);

#endif
