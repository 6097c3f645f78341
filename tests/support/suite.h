/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main of test programs. */
#ifndef TEST_SUITE_H
#define TEST_SUITE_H

#include <check.h>
#include <stdbool.h>

#define SUITE_SKIPPED 77 /* exit status of a test program that could not test anything */

/*
 * Run a suite and release it.
 *
 * needs_images  it makes file system images: where that is impossible, say why and skip it
 *
 * Returns what main returns: 0 all passed, 1 not, SUITE_SKIPPED.
 */
int suite_run(Suite *suite, bool needs_images);

/*
 * Add a test case.
 *
 * setup, teardown  unchecked fixtures, run once in the parent; NULL: none
 * timeout          seconds for each test; check's default of 4 kills most of what touches a disk
 */
TCase *suite_add_case(Suite *suite, const char *name, SFun setup, SFun teardown, double timeout);

#endif
