/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and shares on a command line. */
#ifndef BLANKROOT_QUANTITY_H
#define BLANKROOT_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read a number of bytes: "4096", "64K", "10G", "1.5T" is not one. K, M, G, T are powers of 1024; "KiB", "MiB" ... are the
 * same.
 *
 * Returns false, *ret untouched, for anything else.
 */
bool quantity_parse_size(const char *text, uint64_t *ret);

/* Read "50" or "50%", from 0 to 100. As above. */
bool quantity_parse_percent(const char *text, uint64_t *ret);

#endif
