/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hours, days, weeks, months and years of the calendar that retention counts by. */
#include "retention.h"
#include "suite.h"

#include <string.h>

#define DAY 86400

/* The time of a date in UTC: "2024-12-30 00:00:00". */
static time_t at(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);

	ck_assert_msg(end && !*end, "%s", text);
	return timegm(&tm);
}

/* Does a period of this kind begin at that second? */
static bool begins(enum br_period period, const char *text)
{
	time_t time = at(text);
	int64_t before = br_period_number(period, time - 1);
	int64_t number = br_period_number(period, time);

	ck_assert_msg(number == before || number == before + 1, "%d: %s", (int)period, text);
	return number == before + 1;
}

/* Which kinds begin at that second, by their initials, "m" the month. */
static void assert_begins(const char *text, const char *expected)
{
	static const char initials[] = "hdwmy";
	char found[BR_PERIOD_COUNT + 1] = "";

	for (enum br_period period = 0; period < BR_PERIOD_COUNT; period++)
		if (begins(period, text))
			strncat(found, &initials[period], 1);
	ck_assert_msg(strcmp(found, expected) == 0, "%s begins '%s', not '%s'", text, found,
		      expected);
}

START_TEST(test_beginnings)
{
	assert_begins("2024-12-30 00:00:00", "hdw"); /* the week of two years */
	assert_begins("2025-01-01 00:00:00", "hdmy");
	assert_begins("2025-01-06 00:00:00", "hdw");
	assert_begins("2024-02-29 00:00:00", "hd");
	assert_begins("2024-03-01 00:00:00", "hdm");
	assert_begins("2000-02-29 00:00:00", "hd");
	assert_begins("2100-03-01 00:00:00", "hdwm");
	assert_begins("2024-07-04 13:00:00", "h");
	assert_begins("2024-07-04 13:00:01", "");
	assert_begins("2024-07-04 13:30:00", "");
	/* where Europe's clocks were set forward, and back */
	assert_begins("2026-03-29 01:00:00", "h");
	assert_begins("2026-10-25 01:00:00", "h");
	/* a clock without a battery */
	assert_begins("1970-01-01 00:00:00", "hdmy");
	assert_begins("1969-12-29 00:00:00", "hdw");
	assert_begins("1900-01-01 00:00:00", "hdwmy");
}
END_TEST

/* Day by day over four centuries, against the C library's idea of a week: ISO 8601. */
START_TEST(test_weeks)
{
	time_t time = at("1800-01-01 12:00:00");
	int64_t week = br_period_number(BR_PERIOD_WEEK, time);
	char before[16] = "", now[16];

	for (unsigned i = 0; i < 146097; i++, time += DAY) {
		int64_t number = br_period_number(BR_PERIOD_WEEK, time);
		struct tm tm;

		ck_assert_uint_gt(strftime(now, sizeof(now), "%G-%V", gmtime_r(&time, &tm)), 0);
		ck_assert_msg(i == 0 || (strcmp(now, before) != 0) == (number == week + 1), "%s",
			      now);
		week = number;
		memcpy(before, now, sizeof(now));
	}
}
END_TEST

/* Where no date is, nothing breaks, and what is later is not in an earlier period. */
START_TEST(test_extremes)
{
	static const time_t times[] = {
		INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX
	};

	for (enum br_period period = 0; period <= BR_PERIOD_WEEK; period++)
		for (size_t i = 1; i < sizeof(times) / sizeof(times[0]); i++)
			ck_assert_int_ge(br_period_number(period, times[i]),
					 br_period_number(period, times[i - 1]));
	ck_assert_int_eq(br_period_number(BR_PERIOD_YEAR, INT64_MAX),
			 br_period_number(BR_PERIOD_YEAR, INT64_MAX - 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("calendar");
	TCase *tcase = suite_add_case(suite, "periods", NULL, NULL, 60);

	tcase_add_test(tcase, test_beginnings);
	tcase_add_test(tcase, test_weeks);
	tcase_add_test(tcase, test_extremes);
	return suite_run(suite, false);
}
