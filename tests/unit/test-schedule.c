/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Schedules and calendar expressions. systemd-analyze is asked about all of them, where there is
 * one: what is said here to be right must be right for it, and mean the same.
 */
#include "calendar.h"
#include "random.h"
#include "run.h"
#include "schedule.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ORACLE "systemd-analyze"

static const struct {
	const char *text;
	const char *calendar;
} schedules[] = {
	{ "1m", "*-*-* *:*:00\n" },
	{ "60s", "*-*-* *:*:00\n" },
	{ "15min", "*-*-* *:00,15,30,45:00\n" },
	{ "30m", "*-*-* *:00,30:00\n" },
	{ "45m", "*-*-* 00,03,06,09,12,15,18,21:00,45:00\n"
		 "*-*-* 02,05,08,11,14,17,20,23:15:00\n"
		 "*-*-* 01,04,07,10,13,16,19,22:30:00\n" },
	{ "1h", "*-*-* *:00:00\n" },
	{ "90m", "*-*-* 00,03,06,09,12,15,18,21:00:00\n"
		 "*-*-* 01,04,07,10,13,16,19,22:30:00\n" },
	{ "1h30min", "*-*-* 00,03,06,09,12,15,18,21:00:00\n"
		     "*-*-* 01,04,07,10,13,16,19,22:30:00\n" },
	{ "5h", "*-*-* 00,05,10,15,20:00:00\n" },
	{ "6h", "*-*-* 00,06,12,18:00:00\n" },
	{ "12h", "*-*-* 00,12:00:00\n" },
	{ "24h", "*-*-* 00:00:00\n" },
	{ "1d", "*-*-* 00:00:00\n" },
	{ "2d", "*-*-01/2 00:00:00\n" },
	{ "1w", "Mon *-*-* 00:00:00\n" },
	{ "7d", "Mon *-*-* 00:00:00\n" },
	{ "15d", "*-*-01/15 00:00:00\n" },
	{ "hourly", "hourly\n" },
	{ "weekly", "weekly\n" },
	{ "monthly", "monthly\n" },
	{ "Mon..Fri 03:00 Europe/Berlin", "Mon..Fri 03:00 Europe/Berlin\n" },
};

START_TEST(test_calendar)
{
	char *calendar;

	for (size_t i = 0; i < COUNT(schedules); i++) {
		ck_assert_msg(!br_schedule_problem(schedules[i].text), "%s", schedules[i].text);
		calendar = br_schedule_calendar(schedules[i].text);
		ck_assert_str_eq(calendar, schedules[i].calendar);
		free(calendar);
	}
}
END_TEST

START_TEST(test_problems)
{
	static const struct {
		const char *text;
		const char *problem;
	} cases[] = {
		{ "", "must not be empty" },
		{ "0h", "must be longer than nothing" },
		{ "90s", "must be whole minutes" },
		{ "1m1s", "must be whole minutes" },
		{ "36h", "must be whole days when it is more than one" },
		{ "16d", "must be 15d at the most; " },
		{ "1y", "must be 15d at the most; " },
		{ "6x", "must be a length of time such as 6h, " },
		{ "6", "must be a length of time such as 6h, " },
		{ "fortnightly", "must be a length of time such as 6h, " },
		{ "6 h", "must be a length of time such as 6h, " },
		{ "25:00", "must be a length of time such as 6h, " },
		{ "daily\nOnBootSec=0", "must be a length of time such as 6h, " },
		{ "%H:00", "must be a length of time such as 6h, " },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *problem = br_schedule_problem(cases[i].text);

		ck_assert_msg(problem && strncmp(problem, cases[i].problem,
						 strlen(cases[i].problem)) == 0,
			      "%s: %s", cases[i].text, problem ? problem : "no problem");
	}
}
END_TEST

START_TEST(test_zone)
{
	ck_assert_str_eq(br_schedule_zone("daily Europe/Berlin"), "Europe/Berlin");
	ck_assert_str_eq(br_schedule_zone("Mon 03:00 UTC"), "UTC");
	ck_assert_ptr_null(br_schedule_zone("Mon 03:00"));
	ck_assert_ptr_null(br_schedule_zone("Mon"));
	ck_assert_ptr_null(br_schedule_zone("6h"));
}
END_TEST

/* --- systemd-analyze --- */

static bool has_oracle(void)
{
	if (run_exists(ORACLE))
		return true;
	(void)puts("no " ORACLE " to ask");
	return false;
}

/* Is it an expression? What systemd tells about it, its next times among it, is in *result. */
static bool ask(const char *expression, const char *base, const char *iterations,
		struct run_result *result)
{
	const char *const argv[] = { "env",      "TZ=UTC", ORACLE,     "calendar", base,
				     iterations, "--",     expression, NULL };
	const struct run_options options = { .argv = argv };

	run(&options, result);
	/* rarely it gives up looking for the next time of what it did understand */
	ck_assert(result->code == 0 || strstr(result->err, "Failed to "));
	return !strstr(result->err, "Failed to parse");
}

#define ITERATIONS 400

/* Seconds since 1970 of "2026-03-01 00:45:00". */
static long long parse_time(const char *text)
{
	struct tm tm = { 0 };

	ck_assert_ptr_nonnull(strptime(text, "%Y-%m-%d %H:%M:%S", &tm));
	return timegm(&tm);
}

/* The times at which an expression is next; returns how many. */
static size_t next_times(const char *expression, long long *times)
{
	static const char example[] = "2026-02-28 00:00:00";
	struct run_result result;
	size_t count = 0;

	ck_assert_msg(
		ask(expression, "--base-time=2026-02-27 23:59:59 UTC", "--iterations=400", &result),
		"%s is refused: %s", expression, result.err);
	for (const char *at = result.out; count < ITERATIONS && (at = strstr(at, " UTC")); at++) {
		times[count] = parse_time(at - strlen(example));
		/* where the local time is another one, it is there too */
		if (count == 0 || times[count] != times[count - 1])
			count++;
	}
	run_free(&result);
	return count;
}

static int compare_times(const void *a, const void *b)
{
	long long difference = *(const long long *)a - *(const long long *)b;

	return difference < 0 ? -1 : difference > 0;
}

/* The times of all lines until the first line ends, sorted. */
static size_t times_of(const char *text, long long *times)
{
	char *calendar = br_schedule_calendar(text), *line, *rest = calendar;
	long long end = INT64_MAX;
	size_t count = 0, kept = 0;

	while ((line = strsep(&rest, "\n")) && *line) {
		size_t more = next_times(line, times + count);

		ck_assert_msg(more > 2, "%s: %s: %zu times", text, line, more);
		count += more;
		if (times[count - 1] < end)
			end = times[count - 1];
	}
	free(calendar);
	qsort(times, count, sizeof(*times), compare_times);
	while (kept < count && times[kept] <= end)
		kept++;
	return kept;
}

/* Never further apart than said, and when it divides the day, exactly as far. */
START_TEST(test_lengths)
{
	static const struct {
		const char *text;
		long long seconds;
		bool exact;
	} cases[] = {
		{ "1m", 60, true },        { "2m", 120, true },      { "7m", 420, false },
		{ "9m", 540, true },       { "15min", 900, true },   { "25m", 1500, false },
		{ "30m", 1800, true },     { "32m", 1920, true },    { "45m", 2700, true },
		{ "1h", 3600, true },      { "90m", 5400, true },    { "96m", 5760, true },
		{ "100m", 6000, false },   { "5h", 18000, false },   { "6h", 21600, true },
		{ "7h30m", 27000, false }, { "12h", 43200, true },   { "1d", 86400, true },
		{ "2d", 172800, false },   { "10d", 864000, false }, { "1w", 604800, true },
		{ "15d", 1296000, false },
	};
	static long long times[64 * (ITERATIONS + 2)];

	if (!has_oracle())
		return;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t count = times_of(cases[i].text, times);
		bool irregular = false;

		ck_assert_msg(count > 3, "%s: %zu times", cases[i].text, count);
		for (size_t n = 1; n < count; n++) {
			long long gap = times[n] - times[n - 1];

			ck_assert_msg(gap > 0 && gap <= cases[i].seconds, "%s: %lld s",
				      cases[i].text, gap);
			irregular = irregular || gap != cases[i].seconds;
		}
		ck_assert_msg(irregular == !cases[i].exact, "%s", cases[i].text);
	}
}
END_TEST

/* Returns whether it is one. */
static bool agree(const char *text)
{
	struct run_result result;
	const char *zone;
	bool ours = br_calendar_parse(text, &zone);
	bool theirs = ask(text, "--base-time=now", "--iterations=1", &result);

	run_free(&result);
	ck_assert_msg(ours == theirs, "'%s' is %s, and for systemd %s", text,
		      ours ? "right" : "wrong", theirs ? "right" : "wrong");
	return ours;
}

/* One a line; the last one is nothing. */
static const char expressions[] =
	"*-*~28\n*-*~29\n*-*~31\n*-2~27\n*-*~1..3\n*-*~3..1\n*-*~3/1\n*-*~1/3\n*-*~7/1\n"
	"1..5/9:00\n1..5/4:00\n5..5/2:00\n5..5/0:00\n1..1:00\n2..1:00\n00:00:1..1\n"
	"00:00:1..2\n00:00:1..1.5\n00:00:1..1/0.5\n00:00:1..2/3\n@12\n@12 \n@12 x:\nMon @12\n"
	"@-1\n@0\n@1.5\n@\nMon  12:00\n 12:00\n12:00 \nMon,Tue,12:00\nMon,Tue, 12:00\n"
	"Mon-Wed\nMon..Wed,Fri\nMonday\nMond\nmON\n20/50:00\n*-*-20/20\n*-*-1/30\n*-*-1/31\n"
	"59:59\n24:00\n*:*:60\n*:*:*\n*:*:59.9999999\n*:*:59.999999\n*:*:0/60\n*:*:0/59\n"
	"0070-1-1\n70-1-1\n69-1-1\n100-1-1\n1970-1-1\n1969-1-1\n2199-1-1\n2200-1-1\n*-0-1\n"
	"1-1\n1~1\n1~1 2:00\n1~1~1\n1-1~1\n1-1-1-1\n12:00:00:00\n12:00:\n12:\n:00\n12:00,30\n"
	"12,13:00\n12,:00\n0,,1:00\n4294967297:00\n2147483648:00\n*:*:2147.9\n0x10:00\n"
	"012:00\n12:00 Europe/Berlin\n12:00 UTC\n12:00 utc\nUTC\n12:00  UTC\nhourly UTC\n"
	"Mon UTC\nMINUTELY\nsemi-annually\nanually\n1/1/1:00\n1..2..3:00\n1..:00\n*/2:00\n"
	"*..2:00\n*,1:00\n1,*:00\n*-*-*\n*-*\n*~1\n*\n* *\n*-*-*  12:00\n*-*-* \n*-1..3/1-1\n"
	"@12 UTC\n*:0/30\n30..60/5:00\n*-*-31..32\nMon..Sun\nSun..Mon\nSun\nSun..Sun\n"
	"Mon..Tue..Wed\nMon-Tue..Wed\nMon..\nMon,\nMon,,Tue\nMon.Tue\nMon*\n00:00:0.0000001\n"
	"00:00:0..\n00:00:0.\n00:00:.5\n0.5:00\n5\n-\n~\n,\n/\n2026-11-28 12:34:56\n11-28\n"
	"Sat 2026-11-28\n99..1-1-1\n70..69-1-1\n2000..2010/2-1-1\n*-*-*T12:00\n";

START_TEST(test_expressions)
{
	char *copy = strdup(expressions), *rest = copy, *text;

	if (has_oracle())
		while ((text = strsep(&rest, "\n")))
			(void)agree(text);
	free(copy);
}
END_TEST

/* Numbers around the limits of a place. */
static void put_chain(FILE *out, struct random *random, size_t from, size_t to)
{
	if (random_chance(random, 30)) {
		(void)fputc('*', out);
		return;
	}
	do {
		size_t start = from + random_below(random, to - from + 2) -
			       random_chance(random, 3);

		(void)fprintf(out, "%zu", start);
		if (random_chance(random, 15))
			(void)fprintf(out, "..%zu", start + random_below(random, to - from));
		if (random_chance(random, 15))
			(void)fprintf(out, "/%zu", random_below(random, to - from));
	} while (random_chance(random, 20) && fputc(',', out));
}

static void put_expression(FILE *out, struct random *random)
{
	static const char *const days[] = { "",
					    "",
					    "",
					    "Mon ",
					    "Mon..Fri ",
					    "Sat,Sun ",
					    "fri-SAT ",
					    "Tue, ",
					    "Sunday..Sunday ",
					    "Wed.. ",
					    "Thu,Wed..Fri " };
	static const char *const ends[] = { "", "", "", " UTC", " ", " Europe/Berlin" };
	bool has_date = random_chance(random, 60);

	(void)fputs(random_of(random, days), out);
	if (has_date && random_chance(random, 60)) {
		put_chain(out, random, 1970, 2199);
		(void)fputc('-', out);
	}
	if (has_date) {
		put_chain(out, random, 1, 12);
		(void)fputc(random_chance(random, 80) ? '-' : '~', out);
		put_chain(out, random, 1, 31);
	}
	if (random_chance(random, 80)) {
		(void)fputs(has_date ? " " : "", out);
		put_chain(out, random, 0, 23);
		(void)fputc(':', out);
		put_chain(out, random, 0, 59);
		if (random_chance(random, 50)) {
			(void)fputc(':', out);
			put_chain(out, random, 0, 59);
			(void)fputs(random_chance(random, 20) ? ".25" : "", out);
		}
	}
	(void)fputs(random_of(random, ends), out);
}

START_TEST(test_random_expressions)
{
	struct random random = random_start(20261128, 0);
	size_t right = 0;

	if (!has_oracle())
		return;
	for (int i = 0; i < 500; i++) {
		char text[512] = "";
		FILE *out = fmemopen(text, sizeof(text), "w");

		ck_assert_ptr_nonnull(out);
		put_expression(out, &random);
		ck_assert_int_eq(fclose(out), 0);
		right += agree(text);
	}
	ck_assert_msg(right > 100 && right < 400, "%zu of 500 are right", right);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("schedule");
	TCase *tcase = suite_add_case(suite, "schedule", NULL, NULL, 300);

	tcase_add_test(tcase, test_calendar);
	tcase_add_test(tcase, test_problems);
	tcase_add_test(tcase, test_zone);
	tcase_add_test(tcase, test_lengths);
	tcase_add_test(tcase, test_expressions);
	tcase_add_test(tcase, test_random_expressions);
	return suite_run(suite, false);
}
