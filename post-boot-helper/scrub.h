/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot scrub: what its parts share. */
#ifndef BLANKROOT_SCRUB_H
#define BLANKROOT_SCRUB_H

#include "filesystem.h"

#include <stdbool.h>
#include <stdint.h>

#define SCRUB_COMMAND "blankroot scrub"
#define SCRUB_JSON_VERSION 1

struct scrub_options {
	struct filesystem_options filesystem;
	bool read_only; /* repair nothing */
	bool restart;   /* begin anew, also when one was interrupted */
	bool resume;    /* only go on with one that was interrupted */
	uint64_t limit; /* bytes a second for each device; 0: none */
	bool dry_run, json;
};

/*
 * Begin a scrub or go on with one, and tell what it found. Everything is said, also what went wrong.
 *
 * Returns the exit status: EXIT_FAILED also for errors that could not be repaired, EXIT_NOT_NOW when it was stopped,
 * or there is nothing to resume.
 */
int scrub_start(const struct scrub_options *options);

#endif
