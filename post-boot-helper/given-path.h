/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as they are given on a command line. */
#ifndef BLANKROOT_GIVEN_PATH_H
#define BLANKROOT_GIVEN_PATH_H

#include "error.h"

/*
 * Make a path absolute, and bring it into its shortest form: without empty and "." components, and without a slash at
 * its end.
 *
 * Returns 0 with *ret owned by the caller, untouched otherwise. BR_ERR_USAGE: it is empty, or contains "..";
 * BR_ERR_OPEN: the working directory; BR_ERR_NOMEM.
 */
BR_MUST_CHECK int given_path_normalize(const char *given, char **ret, struct br_error *err);

#endif
