/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of blankroot: one file cmd-NAME.c each. */
#ifndef BLANKROOT_COMMAND_H
#define BLANKROOT_COMMAND_H

#include "error.h"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_DIFFERENT = 3, /* diff --exit-code */
	EXIT_NOT_NOW =
		4, /* a job that has to wait for a better moment, or was stopped: nothing is wrong */
};

struct command {
	const char *name;
	const char *summary; /* one line of --help */
	/*
	 * argv[0] is "blankroot NAME", for messages of getopt_long. Returns the exit status. Output
	 * is flushed, and its loss found, by the caller.
	 */
	int (*run)(int argc, char *argv[]);
};

/* Print what went wrong, as "blankroot NAME: message". Returns EXIT_FAILED, of an error of usage EXIT_USAGE. */
int command_fail(const char *command, const struct br_error *err);

extern const struct command command_balance;
extern const struct command command_blank;
extern const struct command command_check;
extern const struct command command_convert;
extern const struct command command_defrag;
extern const struct command command_diff;
extern const struct command command_init;
extern const struct command command_list;
extern const struct command command_metrics;
extern const struct command command_persist;
extern const struct command command_prune;
extern const struct command command_report;
extern const struct command command_restore;
extern const struct command command_rollback;
extern const struct command command_scrub;
extern const struct command command_skip;
extern const struct command command_snapshot;
extern const struct command command_status;
extern const struct command command_trim;
extern const struct command command_tune;

#endif
