/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line for people about a run that did what it should; that about one which did not is in test-report.c. */
#include "cleanup.h"
#include "report.h"
#include "story.h"
#include "suite.h"

static void assert_line(struct story *story, const char *expected)
{
	BR_AUTO_FREE char *line = br_report_line(&story->reset);

	ck_assert_str_eq(line, expected);
	story_end(story);
}

/* The last step is to flush all, so that it is known to be on the disk. */
START_TEST(test_line_of_unflushed)
{
	struct story story;

	story_begin(&story, 1);
	story_carry_out(&story);
	story.results[story.reset.plan.count - 1].done = false;
	story_fail(&story, BR_OUTCOME_UNFINISHED, BR_ERR_SYNC, EIO);
	assert_line(&story,
		    "blankroot: RESET UNFINISHED: cannot flush to disk \"root/etc/\\xff\\x0a\": "
		    "because: Input/output error; that could not be flushed: this boot has the "
		    "new root or the old one, the next finishes the rest");
}
END_TEST

/* What is left of the line when there is no memory for it. */
START_TEST(test_brief)
{
	struct story story;
	char text[200];

	story_begin(&story, 1);
	story_carry_out(&story);
	br_report_brief(&story.reset, text, sizeof(text));
	ck_assert_str_eq(text, "blankroot: reset");
	story_fail(&story, BR_OUTCOME_FAILED, BR_ERR_NOMEM, ENOMEM);
	br_report_brief(&story.reset, text, sizeof(text));
	ck_assert_str_eq(
		text,
		"blankroot: NOT RESET: out of memory \"root/etc/\\xff\\x0a\": because: Cannot "
		"allocate memory");
	story.reset.outcome = BR_OUTCOME_UNFINISHED;
	br_report_brief(&story.reset, text, 40);
	ck_assert_str_eq(text, "blankroot: RESET UNFINISHED: out of mem");
	story_end(&story);
}
END_TEST

#define KEPT "; kept as " SCENE_ARCHIVE

START_TEST(test_line_of_reset)
{
	struct story story;

	story_begin(&story, 1);
	story_carry_out(&story);
	assert_line(&story,
		    "blankroot: root reset from root-blank in 0.081 s: 0 paths carried" KEPT);

	story_begin(&story, 1);
	story_add_path(&story, SCENE_TEXT("etc"), BR_OBJECT_DIRECTORY);
	story_carry_out(&story);
	story.reset.usec = 12345678;
	story_count(&story, 0, (struct br_copy_stats){ .files = 1, .bytes_shared = 1023 });
	assert_line(&story, "blankroot: root reset from root-blank in 12.346 s: 1 path carried "
			    "(1 file, 1023 B)" KEPT);
}
END_TEST

START_TEST(test_line_sums_up)
{
	struct story story;

	story_begin(&story, 1);
	story_add_path(&story, SCENE_TEXT("etc"), BR_OBJECT_DIRECTORY);
	story_add_path(&story, SCENE_TEXT("none"), BR_OBJECT_ABSENT);
	story_add_path(&story, SCENE_TEXT("var"), BR_OBJECT_SUBVOLUME);
	story_carry_out(&story);
	story_count(&story, 0,
		    (struct br_copy_stats){ .files = 1234567,
					    .subvolumes = 1,
					    .bytes_shared = 3ULL << 40,
					    .bytes_copied = 1ULL << 39 });
	story_count(&story, 2, (struct br_copy_stats){ .subvolumes = 1 });
	assert_line(&story, "blankroot: root reset from root-blank in 0.081 s: 2 paths carried "
			    "(1,234,567 files, 3.5 TiB, 2 subvolumes)" KEPT);
}
END_TEST

START_TEST(test_line_of_several)
{
	struct story story;

	story_begin(&story, SCENE_EPHEMERALS);
	scene_start_from_archive(&story.scene);
	story_carry_out(&story);
	assert_line(&story,
		    "blankroot: root reset from " SCENE_FROM
		    ", home from blanks/home, srv/cache from "
		    "cache-blank in 0.081 s: 0 paths carried" KEPT ", old_roots/home." SCENE_STAMP
		    ", .blankroot/parked/srv%2Fcache." SCENE_STAMP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report-line");
	TCase *tcase = suite_add_case(suite, "line", NULL, NULL, 10);

	tcase_add_test(tcase, test_line_of_reset);
	tcase_add_test(tcase, test_line_sums_up);
	tcase_add_test(tcase, test_line_of_unflushed);
	tcase_add_test(tcase, test_brief);
	tcase_add_test(tcase, test_line_of_several);
	return suite_run(suite, false);
}
