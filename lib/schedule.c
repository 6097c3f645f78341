/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a length of time, a word or a calendar expression to calendar expressions. */
#include "schedule.h"

#include "calendar.h"
#include "interval.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MINUTE 60
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK_DAYS 7
#define DAYS_MAX 15 /* more would be once a month, or twice around its end */

#define ALL_HOURS 0xffffffu

static const char *interval_problem(uint64_t seconds)
{
	if (seconds == 0)
		return "must be longer than nothing";
	if (seconds % MINUTE != 0)
		return "must be whole minutes";
	if (seconds > DAY && seconds % DAY != 0)
		return "must be whole days when it is more than one";
	if (seconds / DAY > DAYS_MAX)
		return "must be 15d at the most; what is longer is said as monthly, quarterly, "
		       "semiannually, yearly or a calendar expression";
	return NULL;
}

const char *br_schedule_problem(const char *text)
{
	const char *zone;
	uint64_t seconds;

	if (!*text)
		return "must not be empty";
	if (br_interval_parse(text, &seconds))
		return interval_problem(seconds);
	if (br_calendar_parse(text, &zone))
		return NULL;
	return "must be a length of time such as 6h, a word such as daily, or a calendar "
	       "expression of systemd.time(7)";
}

const char *br_schedule_zone(const char *text)
{
	const char *zone = NULL;

	return br_calendar_parse(text, &zone) ? zone : NULL;
}

/* The hours of a day in which it is done at that minute, one bit each. */
static uint32_t hours_of(unsigned minute, unsigned every)
{
	uint32_t hours = 0;

	for (unsigned hour = 0; hour < 24; hour++)
		if ((60 * hour + minute) % every == 0)
			hours |= 1u << hour;
	return hours;
}

static void put_hours(FILE *out, uint32_t hours)
{
	const char *comma = "";

	if (hours == ALL_HOURS)
		(void)fputc('*', out); /* br_text_make finds failures */
	for (unsigned hour = 0; hours != ALL_HOURS && hour < 24; hour++) {
		if (!(hours & 1u << hour))
			continue;
		(void)fprintf(out, "%s%02u", comma, hour);
		comma = ",";
	}
}

/* The minutes that share these hours. */
static void put_minutes(FILE *out, uint32_t hours, unsigned every)
{
	const char *comma = "";

	if (every == 1)
		(void)fputc('*', out);
	for (unsigned minute = 0; every != 1 && minute < 60; minute++) {
		if (hours_of(minute, every) != hours)
			continue;
		(void)fprintf(out, "%s%02u", comma, minute);
		comma = ",";
	}
}

static bool is_first_with(unsigned minute, uint32_t hours, unsigned every)
{
	for (unsigned earlier = 0; earlier < minute; earlier++)
		if (hours_of(earlier, every) == hours)
			return false;
	return true;
}

static void put_minutely(FILE *out, unsigned every)
{
	for (unsigned minute = 0; minute < 60; minute++) {
		uint32_t hours = hours_of(minute, every);

		if (!hours || !is_first_with(minute, hours, every))
			continue;
		(void)fputs("*-*-* ", out);
		put_hours(out, hours);
		(void)fputc(':', out);
		put_minutes(out, hours, every);
		(void)fputs(":00\n", out);
	}
}

static void put_calendar(FILE *out, const void *data)
{
	const char *text = data;
	uint64_t seconds;

	if (!br_interval_parse(text, &seconds))
		(void)fprintf(out, "%s\n", text);
	else if (seconds <= DAY)
		put_minutely(out, (unsigned)seconds / MINUTE);
	else if (seconds == WEEK_DAYS * DAY)
		(void)fputs("Mon *-*-* 00:00:00\n", out);
	else
		(void)fprintf(out, "*-*-01/%u 00:00:00\n", (unsigned)(seconds / DAY));
}

char *br_schedule_calendar(const char *text)
{
	return br_text_make(put_calendar, text);
}
