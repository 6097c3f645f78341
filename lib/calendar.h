/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calendar expressions as OnCalendar= of systemd.timer(5) takes them. */
#ifndef BR_CALENDAR_H
#define BR_CALENDAR_H

#include <stdbool.h>

/*
 * Is a text a calendar expression of systemd.time(7)? Follows systemd's own parser, without a need
 * for systemd: an initramfs has none to ask.
 *
 * Whether a time zone exists is not looked at, for an initramfs does not have those either: its name
 * is at *zone_ret, within text; NULL there when none is said.
 *
 * Returns false, *zone_ret untouched, when it is none.
 */
bool br_calendar_parse(const char *text, const char **zone_ret);

#endif
