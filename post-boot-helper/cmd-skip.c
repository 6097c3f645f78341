/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot skip: the next boot keeps the root. */
#include "command.h"
#include "next-boot.h"

static int run(int argc, char *argv[])
{
	static const struct next_boot skip = {
		.command = "blankroot skip",
		.cancel_name = "cancel",
		.cancel_operation = "skip-cancel",
		.head = "Usage: blankroot skip [OPTION]...\n"
			"Let the next boot keep the root, once.\n",
		.dry_run_help = "only say what would be asked for",
	};

	return next_boot_run(&skip, argc, argv);
}

const struct command command_skip = {
	.name = "skip",
	.summary = "let the next boot keep the root, once",
	.run = run,
};
