/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Retention by tables: what stays, what goes, why. */
#include "cleanup.h"
#include "retention.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DAY 86400
#define NOW 1795460701 /* Monday, 2026-11-23 19:05:01 UTC */
#define ITEMS_MAX 12

/* What is told about an item in a word: kept by P(in), M(ount) ..., "-" goes. */
static const char letters[] = {
	[BR_REASON_NONE] = ' ',       [BR_REASON_WRITABLE] = 'w',    [BR_REASON_PINNED] = 'p',
	[BR_REASON_MOUNTED] = 'm',    [BR_REASON_DEFAULT] = 'd',     [BR_REASON_REQUESTED] = 'r',
	[BR_REASON_UNREADABLE] = 'x', [BR_REASON_NEWEST_GOOD] = 'g', [BR_REASON_MINIMUM] = 'n',
	[BR_REASON_NO_RULE] = '*',    [BR_REASON_UNDATED] = '?',     [BR_REASON_FUTURE] = 'f',
	[BR_REASON_YOUNG] = 'y',      [BR_REASON_PERIOD] = 'c',      [BR_REASON_OLD] = '-',
	[BR_REASON_SPACE] = 's',
};

struct history {
	const char *holds;   /* one letter each, oldest first: of held; 'g': good; '.': nothing */
	int ages[ITEMS_MAX]; /* in days; -1 is tomorrow */
	struct br_retention_policy policy;
	const char *expected;
};

#define KEEP(days) .has_keep = true, .keep = (days)*DAY

static const struct history histories[] = {
	{ ".....", { 50, 40, 30, 29, 1 }, { KEEP(30) }, "---yy" },
	{ ".....", { 50, 40, 30, 29, 1 }, { KEEP(30), .keep_min = 4 }, "-nnnn" },
	{ ".....", { 50, 40, 30, 29, 1 }, { KEEP(30), .keep_min = 99 }, "nnnnn" },
	{ "...", { 3, 2, 1 }, { KEEP(0) }, "---" },
	{ "...", { 3, 2, 1 }, { 0 }, "***" },
	{ "...", { 3, 2, 1 }, { .keep_min = 1 }, "**n" },
	/* what always stays */
	{ "pmdrw", { 99, 98, 97, 96, 95 }, { KEEP(30) }, "pmdrw" },
	{ "gggg.", { 99, 98, 97, 96, 95 }, { KEEP(30) }, "---g-" },
	{ "ggpg.", { 99, 98, 97, 96, 95 }, { KEEP(30), .keep_min = 1 }, "--pgn" },
	/* somebody works in the newest: it does not stand for another one */
	{ "...w", { 99, 98, 97, 96 }, { KEEP(30), .keep_min = 1 }, "--nw" },
	/* nor does one that is damaged, nor for its day */
	{ "...x", { 99, 98, 97, 96 }, { KEEP(30), .keep_min = 1 }, "--nx" },
	{ "..x.", { 3, 2, 1, 0 }, { .counts[BR_PERIOD_DAY] = 2 }, "-cxc" },
	/* clocks: 2 days ahead, years behind, all of them ahead */
	{ ".....", { 50, -2, 40, -1, 35 }, { KEEP(30) }, "-f-f-" },
	{ "...", { -9000, -9001, -9002 }, { KEEP(30) }, "fff" },
	{ "...", { 20000, 19999, 1 }, { KEEP(30) }, "--y" },
	/* a week of days; the youngest is from this morning */
	{ "........", { 8, 7, 6, 5, 4, 3, 1, 0 }, { .counts[BR_PERIOD_DAY] = 3 }, "-----ccc" },
	/* Monday 19:05: 7 days ago was Monday of last week, one day ago its Sunday */
	{ "....", { 8, 7, 1, 0 }, { .counts[BR_PERIOD_WEEK] = 2 }, "-c-c" },
	{ "....", { 54, 53, 23, 22 }, { .counts[BR_PERIOD_MONTH] = 2 }, "-c-c" },
	{ "....", { 700, 400, 300, 10 }, { .counts[BR_PERIOD_YEAR] = 2 }, "-cc-" },
	/* what is dated in the future takes no other one's place */
	{ "....", { 2, 1, -1, 0 }, { .counts[BR_PERIOD_DAY] = 3 }, "ccfc" },
	/* pinned ones do take part */
	{ "..p.", { 3, 2, 1, 0 }, { .counts[BR_PERIOD_DAY] = 2 }, "--pc" },
	/* both rules, either is enough */
	{ "....", { 40, 35, 3, 1 }, { KEEP(2), .counts[BR_PERIOD_MONTH] = 2 }, "c-cy" },
};

static enum br_reason held_by(char letter)
{
	for (enum br_reason reason = BR_REASON_WRITABLE; reason <= BR_REASON_REQUESTED; reason++)
		if (letters[reason] == letter)
			return reason;
	return BR_REASON_NONE;
}

static size_t make_items(const struct history *history, struct br_retention_item *items)
{
	size_t count = strlen(history->holds);

	for (size_t i = 0; i < count; i++)
		items[i] = (struct br_retention_item){
			.id = 300 + i,
			.has_time = true,
			.time = NOW - (time_t)history->ages[i] * DAY,
			.good = history->holds[i] == 'g',
			.held = held_by(history->holds[i]),
		};
	return count;
}

START_TEST(test_decisions)
{
	const struct history *history = &histories[_i];
	struct br_retention_item items[ITEMS_MAX];
	char decided[ITEMS_MAX + 1] = "";
	size_t count = make_items(history, items);

	br_retention_decide(items, count, &history->policy, NOW);
	for (size_t i = 0; i < count; i++)
		decided[i] = letters[items[i].reason];
	ck_assert_str_eq(decided, history->expected);
}
END_TEST

START_TEST(test_undated)
{
	struct br_retention_item items[] = { { .id = 300 }, { .id = 301 } };
	const struct br_retention_policy policy = { KEEP(0), .keep_min = 1 };

	br_retention_decide(items, 2, &policy, NOW);
	ck_assert_int_eq(items[0].reason, BR_REASON_UNDATED);
	ck_assert_int_eq(items[1].reason, BR_REASON_MINIMUM);
	br_retention_decide(NULL, 0, &policy, NOW);
}
END_TEST

START_TEST(test_sorted_by_id)
{
	struct br_retention_item items[] = {
		{ .id = 1ULL << 40, .time = 1 },
		{ .id = 300, .time = 2 },
		{ .id = 256, .time = 3 },
	};

	br_retention_sort(items, 3);
	br_retention_sort(NULL, 0);
	ck_assert_uint_eq(items[0].id, 256);
	ck_assert_uint_eq(items[1].id, 300);
	ck_assert_uint_eq(items[2].id, 1ULL << 40);
}
END_TEST

/* What was in use until another came is older than that one, and younger than all before. */
START_TEST(test_sorted_by_successor)
{
	struct br_retention_item items[] = {
		{ .id = 256, .replaced_by = 301 },
		{ .id = 302 },
		{ .id = 300, .replaced_by = 299 },
	};

	br_retention_sort(items, 3);
	ck_assert_uint_eq(items[0].id, 300);
	ck_assert_uint_eq(items[1].id, 256);
	ck_assert_uint_eq(items[2].id, 302);
}
END_TEST

/* Oldest first, whatever its date; never one that always stays. */
START_TEST(test_space)
{
	static const struct history history = {
		"p..g..", { 9, -8, 1, 40, 2, 1 }, { KEEP(30), .keep_min = 1 }, ""
	};
	struct br_retention_item items[ITEMS_MAX];
	size_t count = make_items(&history, items);
	static const uint64_t order[] = { 301, 302, 304 };

	br_retention_decide(items, count, &history.policy, NOW);
	for (size_t i = 0; i < COUNT(order); i++) {
		struct br_retention_item *next = br_retention_next_for_space(items, count);

		ck_assert_ptr_nonnull(next);
		ck_assert_uint_eq(next->id, order[i]);
		ck_assert(!br_reason_is_to_go(next->reason));
		next->reason = BR_REASON_SPACE;
		ck_assert(br_reason_is_to_go(next->reason));
	}
	ck_assert_ptr_null(br_retention_next_for_space(items, count));
	ck_assert_ptr_null(br_retention_next_for_space(NULL, 0));
}
END_TEST

START_TEST(test_periods)
{
	static const struct {
		enum br_period period;
		time_t time;
		int64_t number;
	} cases[] = {
		{ BR_PERIOD_HOUR, 0, 0 },
		{ BR_PERIOD_HOUR, 3599, 0 },
		{ BR_PERIOD_HOUR, 3600, 1 },
		{ BR_PERIOD_HOUR, -1, -1 },
		{ BR_PERIOD_DAY, -DAY, -1 },
		{ BR_PERIOD_DAY, -DAY - 1, -2 },
		{ BR_PERIOD_WEEK, 4 * DAY - 1, 0 }, /* Sunday, 1970-01-04 23:59:59 */
		{ BR_PERIOD_WEEK, 4 * DAY, 1 },
		{ BR_PERIOD_WEEK, -3 * DAY, 0 },
		{ BR_PERIOD_WEEK, -3 * DAY - 1, -1 },
		{ BR_PERIOD_MONTH, 951782400, 12 * 100 + 1 }, /* 2000-02-29 */
		{ BR_PERIOD_MONTH, 951868799, 12 * 100 + 1 },
		{ BR_PERIOD_MONTH, 951868800, 12 * 100 + 2 },
		{ BR_PERIOD_YEAR, 978307199, 100 },
		{ BR_PERIOD_YEAR, 978307200, 101 },
		{ BR_PERIOD_YEAR, INT64_MIN, INT64_MIN },
	};

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert_msg(br_period_number(cases[i].period, cases[i].time) == cases[i].number,
			      "case %zu: %lld", i,
			      (long long)br_period_number(cases[i].period, cases[i].time));
}
END_TEST

START_TEST(test_explanations)
{
	static const struct br_retention_policy policy = { KEEP(30), .keep_min = 3,
							   .counts[BR_PERIOD_MONTH] = 12 };
	static const struct {
		struct br_retention_item item;
		const char *text;
	} cases[] = {
		{ { .reason = BR_REASON_PINNED }, "pinned" },
		{ { .reason = BR_REASON_UNREADABLE }, "damaged: it cannot be read" },
		{ { .reason = BR_REASON_WRITABLE }, "writable: somebody works in it" },
		{ { .reason = BR_REASON_MOUNTED }, "mounted" },
		{ { .reason = BR_REASON_DEFAULT }, "the default subvolume" },
		{ { .reason = BR_REASON_REQUESTED }, "the next boot starts from it" },
		{ { .reason = BR_REASON_NEWEST_GOOD }, "the newest whose boot was good" },
		{ { .reason = BR_REASON_MINIMUM }, "one of the newest 3" },
		{ { .reason = BR_REASON_NO_RULE }, "nothing says how long to keep it" },
		{ { .reason = BR_REASON_UNDATED }, "its age is unknown" },
		{ { .reason = BR_REASON_FUTURE }, "dated in the future" },
		{ { .reason = BR_REASON_YOUNG, .time = NOW - 47 * 3600 },
		  "47 hours old, less than 30 days" },
		{ { .reason = BR_REASON_YOUNG, .time = NOW - 1 },
		  "1 second old, less than 30 days" },
		{ { .reason = BR_REASON_PERIOD, .period = BR_PERIOD_MONTH, .nth = 2 },
		  "first of its month, 2 of 12" },
		{ { .reason = BR_REASON_OLD, .time = NOW - 45 * DAY },
		  "45 days old, limit 30 days, not among the periods to keep" },
		{ { .reason = BR_REASON_SPACE },
		  "space had run out, and it was the oldest that may go" },
		{ { .reason = BR_REASON_NONE }, "undecided" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		BR_AUTO_FREE char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		ck_assert_ptr_nonnull(out);
		br_retention_explain(out, &cases[i].item, &policy, NOW);
		ck_assert_int_eq(fclose(out), 0);
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retention");
	TCase *tcase = suite_add_case(suite, "retention", NULL, NULL, 60);

	tcase_add_loop_test(tcase, test_decisions, 0, (int)COUNT(histories));
	tcase_add_test(tcase, test_undated);
	tcase_add_test(tcase, test_sorted_by_id);
	tcase_add_test(tcase, test_sorted_by_successor);
	tcase_add_test(tcase, test_space);
	tcase_add_test(tcase, test_periods);
	tcase_add_test(tcase, test_explanations);
	return suite_run(suite, false);
}
