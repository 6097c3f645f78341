/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the result of a reset goes: console, kernel log, report file. */
#ifndef BLANKROOT_INITRD_OUTPUT_H
#define BLANKROOT_INITRD_OUTPUT_H

#include "reset.h"

/* Tell the result in one line, on standard error and in /dev/kmsg (not for a dry run). */
void output_line(const struct br_reset *reset);

/* Print the steps of a plan, one a line, to standard output. */
void output_plan(const struct br_reset *reset);

/*
 * Write the report to path, atomically; its directory is made (mode 0755) when missing. A failure
 * is a warning on standard error and does not change what happened to the root.
 */
void output_report(const struct br_reset *reset, const char *path, const char *tool);

/* Callback for br_reset_input.notify: name each step on standard error. */
void output_step(void *data, const char *text);

#endif
