/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time zones of this system. */
#ifndef BLANKROOT_GENERATOR_ZONE_H
#define BLANKROOT_GENERATOR_ZONE_H

#include <stdbool.h>

/*
 * Does systemd take such a name for a time zone in a calendar expression? UTC, an abbreviation of
 * the local time, or one of the zones that are installed.
 */
bool zone_exists(const char *name);

#endif
