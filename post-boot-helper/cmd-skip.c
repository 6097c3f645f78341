/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot skip: the next boot keeps the root. */
#include "command.h"
#include "config.h"
#include "next-boot.h"

#include <stdio.h>

static void print_help(void)
{
	(void)fputs(/* lost output is found when standard output is closed */
		    "Usage: blankroot skip [OPTION]...\n"
		    "Let the next boot keep the root, once.\n"
		    "\n"
		    "      --cancel       take that back, or whatever else the next boot was asked for\n"
		    "      --dry-run      only say what would be asked for\n"
		    "      --device=SPEC  another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n"
		    "                     or a device\n"
		    "      --config=FILE  the configuration (default " BR_CONFIG_PATH ")\n"
		    "      --help         print this and exit\n"
		    "\n"
		    "Exit codes: 0 done; 1 failed, nothing is changed; 2 usage error.\n",
		    stdout);
}

static int run(int argc, char *argv[])
{
	static const struct next_boot skip = {
		.command = "blankroot skip",
		.cancel_name = "cancel",
		.print_help = print_help,
	};

	return next_boot_run(&skip, argc, argv);
}

const struct command command_skip = {
	.name = "skip",
	.summary = "let the next boot keep the root, once",
	.run = run,
};
