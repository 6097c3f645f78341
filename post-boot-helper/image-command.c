/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a system builds its initramfs. */
#include "image-command.h"

#include <stdio.h>

/* The first of those that are there. */
const char *image_command(const struct system_root *root)
{
	static const struct {
		const char *program, *command;
	} generators[] = {
		{ "mkinitcpio", "mkinitcpio -P" },
		{ "update-initramfs", "update-initramfs -u" },
		{ "dracut", "dracut --force" },
	};
	static const char *const dirs[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
	char path[64];

	for (size_t g = 0; g < sizeof(generators) / sizeof(generators[0]); g++)
		for (size_t d = 0; d < sizeof(dirs) / sizeof(dirs[0]); d++) {
			(void)snprintf(path, sizeof(path), "%s/%s", dirs[d], /* fits */
				       generators[g].program);
			if (system_root_has(root, path))
				return generators[g].command;
		}
	return NULL;
}
