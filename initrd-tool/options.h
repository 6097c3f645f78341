/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of blankroot-initrd. */
#ifndef BLANKROOT_INITRD_OPTIONS_H
#define BLANKROOT_INITRD_OPTIONS_H

#include <stdbool.h>

enum action {
	ACTION_RESET,
	ACTION_CHECK_CONFIG,
	ACTION_PRINT,
	ACTION_HELP,
	ACTION_VERSION,
};

struct options {
	enum action action;
	const char *config;
	const char *device;  /* NULL: not given */
	const char *cmdline; /* NULL: /proc/cmdline */
	const char *report;  /* NULL: no report */
	const char *key;     /* of ACTION_PRINT: "on-failure" or "device" */
	bool dry_run;
};

/*
 * Read the command line into *options. A wrong one is explained on standard error.
 *
 * Returns whether it could be understood. Strings point into argv.
 */
bool options_parse(int argc, char *argv[], struct options *options);

/* Print --help to standard output. */
void options_print_help(void);

#endif
