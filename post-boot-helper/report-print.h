/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of the boot's reset on standard output. */
#ifndef BLANKROOT_REPORT_PRINT_H
#define BLANKROOT_REPORT_PRINT_H

#include "boot-report.h"

/*
 * For people: the line of the console, then what became of each path.
 *
 * verbose  the steps and all else that the report knows too
 *
 * Returns 0, or BR_ERR_NOMEM.
 */
BR_MUST_CHECK int report_print(const struct boot_report *report, bool verbose,
			       struct br_error *err);

/*
 * For programs: the text as it was read. Only control characters that JSON allows in strings, and
 * that a terminal would act on, are written as \u00NN, which means the same.
 */
void report_print_json(const struct boot_report *report);

#endif
