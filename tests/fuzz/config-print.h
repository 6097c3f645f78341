/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration written down again. */
#ifndef FUZZ_CONFIG_PRINT_H
#define FUZZ_CONFIG_PRINT_H

#include "config.h"

/* The text of a file that says all of it. Two that differ have different texts. Owned by the caller. */
char *config_print(const struct br_config *config);

#endif
