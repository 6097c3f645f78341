/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the rig: the log has everything in order, a verdict is a verdict. */
#include "cleanup.h"
#include "cut.h"
#include "names.h"
#include "recorded-disk.h"
#include "stage.h"
#include "suite.h"
#include "tree.h"
#include "verdict.h"

#include <signal.h>
#include <string.h>

/* The disk as it was recorded is the base and all entries, byte for byte. */
START_TEST(test_log_is_complete)
{
	struct stage stage;
	struct recording recording;
	struct state recorded;

	stage_begin(&stage, scenario_find("plain"));
	struct recording_options options = stage_options(&stage, RECORDING_COMMITS);
	recording_make(&recording, stage.image, &stage.base, &options);
	state_save(&recorded, stage.image);
	size_t count = recording.log.count;
	cut_apply(&(struct cut){ .whole = count, .end = count }, &recording, stage.image);
	ck_assert(state_is_on(&recorded, stage.image));
	cut_apply(&(struct cut){ .whole = count - 2, .end = count - 2 }, &recording, stage.image);
	ck_assert(!state_is_on(&recorded, stage.image));
	cut_apply(&(struct cut){ .whole = 0 }, &recording, stage.image);
	ck_assert(state_is_on(&stage.base, stage.image));
	state_free(&recorded);
	recording_free(&recording);
	stage_end(&stage);
}
END_TEST

/* Without the commits, most of what can be on the disk never is. */
START_TEST(test_commits_are_made)
{
	struct stage stage;
	struct recording plain, commits;

	stage_begin(&stage, scenario_find("plain"));
	struct recording_options options = stage_options(&stage, RECORDING_PLAIN);
	recording_make(&plain, stage.image, &stage.base, &options);
	options.mode = RECORDING_COMMITS;
	recording_make(&commits, stage.image, &stage.base, &options);
	ck_assert_uint_eq(plain.marks, commits.marks);
	ck_assert_uint_gt(log_count(&commits.log, LOG_FLUSH, commits.done), commits.marks);
	ck_assert_uint_lt(log_count(&plain.log, LOG_FLUSH, plain.done), plain.marks / 2);
	recording_free(&plain);
	recording_free(&commits);
	stage_end(&stage);
}
END_TEST

/* The same seed leaves the same; each leaves something between nothing and all. */
START_TEST(test_cut_follows_its_seed)
{
	struct stage stage;
	struct recording recording;
	struct state first;
	unsigned different = 0;

	stage_begin(&stage, scenario_find("plain"));
	struct recording_options options = stage_options(&stage, RECORDING_COMMITS);
	recording_make(&recording, stage.image, &stage.base, &options);
	struct cut cut = { .end = recording.log.count, .seed = 1 };
	cut_apply(&cut, &recording, stage.image);
	state_save(&first, stage.image);
	cut_apply(&cut, &recording, stage.image);
	ck_assert(state_is_on(&first, stage.image));
	ck_assert(!state_is_on(&stage.base, stage.image));
	for (cut.seed = 2; cut.seed < 6; cut.seed++) {
		cut_apply(&cut, &recording, stage.image);
		different += !state_is_on(&first, stage.image);
	}
	ck_assert_uint_eq(different, 4);
	state_free(&first);
	recording_free(&recording);
	stage_end(&stage);
}
END_TEST

enum verdict_case { PASSES, FAILS, LEAVES_MOUNTED, DIES };

struct verdict_data {
	enum verdict_case what;
	struct image *image;
};

static void check_case(void *data)
{
	const struct verdict_data *verdict = data;

	if (verdict->what == DIES)
		(void)raise(SIGKILL);
	if (verdict->what == LEAVES_MOUNTED)
		ck_assert(!tree_exists(image_mount(verdict->image, NULL), "root"));
	ck_assert_msg(verdict->what == PASSES, "case %d", verdict->what);
}

START_TEST(test_verdict)
{
	static const char *const messages[] = { NULL, "case 1", "tree_exists", "status 9" };
	struct stage stage;

	stage_begin(&stage, scenario_find("plain"));
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		struct verdict_data data = { .what = (enum verdict_case)i, .image = stage.image };
		BR_AUTO_FREE char *message = verdict_of(check_case, &data, stage.image);

		ck_assert_msg(messages[i] ? message && strstr(message, messages[i]) : !message,
			      "%zu: %s", i, message ? message : "passed");
	}
	stage_end(&stage);
}
END_TEST

struct kept {
	const char *list, *now;
	bool is_newest;
};

static const struct kept kepts[] = {
	{ "a\nb\nc\n", "a\nb\nc\n", true }, { "a\nb\nc\n", "c\nb\n", true },
	{ "a\nb\nc\n", "d\nc\n", true },    { "a\nb\nc\n", "a\nc\n", false },
	{ "a\nb\nc\n", "a\nb\n", false },   { "a\nb\nc\n", "d\n", false },
};

START_TEST(test_names)
{
	for (size_t i = 0; i < sizeof(kepts) / sizeof(kepts[0]); i++)
		ck_assert_msg(names_keep_newest(kepts[i].list, kepts[i].now) == kepts[i].is_newest,
			      "%zu", i);
	ck_assert(names_contain_all("a\nbc\nd\n", "d\na\n"));
	ck_assert(!names_contain_all("a\nbc\nd\n", "a\nb\n"));
	BR_AUTO_FREE char *rest = names_without("a: 1\na/b: 2\nab: 3\nc: 4\n", "a");
	ck_assert_str_eq(rest, "ab: 3\nc: 4\n");
	BR_AUTO_FREE char *last = names_last("a\nb\n");
	ck_assert_str_eq(last, "b");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("crash-parts");
	TCase *tcase = suite_add_case(suite, "parts", NULL, NULL, 120);

	tcase_add_test(tcase, test_log_is_complete);
	tcase_add_test(tcase, test_commits_are_made);
	tcase_add_test(tcase, test_cut_follows_its_seed);
	tcase_add_test(tcase, test_verdict);
	tcase_add_test(tcase, test_names);
	return suite;
}

int main(void)
{
	return recorded_disk_suite_run(make_suite());
}
