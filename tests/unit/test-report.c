/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told about a run: the line for people, and boot.json, for each outcome. */
#include "cleanup.h"
#include "fail-alloc.h"
#include "report.h"
#include "run.h"
#include "story.h"
#include "suite.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_line(struct story *story, const char *expected)
{
	BR_AUTO_FREE char *line = br_report_line(&story->reset);

	ck_assert_str_eq(line, expected);
	story_end(story);
}

/* The report as a jq filter shows it, which proves that it is JSON too. */
static void assert_json(struct story *story, const char *filter, const char *expected)
{
	BR_AUTO_FREE char *json = br_report_json(&story->reset, "tool 1");
	const char *const argv[] = { "jq", "-c", filter, NULL };
	struct run_result result;

	run(&(struct run_options){ .argv = argv, .input = json, .input_size = strlen(json) },
	    &result);
	ck_assert_msg(result.code == 0, "%s\n%s", result.err, json);
	ck_assert_str_eq(result.out, expected);
	run_free(&result);
}

#define KEPT "; kept as " SCENE_ARCHIVE

START_TEST(test_line_of_dropped)
{
	static char dropped[] = "old_roots/x";
	char *list[] = { dropped, dropped };
	struct story story;

	story_begin(&story, 1);
	story_carry_out(&story);
	story.reset.dropped = list;
	story.reset.dropped_count = 1;
	BR_AUTO_FREE char *one = br_report_line(&story.reset);
	ck_assert_ptr_nonnull(strstr(one, KEPT "; space had run out: 1 old archive deleted"));
	story.reset.dropped_count = 2;
	BR_AUTO_FREE char *two = br_report_line(&story.reset);
	ck_assert_ptr_nonnull(strstr(two, "; space had run out: 2 old archives deleted"));
	assert_json(&story, ".dropped_archives", "[\"old_roots/x\",\"old_roots/x\"]\n");
	story_end(&story);
}
END_TEST

START_TEST(test_warnings)
{
	struct story story;

	story_begin(&story, 2);
	story.scene.of[SCENE_HOME].blank_state = BR_BLANK_MODIFIED;
	story.reset.device.members = 3;
	story.reset.device.missing = 2;
	story_add_path(&story, SCENE_TEXT("etc"), BR_OBJECT_DIRECTORY);
	story_carry_out(&story);
	assert_json(
		&story, ".warnings",
		"[{\"code\":\"degraded\",\"message\":\"DEGRADED: 2 of the 3 members of the file "
		"system are missing\"},{\"code\":\"blank-changed\",\"message\":\"BLANK CHANGED: "
		"blanks/home was modified since the last reset\"}]\n");
	BR_AUTO_FREE char *line = br_report_line(&story.reset);
	ck_assert_ptr_nonnull(strstr(line, "; DEGRADED: 2 of the 3 members of the file system are "
					   "missing; BLANK CHANGED: blanks/home was modified"));
	story.scene.of[SCENE_HOME].blank_state = BR_BLANK_REPLACED;
	story.scene.of[SCENE_ROOT].blank_state = BR_BLANK_FIRST_SEEN;
	story.reset.device.missing = 1;
	assert_json(
		&story, "[.warnings[].message]",
		"[\"DEGRADED: 1 of the 3 members of the file system is missing\",\"BLANK CHANGED: "
		"blanks/home is another subvolume than at the last reset\"]\n");
	story.reset.device.missing = 0;
	story.scene.of[SCENE_HOME].blank_state = BR_BLANK_UNCHANGED;
	assert_json(&story, ".warnings", "[]\n");
	story_count(&story, 0, (struct br_copy_stats){ .files = 9, .swap_files = 2 });
	assert_json(&story,
		    "[.warnings[]|[.code,(.message|startswith(\"SWAP FILE: root has 2 in \"))]]",
		    "[[\"swap-file\",true]]\n");
	story_end(&story);
}
END_TEST

START_TEST(test_skipped)
{
	struct story story;

	story_begin(&story, 1);
	story.reset.outcome = BR_OUTCOME_SKIPPED;
	story.reset.requester = BR_REQUESTER_CMDLINE;
	story.reset.device.path = NULL;
	assert_json(
		&story,
		"[.outcome,.exit_code,.requested_by,.device,.filesystem,.error,.ephemeral,.steps]",
		"[\"skipped\",0,\"kernel-command-line\",null,null,null,[],[]]\n");
	assert_line(&story, "blankroot: not reset: skipped, as the kernel command line says "
			    "(rd.blankroot=off)");
	story.reset.requester = BR_REQUESTER_ONE_SHOT;
	ck_assert_int_eq(br_plan_build_skip(&story.reset.plan, &story.reset.error), 0);
	assert_json(
		&story, "[.requested_by,.steps]",
		"[\"one-shot-request\",[{\"step\":\"use-request\",\"text\":\"use up the request for "
		"this boot\",\"done\":false,\"duration_us\":0}]]\n");
	assert_line(&story, "blankroot: not reset: skipped this once, as requested");
}
END_TEST

START_TEST(test_dry_run)
{
	struct story story;

	story_begin(&story, 1);
	story_add_path(&story, SCENE_TEXT("etc"), BR_OBJECT_DIRECTORY);
	story_carry_out(&story);
	story.reset.results = NULL;
	story.reset.outcome = BR_OUTCOME_DRY_RUN;
	assert_json(&story,
		    "[.outcome,.exit_code,([.steps[].done]|any),.ephemeral[0].paths[0].done,"
		    ".ephemeral[0].archive_done,(.steps|length)]",
		    "[\"dry-run\",0,false,false,false,8]\n");
	assert_line(&story, "blankroot: not reset: dry run of 8 steps, nothing was changed");
}
END_TEST

static const struct {
	enum br_outcome outcome;
	enum br_code code;
	int sys_errno;
	const char *line, *json;
} failures[] = {
	{ BR_OUTCOME_USAGE, BR_ERR_CONFIG, 0,
	  "blankroot: NOT RESET: configuration error \"root/etc/\\xff\\x0a\": because; the old root is "
	  "unchanged",
	  "[\"usage\",2,\"configuration\",0,\"root/etc/\\\\xff\\n\",\"configuration error "
	  "\\\"root/etc/\\\\xff\\\\x0a\\\": because\"]\n" },
	{ BR_OUTCOME_REFUSED, BR_ERR_LAYOUT, 0,
	  "blankroot: NOT RESET: unexpected layout \"root/etc/\\xff\\x0a\": because; the old root is "
	  "unchanged",
	  "[\"refused\",3,\"layout\",0,\"root/etc/\\\\xff\\n\",\"unexpected layout "
	  "\\\"root/etc/\\\\xff\\\\x0a\\\": because\"]\n" },
	{ BR_OUTCOME_FAILED, BR_ERR_CLONE, ENOSPC,
	  "blankroot: NOT RESET: cannot share the data of \"root/etc/\\xff\\x0a\": because: No space "
	  "left on device; the old root is unchanged",
	  "[\"failed\",4,\"clone\",28,\"root/etc/\\\\xff\\n\",\"cannot share the data of "
	  "\\\"root/etc/\\\\xff\\\\x0a\\\": because: No space left on device\"]\n" },
	{ BR_OUTCOME_UNFINISHED, BR_ERR_RENAME, EIO,
	  "blankroot: RESET UNFINISHED: cannot rename \"root/etc/\\xff\\x0a\": because: Input/output "
	  "error; the new root is in place, the next boot finishes the rest",
	  "[\"unfinished\",5,\"rename\",5,\"root/etc/\\\\xff\\n\",\"cannot rename "
	  "\\\"root/etc/\\\\xff\\\\x0a\\\": because: Input/output error\"]\n" },
};

/* In JSON a newline is one; only what is no UTF-8 is escaped there. */
START_TEST(test_failure)
{
	struct story story;

	story_begin(&story, 1);
	if (failures[_i].outcome == BR_OUTCOME_UNFINISHED)
		story_carry_out(&story);
	story_fail(&story, failures[_i].outcome, failures[_i].code, failures[_i].sys_errno);
	assert_json(&story,
		    "[.outcome,.exit_code,.error.code,.error.errno,.error.path,.error.message]",
		    failures[_i].json);
	assert_line(&story, failures[_i].line);
}
END_TEST

START_TEST(test_error_without_path)
{
	struct story story;

	story_begin(&story, 1);
	story.reset.outcome = BR_OUTCOME_FAILED;
	(void)br_error_set(&story.reset.error, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	assert_json(&story, ".error",
		    "{\"code\":\"out-of-memory\",\"errno\":12,\"path\":null,"
		    "\"message\":\"out of memory: Cannot allocate memory\"}\n");
}
END_TEST

/* The longest error whose every byte is escaped. */
START_TEST(test_long_error)
{
	char path[BR_ERROR_PATH_MAX], text[BR_ERROR_TEXT_MAX];
	struct story story;

	memset(path, 1, sizeof(path) - 1);
	memset(text, 2, sizeof(text) - 1);
	path[sizeof(path) - 1] = text[sizeof(text) - 1] = '\0';
	story_begin(&story, 1);
	story.reset.outcome = BR_OUTCOME_FAILED;
	(void)br_error_set(&story.reset.error, BR_ERR_READ, EIO, path, "%s", text);
	assert_json(&story, ".error.path|length", "511\n");
	BR_AUTO_FREE char *line = br_report_line(&story.reset);
	ck_assert_ptr_nonnull(strstr(line, "\\x01\": \\x02\\x02"));
	ck_assert_ptr_nonnull(strstr(line, "; the old root is unchanged"));
}
END_TEST

/* A step that failed after the swap: what comes after it for the same subvolume is not done. */
START_TEST(test_unfinished_archive)
{
	struct story story;

	story_begin(&story, 1);
	story_carry_out(&story);
	for (size_t i = 0; i < story.reset.plan.count; i++)
		if (story.reset.plan.steps[i].type == BR_STEP_ARCHIVE ||
		    story.reset.plan.steps[i].type == BR_STEP_SEAL)
			story.results[i].done = false;
	story_fail(&story, BR_OUTCOME_UNFINISHED, BR_ERR_RENAME, EIO);
	assert_json(&story, "[.ephemeral[0].archive_done,[.steps[]|select(.done|not)|.step]]",
		    "[false,[\"archive\",\"seal\"]]\n");
	story_end(&story);
}
END_TEST

static const struct {
	time_t when;
	const char *text;
} times[] = {
	{ SCENE_NOW, "\"2026-11-23T19:05:01Z\"\n" },
	{ 0, "\"1970-01-01T00:00:00Z\"\n" },
	{ -1, "\"1969-12-31T23:59:59Z\"\n" },
	{ 253402300800, "\"10000-01-01T00:00:00Z\"\n" },
	{ INT64_MAX, "null\n" },
};

/* Whatever the clock said, wherever the machine is. */
START_TEST(test_times)
{
	struct story story;

	ck_assert_int_eq(setenv("TZ", "XYZ-13:45", 1), 0);
	for (size_t i = 0; i < COUNT(times); i++) {
		story_begin(&story, 1);
		story.reset.started = times[i].when;
		assert_json(&story, ".started", times[i].text);
	}
}
END_TEST

static char mountpoint[] = "/";

/* Paths with each of the actions. */
static const struct br_persist long_paths[] = {
	{ .path = SCENE_TEXT("etc/ssh") },
	{ .path = SCENE_TEXT("etc/motd") },
	{ .path = SCENE_TEXT("srv") },
	{ .path = SCENE_TEXT("var/\xe4"),
	  .method = BR_METHOD_SUBVOLUME,
	  .create = BR_CREATE_DIRECTORY },
};

/* Two subvolumes, one from an archive. */
static void tell_long_story(struct story *story)
{
	static const struct br_path_facts facts[COUNT(long_paths)] = {
		[0] = { .old = BR_OBJECT_DIRECTORY },
		[1] = { .source = BR_OBJECT_FILE },
	};
	struct br_copy_stats stats = { .files = 7,
				       .directories = 1,
				       .others = 2,
				       .hard_links = 3,
				       .subvolumes = 4,
				       .bytes_shared = 5000,
				       .bytes_copied = 600 };

	story_begin(story, 2);
	story->scene.ephemeral[SCENE_ROOT].mountpoint = mountpoint;
	story->scene.ephemeral[SCENE_HOME].on_failure = BR_ON_FAILURE_STOP;
	scene_start_from_archive(&story->scene);
	for (size_t i = 0; i < COUNT(long_paths); i++)
		scene_add_path(&story->scene, &long_paths[i], facts[i].old, facts[i].source);
	story_carry_out(story);
	story_count(story, 0, stats);
}

START_TEST(test_complete)
{
	struct story story;

	tell_long_story(&story);
	assert_json(&story, "del(.ephemeral,.steps)",
		    "{\"version\":1,\"tool\":\"tool 1\",\"outcome\":\"reset\",\"exit_code\":0,"
		    "\"reason\":\"blankroot: root reset from " SCENE_FROM
		    ", home from blanks/home in "
		    "0.081 s: 1 path carried (7 files, 5.5 KiB, 4 subvolumes)" KEPT
		    ", old_roots/home." SCENE_STAMP "\","
		    "\"requested_by\":\"configuration\",\"error\":null,\"device\":\"/dev/sda2\","
		    "\"filesystem\":\"57377a52-f6e3-44a8-9ad6-0f09b1c36693\","
		    "\"started\":\"2026-11-23T19:05:01Z\",\"duration_us\":81234,"
		    "\"dropped_archives\":[],\"warnings\":[]}\n");
	assert_json(
		&story, ".ephemeral[0]|del(.paths)",
		"{\"name\":\"root\",\"mountpoint\":\"/\",\"on_failure\":\"continue\",\"source\":\"" SCENE_FROM
		"\",\"source_kind\":\"archive\",\"source_id\":200,\"old_id\":300,\"archive\":\"" SCENE_ARCHIVE
		"\",\"archive_done\":true}\n");
	assert_json(
		&story, ".ephemeral[1]",
		"{\"name\":\"home\",\"mountpoint\":null,\"on_failure\":\"stop\",\"source\":\"blanks/home\","
		"\"source_kind\":\"blank\",\"source_id\":257,\"old_id\":301,\"archive\":\"old_roots/home." SCENE_STAMP
		"\",\"archive_done\":true,\"paths\":[]}\n");
	story_end(&story);
}
END_TEST

START_TEST(test_paths)
{
	struct story story;

	tell_long_story(&story);
	assert_json(&story, ".ephemeral[0].paths[0]",
		    "{\"path\":\"/etc/ssh\",\"method\":\"copy\",\"action\":\"carry\",\"done\":true,"
		    "\"files\":7,\"directories\":1,\"others\":2,\"hard_links\":3,\"subvolumes\":4,"
		    "\"bytes_shared\":5000,\"bytes_copied\":600,\"duration_us\":4}\n");
	assert_json(
		&story, "[.ephemeral[0].paths[]|[.path,.method,.action,.done]]",
		"[[\"/etc/ssh\",\"copy\",\"carry\",true],[\"/etc/motd\",\"copy\",\"keep-from-source\",true],"
		"[\"/srv\",\"copy\",\"absent\",true],[\"/var/\\\\xe4\",\"subvolume\",\"create\",true]]\n");
	story_end(&story);
}
END_TEST

/* The steps are those of a dry run, to the word. */
START_TEST(test_steps)
{
	struct story story;

	tell_long_story(&story);
	BR_AUTO_FREE char *texts = scene_describe(&story.scene, &story.reset.plan);
	BR_AUTO_FREE char *json = br_report_json(&story.reset, "tool 1");
	const char *const argv[] = { "jq", "-r", ".steps[].text", NULL };
	struct run_result result;

	run(&(struct run_options){ .argv = argv, .input = json, .input_size = strlen(json) },
	    &result);
	ck_assert_str_eq(result.out, texts);
	run_free(&result);
	assert_json(
		&story, "[.steps[0],.steps[3]]",
		"[{\"step\":\"record\",\"text\":\"note that root goes to " SCENE_ARCHIVE
		"\",\"done\":true,\"duration_us\":1},{\"step\":\"carry\",\"text\":\"carry root:/etc/ssh "
		"(copy)\",\"done\":true,\"duration_us\":4}]\n");
	story_end(&story);
}
END_TEST

START_TEST(test_outcomes)
{
	static const char *const names[] = { "reset",   "skipped", "dry-run",   "usage",
					     "refused", "failed",  "unfinished" };
	static const int codes[] = { 0, 0, 0, 2, 3, 4, 5 };

	for (size_t i = 0; i < COUNT(codes); i++) {
		ck_assert_str_eq(br_outcome_name((enum br_outcome)i), names[i]);
		ck_assert_int_eq(br_outcome_exit_code((enum br_outcome)i), codes[i]);
	}
	ck_assert_int_eq(COUNT(codes), BR_OUTCOME_UNFINISHED + 1);
}
END_TEST

/* Without memory there is no text rather than half of one. */
START_TEST(test_no_memory)
{
	struct story story;
	bool failed;

	tell_long_story(&story);
	for (unsigned number = 1; number < 1000; number++) {
		fail_alloc_at(number);
		char *line = br_report_line(&story.reset);
		failed = fail_alloc_stop();
		ck_assert(number > 1 || (failed && !line));
		free(line);
		fail_alloc_at(number);
		char *json = br_report_json(&story.reset, "tool 1");
		failed |= fail_alloc_stop();
		ck_assert(!json || strcmp(json + strlen(json) - 3, "\n}\n") == 0);
		free(json);
		if (!failed)
			break;
	}
	ck_assert(!failed);
	story_end(&story);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tcase = suite_add_case(suite, "report", NULL, NULL, 60);

	tcase_add_test(tcase, test_line_of_dropped);
	tcase_add_test(tcase, test_warnings);
	tcase_add_test(tcase, test_skipped);
	tcase_add_test(tcase, test_dry_run);
	tcase_add_loop_test(tcase, test_failure, 0, COUNT(failures));
	tcase_add_test(tcase, test_error_without_path);
	tcase_add_test(tcase, test_long_error);
	tcase_add_test(tcase, test_unfinished_archive);
	tcase_add_test(tcase, test_times);
	tcase_add_test(tcase, test_complete);
	tcase_add_test(tcase, test_paths);
	tcase_add_test(tcase, test_steps);
	tcase_add_test(tcase, test_outcomes);
	tcase_add_test(tcase, test_no_memory);
	return suite_run(suite, false);
}
