/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot rollback: the next boot starts from an archive. */
#include "command.h"
#include "config.h"
#include "next-boot.h"

#include <stdio.h>

static void print_help(void)
{
	(void)fputs(/* lost output is found when standard output is closed */
		    "Usage: blankroot rollback [OPTION]... ARCHIVE\n"
		    "  or:  blankroot rollback [OPTION]... --now-blank ARCHIVE\n"
		    "  or:  blankroot rollback [OPTION]... --undo\n"
		    "Let the next boot start from an archive instead of the blank, once.\n"
		    "What is declared as persistent comes from the root in use all the same.\n"
		    "\n"
		    "      --undo         take that back, or whatever else the next boot was asked for\n"
		    "      --now-blank    make the archive the blank of all boots from now on\n"
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
	static const struct next_boot rollback = {
		.command = "blankroot rollback",
		.cancel_name = "undo",
		.print_help = print_help,
		.takes_archive = true,
	};

	return next_boot_run(&rollback, argc, argv);
}

const struct command command_rollback = {
	.name = "rollback",
	.summary = "let the next boot start from an archive, once",
	.run = run,
};
