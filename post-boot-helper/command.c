/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all commands say when they fail. */
#include "command.h"

#include <errno.h>
#include <stdio.h>

int command_fail(const char *command, const struct br_error *err)
{
	char message[BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX * 4];

	(void)fflush(stdout); /* what was done comes first; lost output is found at the end */
	br_error_format(err, message, sizeof(message));
	(void)fprintf(stderr, "%s: %s\n", command, message); /* the exit code tells too */
	if (err->sys_errno == EIO || err->sys_errno == EUCLEAN)
		(void)fputs(
			"Such an error comes from the disk or a damaged file system: the kernel's "
			"log tells more (dmesg), and 'btrfs scrub' finds what else is damaged.\n",
			stderr);
	return err->code == BR_ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
