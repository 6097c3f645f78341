/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of time. */
#include "interval.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(test_accepted)
{
	static const struct {
		const char *text;
		uint64_t seconds;
	} cases[] = {
		{ "90s", 90 },
		{ "45m", 45 * 60 },
		{ "30min", 30 * 60 },
		{ "1h30min5s", 5405 },
		{ "12h", 12 * 3600 },
		{ "30d", 30 * 86400 },
		{ "2w", 14 * 86400 },
		{ "1y", 365 * 86400 },
		{ "1d12h", 36 * 3600 },
		{ "1y1w1d1h1m1s", 365 * 86400 + 8 * 86400 + 3661 },
		{ "0s", 0 },
		{ "007d", 7 * 86400 },
		{ "9223372036854775807s", INT64_MAX },
		{ "292471208677y", 292471208677ULL * 365 * 86400 },
	};
	uint64_t seconds;

	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_msg(br_interval_parse(cases[i].text, &seconds), "%s", cases[i].text);
		ck_assert_uint_eq(seconds, cases[i].seconds);
	}
}
END_TEST

START_TEST(test_refused)
{
	static const char *const cases[] = {
		"",
		"d",
		"30",
		"30D",
		"30 d",
		" 30d",
		"30d ",
		"-1d",
		"+1d",
		"1.5h",
		"1h1d",
		"1d1d",
		"1d12",
		"1dh",
		"30days",
		"30mi",
		"30mins",
		"1m1min",
		"1minm",
		"1M",
		"0x10s",
		"9223372036854775808s",
		"18446744073709551616s",
		"99999999999999999999999s",
		"292471208678y",
		"292471208677y40w",
	};
	uint64_t seconds = 123;

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(!br_interval_parse(cases[i], &seconds), "%s", cases[i]);
	ck_assert_uint_eq(seconds, 123);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("interval");
	TCase *tcase = suite_add_case(suite, "interval", NULL, NULL, 60);

	tcase_add_test(tcase, test_accepted);
	tcase_add_test(tcase, test_refused);
	return suite_run(suite, false);
}
