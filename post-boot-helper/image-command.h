/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a system builds its initramfs. */
#ifndef BLANKROOT_IMAGE_COMMAND_H
#define BLANKROOT_IMAGE_COMMAND_H

#include "system-root.h"

/* The command that builds it anew, by the generator that the system has; NULL: it has none that is known. */
const char *image_command(const struct system_root *root);

#endif
