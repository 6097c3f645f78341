/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of time as people write them. */
#ifndef BR_INTERVAL_H
#define BR_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Read a length of time: whole numbers with a unit each, one after the other: "30d", "1d12h",
 * "90s". Units: s, m or min (minutes), h, d, w, y (365 days). Larger units first, each at most once.
 *
 * Returns false, *seconds_ret untouched, for anything else and for more than INT64_MAX seconds.
 */
bool br_interval_parse(const char *text, uint64_t *seconds_ret);

#endif
