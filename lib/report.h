/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result of a reset for people (one line) and for programs (boot.json, docs/boot-contract.md).
 */
#ifndef BR_REPORT_H
#define BR_REPORT_H

#include "reset.h"

#define BR_REPORT_PATH "/run/blankroot/boot.json"
#define BR_REPORT_VERSION 1

/*
 * One line, without newline: what happened, how long it took, what was carried, where the old root
 * is; for a failure why, and what boots now. Everything from disk is escaped.
 *
 * Returns the text, owned by the caller; NULL: no memory.
 */
char *br_report_line(const struct br_reset *reset);

/*
 * What is most important of it, when there is no memory for the line: the outcome, and for a failure
 * why. Needs no memory; cut at size.
 */
void br_report_brief(const struct br_reset *reset, char *buf, size_t size);

/*
 * The same, complete, as JSON.
 *
 * tool  name and version of the program: "blankroot-initrd 0.1.0"
 *
 * Returns the text, owned by the caller; NULL: no memory.
 */
char *br_report_json(const struct br_reset *reset, const char *tool);

#endif
