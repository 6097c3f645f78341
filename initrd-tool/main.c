/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot-initrd: the reset, in the initramfs. */
#include "act.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char *argv[])
{
	struct options options;
	bool was_lost;
	int code;

	if (!options_parse(argc, argv, &options))
		return EXIT_USAGE;
	code = act(&options);
	was_lost = ferror(stdout); /* fclose tells of the last flush only */
	if (fclose(stdout) == 0 && !was_lost)
		return code;
	(void)fprintf(stderr, "blankroot-initrd: standard output: %s\n",
		      was_lost ? "some of it was lost" : strerror(errno));
	return options.action != ACTION_RESET || options.dry_run ? 4 : code;
}
