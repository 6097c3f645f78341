/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories of a root: what is found by generations must be what a comparison of everything finds, in both
 * directions, between relatives of every degree, with nested subvolumes.
 *
 * HISTORIES=n in the environment changes their number, SEED=n repeats a run, HISTORY=n one of them alone.
 */
#include "changes.h"
#include "cleanup.h"
#include "drift.h"
#include "full-comparison.h"
#include "image.h"
#include "layout.h"
#include "run.h"
#include "subvol.h"
#include "suite.h"
#include "tree.h"

#include <stdlib.h>
#include <time.h>

#define HISTORIES 200
#define HISTORIES_SANITIZED 60

static uint64_t seed;
static struct image *image;
static int top;

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static void make_image(void)
{
	image = image_create(&(struct image_options){ .size = 2ULL << 30 });
	top = image_mount(image, NULL);
}

static void drop_image(void)
{
	image_free(image);
}

/*
 * Objects are told by inode number, generation and time of birth, and two subvolumes give out the same numbers: what is
 * born in one must not be of the same tick as what was born in another.
 */
static void wait_for_next_tick(void)
{
	struct timespec begin, now;

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME_COARSE, &begin), 0);
	do
		ck_assert_int_eq(clock_gettime(CLOCK_REALTIME_COARSE, &now), 0);
	while (now.tv_sec == begin.tv_sec && now.tv_nsec == begin.tv_nsec);
}

static void change(const char *subvolume, struct random *random, unsigned changes)
{
	BR_AUTO_CLOSE int fd = tree_open(top, subvolume, false);

	wait_for_next_tick();
	/* what was made is there to be changed by the next */
	for (unsigned done = 0; done < changes; done += 10) {
		struct model *now = model_read(fd);

		drift(fd, now, random, changes - done < 10 ? changes - done : 10);
		model_free(now);
	}
}

static void check(const char *from, const char *of, const char *what)
{
	const struct br_changes_request request = { .top = top, .from = from, .of = of };
	BR_AUTO_CLOSE int a = tree_open(top, from, false);
	BR_AUTO_CLOSE int b = tree_open(top, of, false);
	struct listing *old = listing_read(a), *now = listing_read(b);
	struct br_changes changes;
	struct br_error err;

	if (br_changes_find(&request, &changes, &err) < 0) {
		char message[2048];

		br_error_format(&err, message, sizeof(message));
		ck_abort_msg("%s: %s", what, message);
	}
	BR_AUTO_FREE char *expected = full_comparison(old, now);
	BR_AUTO_FREE char *found = changes_describe(&changes);
	assert_same_changes(expected, found, what);
	assert_names_follow(old, now, &changes);
	ck_assert(changes.is_related);
	br_changes_free(&changes);
	listing_free(old);
	listing_free(now);
}

/* A snapshot, with or without what is nested in it. */
static void snapshot(const char *source, const char *name, bool with_nested, bool read_only)
{
	BR_AUTO_CLOSE int fd = tree_open(top, source, false);
	struct br_error err;

	if (with_nested)
		ck_assert_int_eq(br_subvol_snapshot_tree(fd, top, name, false, NULL, &err), 0);
	else
		subvol_snapshot(top, source, name, false);
	subvol_set_read_only(top, name, read_only);
}

static void drop(const char *name)
{
	BR_AUTO_CLOSE int fd = tree_open(top, name, false);
	struct br_subvol subvol;
	struct br_error err;

	ck_assert_int_eq(br_subvol_stat(fd, &subvol, &err), 0);
	ck_assert_int_eq(br_subvol_delete_tree(top, name, subvol.id, &err), 0);
}

static void live_one(unsigned number)
{
	struct random random = random_start(seed, number);
	bool nested = random_chance(&random, 50);
	unsigned few = 1 + (unsigned)random_below(&random, 40);
	char what[64];

	snprintf(what, sizeof(what), "SEED=%llu, history %u", (unsigned long long)seed, number);
	subvol_create(top, "first");
	change("first", &random, 30 + (unsigned)random_below(&random, 60));
	snapshot("first", "blank", nested, true);
	snapshot("blank", "root", nested, false);
	change("root", &random, few);
	check("blank", "root", what);
	check("root", "blank", what);
	snapshot("root", "archive", random_chance(&random, 50), true);
	change("root", &random, few);
	check("archive", "root", what);
	/* both have changed since what they have in common */
	change("first", &random, few);
	check("first", "root", what);
	drop("blank");
	check("archive", "root", what);
	drop("archive");
	drop("root");
	drop("first");
}

START_TEST(test_histories)
{
	uint64_t histories = number_from_environment(
		"HISTORIES", run_tool_is_sanitized() ? HISTORIES_SANITIZED : HISTORIES);

	uint64_t alone = number_from_environment("HISTORY", UINT64_MAX);

	printf("SEED=%llu\n", (unsigned long long)seed);
	(void)fflush(stdout);
	for (unsigned number = 0; number < histories; number++)
		if (alone == UINT64_MAX || number == alone)
			live_one(number);
	/* nothing is left of what was frozen */
	BR_AUTO_FREE char *left = run_shell(top, "ls -A .blankroot");
	ck_assert_str_eq(left, "");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("changes-random");
	TCase *histories = suite_add_case(suite, "histories", make_image, drop_image, 900);

	tcase_add_test(histories, test_histories);
	return suite;
}

int main(void)
{
	seed = number_from_environment("SEED", (uint64_t)time(NULL));
	return suite_run(make_suite(), true);
}
