/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds for retention whatever the history and the policy. */
#include "random.h"
#include "retention.h"
#include "suite.h"

#include <string.h>

#define HISTORIES 3000
#define ITEMS_MAX 60
#define NOW 1795460701 /* 2026-11-23 19:05:01 UTC */

struct history {
	struct br_retention_item items[ITEMS_MAX];
	size_t count;
	struct br_retention_policy policy;
};

static void make_item(struct random *random, struct br_retention_item *item)
{
	item->has_time = true;
	item->good = random_chance(random, 10);
	if (random_chance(random, 10))
		item->held = BR_REASON_WRITABLE +
			     random_below(random, BR_REASON_REQUESTED - BR_REASON_WRITABLE + 1);
}

/* From minutes to months apart, so that every kind of period has several items now and then. */
static time_t random_gap(struct random *random)
{
	static const time_t gaps[] = { 0, 60, 3600, 86400, 7 * 86400, 40 * 86400 };

	return (time_t)random_below(random, (size_t)random_of(random, gaps) + 1);
}

static void make_policy(struct random *random, struct br_retention_policy *policy)
{
	policy->keep_min = (unsigned)random_below(random, 4);
	policy->has_keep = random_chance(random, 70);
	policy->keep = policy->has_keep ? (uint64_t)random_gap(random) : 0;
	for (size_t i = 0; i < BR_PERIOD_COUNT; i++)
		policy->counts[i] = random_chance(random, 50) ? (unsigned)random_below(random, 6)
							      : 0;
}

/* jumbled: the clock jumps now and then, beyond now too, and some items have no date. */
static struct history make_history(uint64_t seed, bool jumbled)
{
	struct random random = random_start(seed, jumbled);
	struct history history = { .count = random_below(&random, ITEMS_MAX + 1) };
	time_t time = NOW;

	make_policy(&random, &history.policy);
	for (size_t i = history.count; i-- > 0;) {
		struct br_retention_item *item = &history.items[i];

		make_item(&random, item);
		item->id = 256 + 3 * i;
		item->time = time;
		if (jumbled && random_chance(&random, 10))
			time += 3 * random_gap(&random);
		else
			time -= random_gap(&random);
		item->has_time = !jumbled || !random_chance(&random, 5);
	}
	return history;
}

static void decide(struct history *history)
{
	br_retention_decide(history->items, history->count, &history->policy, NOW);
}

static bool stays(const struct br_retention_item *item)
{
	return !br_reason_is_to_go(item->reason);
}

/* Told without looking at the order of decisions in the library. */
static bool must_stay(const struct history *history, size_t i)
{
	const struct br_retention_item *item = &history->items[i];
	unsigned newer = 0, newer_good = 0;

	for (size_t j = i + 1; j < history->count; j++) {
		bool counts = history->items[j].held != BR_REASON_WRITABLE &&
			      history->items[j].held != BR_REASON_UNREADABLE;

		newer += counts;
		newer_good += counts && history->items[j].good;
	}
	return item->held != BR_REASON_NONE || newer < history->policy.keep_min ||
	       (item->good && newer_good == 0) || !item->has_time || item->time > NOW;
}

START_TEST(test_protected_ones_stay)
{
	size_t protected = 0, gone = 0;

	for (uint64_t seed = 0; seed < HISTORIES; seed++) {
		struct history history = make_history(seed, seed % 2);

		decide(&history);
		for (size_t i = 0; i < history.count; i++) {
			bool must = must_stay(&history, i);

			ck_assert_int_ne(history.items[i].reason, BR_REASON_NONE);
			ck_assert_msg(!must || stays(&history.items[i]),
				      "history %llu, item %zu: %d", (unsigned long long)seed, i,
				      history.items[i].reason);
			protected += must;
			gone += !stays(&history.items[i]);
		}
	}
	/* else the histories show nothing */
	ck_assert_uint_gt(protected, HISTORIES);
	ck_assert_uint_gt(gone, HISTORIES);
}
END_TEST

static size_t drop_gone(struct history *history)
{
	size_t kept = 0;

	for (size_t i = 0; i < history->count; i++)
		if (stays(&history->items[i]))
			history->items[kept++] = history->items[i];
	history->count = kept;
	return kept;
}

/* A second run at the same time has nothing to do. */
START_TEST(test_idempotent)
{
	for (uint64_t seed = 0; seed < HISTORIES; seed++) {
		struct history history = make_history(seed, false);
		size_t kept;

		decide(&history);
		kept = drop_gone(&history);
		decide(&history);
		ck_assert_msg(drop_gone(&history) == kept, "history %llu",
			      (unsigned long long)seed);
	}
}
END_TEST

/* A policy that asks for more keeps more; one value of it is raised at a time. */
static void raise(struct br_retention_policy *policy, size_t which)
{
	if (which < BR_PERIOD_COUNT)
		policy->counts[which]++;
	else if (which == BR_PERIOD_COUNT)
		policy->keep_min++;
	else
		policy->keep += 86400;
}

static bool has_rule(const struct br_retention_policy *policy)
{
	static const unsigned none[BR_PERIOD_COUNT];

	return policy->has_keep || memcmp(policy->counts, none, sizeof(none)) != 0;
}

START_TEST(test_monotone)
{
	size_t raised = 0;

	for (uint64_t seed = 0; seed < HISTORIES; seed++) {
		struct history history = make_history(seed, seed % 2), more = history;

		/* without any rule all stay */
		if (!has_rule(&history.policy))
			continue;
		raise(&more.policy, seed % (BR_PERIOD_COUNT + 2));
		decide(&history);
		decide(&more);
		for (size_t i = 0; i < history.count; i++) {
			ck_assert_msg(!stays(&history.items[i]) || stays(&more.items[i]),
				      "history %llu, item %zu", (unsigned long long)seed, i);
			raised += stays(&more.items[i]) && !stays(&history.items[i]);
		}
	}
	ck_assert_uint_gt(raised, HISTORIES / 10);
}
END_TEST

/* Never more of a period than asked for. */
START_TEST(test_counts)
{
	for (uint64_t seed = 0; seed < HISTORIES; seed++) {
		struct history history = make_history(seed, false);
		struct br_retention_policy policy = { 0 };
		unsigned limit = 1 + (unsigned)(seed % 7);
		size_t used = 0;

		policy.counts[seed % BR_PERIOD_COUNT] = limit;
		history.policy = policy;
		decide(&history);
		for (size_t i = 0; i < history.count; i++)
			used += history.items[i].reason == BR_REASON_PERIOD;
		ck_assert_uint_le(used, limit);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retention-properties");
	TCase *tcase = suite_add_case(suite, "properties", NULL, NULL, 120);

	tcase_add_test(tcase, test_protected_ones_stay);
	tcase_add_test(tcase, test_idempotent);
	tcase_add_test(tcase, test_monotone);
	tcase_add_test(tcase, test_counts);
	return suite_run(suite, false);
}
