/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot rollback: the next boot starts from an archive; a persistent subvolume goes back to a snapshot. */
#include "command.h"
#include "next-boot.h"

static int run(int argc, char *argv[])
{
	static const struct next_boot rollback = {
		.command = "blankroot rollback",
		.cancel_name = "undo",
		.cancel_operation = "rollback-undo",
		.head = "Usage: blankroot rollback [OPTION]... ARCHIVE|SNAPSHOT\n"
			"  or:  blankroot rollback [OPTION]... --now-blank ARCHIVE\n"
			"  or:  blankroot rollback [OPTION]... --undo\n"
			"Let the next boot start from an archive instead of the blank, once.\n"
			"What is declared as persistent comes from the root in use all the same.\n"
			"With a snapshot: its persistent subvolume is as it was then, from now on. What it\n"
			"was until now becomes a snapshot, too.\n",
		.dry_run_help = "only say what would be done",
		.takes_archive = true,
	};

	return next_boot_run(&rollback, argc, argv);
}

const struct command command_rollback = {
	.name = "rollback",
	.summary = "go back to an archive at the next boot, or to a snapshot",
	.run = run,
};
