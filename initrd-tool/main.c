/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot-initrd: the reset, in the initramfs. */
#include "act.h"

#include <stdio.h>

int main(int argc, char *argv[])
{
	struct options options;
	int code;

	if (!options_parse(argc, argv, &options))
		return EXIT_USAGE;
	code = act(&options);
	if (fclose(stdout) != 0) {
		perror("blankroot-initrd: standard output");
		if (options.action != ACTION_RESET || options.dry_run)
			return 4;
	}
	return code;
}
