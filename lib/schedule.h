/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When something is to be done again and again: "6h", "daily", a calendar expression. All of them
 * are times of the calendar, so that they survive a reboot: what counts since the system was
 * started would never come to ten days on a machine that starts every week.
 *
 * A length of time begins anew at the next larger unit, and is so never exceeded: one that does not
 * divide the day, at midnight; days, on the first of the month. Seven days are each Monday.
 */
#ifndef BR_SCHEDULE_H
#define BR_SCHEDULE_H

/*
 * What is wrong with a text as a schedule; NULL: nothing. Whether a time zone exists is not looked
 * at: br_schedule_zone.
 */
const char *br_schedule_problem(const char *text);

/* The time zone that a schedule without a problem names, within text; NULL: none. */
const char *br_schedule_zone(const char *text);

/*
 * A schedule without a problem as calendar expressions, one a line, each ended by a newline; together
 * they are when to do it.
 *
 * Returns a text owned by the caller, NULL when there was not enough memory.
 */
char *br_schedule_calendar(const char *text);

#endif
