/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot-initrd does: all of it but its command line. */
#ifndef BLANKROOT_INITRD_ACT_H
#define BLANKROOT_INITRD_ACT_H

#include "options.h"

enum { EXIT_USAGE = 2 };

/*
 * Do what the options say, and tell: on standard output and standard error, in the kernel log, in the
 * report. Returns the exit code, docs/boot-contract.md.
 */
int act(const struct options *options);

#endif
