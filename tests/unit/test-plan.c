/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan: from facts made up here to the exact list of steps, in the words of a dry run. */
#include "cleanup.h"
#include "fail-alloc.h"
#include "plan.h"
#include "scene.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(test_plain)
{
	struct scene scene;

	scene_begin(&scene, 1);
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

START_TEST(test_request)
{
	struct scene scene;

	scene_begin(&scene, 1);
	assert_plan(&scene, true, STEP_REQUEST, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		    STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

START_TEST(test_skip)
{
	struct scene scene;
	struct br_plan plan = { 0 };
	struct br_error err = { 0 };

	scene_begin(&scene, 1);
	ck_assert_int_eq(br_plan_build_skip(&plan, &err), 0);
	BR_AUTO_FREE char *text = scene_describe(&scene, &plan);
	ck_assert_str_eq(text, STEP_REQUEST);
	br_plan_free(&plan);
	br_plan_free(NULL);
}
END_TEST

START_TEST(test_directories)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene.facts.has_state_dir = false;
	scene.of[SCENE_ROOT].has_archive_dir = false;
	assert_plan(&scene, false, "create the directory .blankroot, for root only\n",
		    "create the directory old_roots, for root only\n", STEP_NOTE(SCENE_ARCHIVE),
		    STEP_SNAPSHOT, STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
	scene_begin(&scene, 1);
	scene.facts.state_dir_is_open = true;
	scene.of[SCENE_ROOT].archive_dir_is_open = true;
	assert_plan(&scene, false, "close the directory .blankroot to others than root\n",
		    "close the directory old_roots to others than root\n", STEP_NOTE(SCENE_ARCHIVE),
		    STEP_SNAPSHOT, STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* What happens to a path: from what is in the old root and in the blank, and what is configured. */
static const struct {
	enum br_object old, source;
	enum br_method method;
	enum br_create create;
	const char *step; /* NULL: none */
} paths[] = {
	{ BR_OBJECT_DIRECTORY, BR_OBJECT_ABSENT, BR_METHOD_COPY, BR_CREATE_NO,
	  "carry root:/p (copy)\n" },
	{ BR_OBJECT_DIRECTORY, BR_OBJECT_FILE, BR_METHOD_COPY, BR_CREATE_NO,
	  "carry root:/p (copy)\n" },
	{ BR_OBJECT_FILE, BR_OBJECT_DIRECTORY, BR_METHOD_COPY, BR_CREATE_NO,
	  "carry root:/p (copy)\n" },
	{ BR_OBJECT_FILE, BR_OBJECT_ABSENT, BR_METHOD_COPY, BR_CREATE_DIRECTORY,
	  "carry root:/p (copy)\n" },
	{ BR_OBJECT_OTHER, BR_OBJECT_OTHER, BR_METHOD_COPY, BR_CREATE_NO,
	  "carry root:/p (copy)\n" },
	{ BR_OBJECT_SUBVOLUME, BR_OBJECT_ABSENT, BR_METHOD_COPY, BR_CREATE_NO,
	  "carry root:/p (snapshot)\n" },
	{ BR_OBJECT_SUBVOLUME, BR_OBJECT_DIRECTORY, BR_METHOD_SUBVOLUME, BR_CREATE_DIRECTORY,
	  "carry root:/p (snapshot)\n" },
	{ BR_OBJECT_DIRECTORY, BR_OBJECT_DIRECTORY, BR_METHOD_SUBVOLUME, BR_CREATE_NO,
	  "carry root:/p (converted into a subvolume)\n" },
	{ BR_OBJECT_ABSENT, BR_OBJECT_ABSENT, BR_METHOD_COPY, BR_CREATE_NO, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_ABSENT, BR_METHOD_SUBVOLUME, BR_CREATE_NO, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_DIRECTORY, BR_METHOD_COPY, BR_CREATE_NO, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_DIRECTORY, BR_METHOD_SUBVOLUME, BR_CREATE_DIRECTORY, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_FILE, BR_METHOD_COPY, BR_CREATE_DIRECTORY, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_OTHER, BR_METHOD_COPY, BR_CREATE_FILE, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_SUBVOLUME, BR_METHOD_COPY, BR_CREATE_FILE, NULL },
	{ BR_OBJECT_ABSENT, BR_OBJECT_ABSENT, BR_METHOD_COPY, BR_CREATE_DIRECTORY,
	  "create root:/p (empty directory)\n" },
	{ BR_OBJECT_ABSENT, BR_OBJECT_ABSENT, BR_METHOD_COPY, BR_CREATE_FILE,
	  "create root:/p (empty file)\n" },
	{ BR_OBJECT_ABSENT, BR_OBJECT_ABSENT, BR_METHOD_SUBVOLUME, BR_CREATE_DIRECTORY,
	  "create root:/p (empty subvolume)\n" },
};

START_TEST(test_path)
{
	const struct br_persist persist = { .path = SCENE_TEXT("p"),
					    .method = paths[_i].method,
					    .create = paths[_i].create };
	bool is_copied = paths[_i].old != BR_OBJECT_ABSENT && paths[_i].old != BR_OBJECT_SUBVOLUME;
	struct scene scene;

	scene_begin(&scene, 1);
	scene_add_path(&scene, &persist, paths[_i].old, paths[_i].source);
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		    paths[_i].step ? paths[_i].step : "", is_copied ? STEP_FLUSH : "",
		    STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* In the order of the configuration; what is not there leaves no gap. */
START_TEST(test_several_paths)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_add_path(&scene, &(struct br_persist){ .path = SCENE_TEXT("var/lib/z") },
		       BR_OBJECT_DIRECTORY, BR_OBJECT_ABSENT);
	scene_add_path(&scene, &(struct br_persist){ .path = SCENE_TEXT("etc/none") },
		       BR_OBJECT_ABSENT, BR_OBJECT_ABSENT);
	scene_add_path(&scene, &(struct br_persist){ .path = SCENE_TEXT("etc/a\n\x1b[0m") },
		       BR_OBJECT_FILE, BR_OBJECT_FILE);
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		    "carry root:/var/lib/z (copy)\n", "carry root:/etc/a\\x0a\\x1b[0m (copy)\n",
		    STEP_FLUSH, STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

START_TEST(test_default)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene.facts.default_id = SCENE_ROOT_ID;
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE,
		    STEP_SET_DEFAULT, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
	scene.facts.default_id = 299; /* somebody else's */
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

START_TEST(test_read_only_root)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene.of[SCENE_ROOT].old.read_only = true;
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		    "make root writable, so that it can be moved\n", STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

START_TEST(test_archive_name_taken)
{
	static char first[] = "root." SCENE_STAMP, second[] = "root." SCENE_STAMP "-2",
		    other[] = "root." SCENE_STAMP "-4";
	char *taken[] = { second, first, other };
	struct scene scene;

	scene_begin(&scene, 1);
	scene.of[SCENE_ROOT].archives = taken;
	scene.of[SCENE_ROOT].archive_count = COUNT(taken);
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE "-3"), STEP_SNAPSHOT, STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE "-3"), STEP_COMMIT);
}
END_TEST

START_TEST(test_from_archive)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_start_from_archive(&scene);
	scene_add_path(&scene, &(struct br_persist){ .path = SCENE_TEXT("etc") },
		       BR_OBJECT_DIRECTORY, BR_OBJECT_DIRECTORY);
	assert_plan(&scene, true, STEP_REQUEST, STEP_NOTE(SCENE_ARCHIVE), STEP_FROM, STEP_NESTED,
		    "carry root:/etc (copy)\n", STEP_FLUSH, STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* Somebody moved root away: an archive takes its place, nothing is retired. */
START_TEST(test_from_archive_without_root)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_start_from_archive(&scene);
	scene.of[SCENE_ROOT].has_old = false;
	assert_plan(&scene, false, STEP_FROM, STEP_NESTED, STEP_PLACE, STEP_COMMIT);
}
END_TEST

/* archive = none: parked, for the helper to delete. */
START_TEST(test_without_archive)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_use(&scene, SCENE_CACHE);
	scene.of[SCENE_ROOT].has_archive_dir = false;
	assert_plan(&scene, false, "create the directory .blankroot/parked, for root only\n",
		    "note that srv/cache goes to .blankroot/parked/srv%2Fcache." SCENE_STAMP "\n",
		    "snapshot cache-blank to .blankroot/staging-srv%2Fcache\n",
		    "exchange .blankroot/staging-srv%2Fcache and srv/cache\n",
		    "move the old srv/cache, now at .blankroot/staging-srv%2Fcache, to "
		    ".blankroot/parked/srv%2Fcache." SCENE_STAMP "\n",
		    "make .blankroot/parked/srv%2Fcache." SCENE_STAMP " read-only\n", STEP_COMMIT);
}
END_TEST

#define HOME_ARCHIVE "old_roots/home." SCENE_STAMP "-2"
#define CACHE_ARCHIVE ".blankroot/parked/srv%2Fcache." SCENE_STAMP

static const char several[] =
	"create the directory .blankroot, for root only\n"
	"create the directory old_roots, for root only\n"
	"create the directory .blankroot/parked, for root only\n"
	"note that root goes to " SCENE_ARCHIVE "\n"
	"snapshot root-blank to .blankroot/staging-root\n"
	"note that home goes to " HOME_ARCHIVE "\n"
	"snapshot blanks/home to .blankroot/staging-home\n"
	"note that srv/cache goes to " CACHE_ARCHIVE "\n"
	"snapshot cache-blank to .blankroot/staging-srv%2Fcache\n"
	"exchange .blankroot/staging-root and root\n"
	"make home writable, so that it can be moved\n"
	"exchange .blankroot/staging-home and home\n"
	"exchange .blankroot/staging-srv%2Fcache and srv/cache\n"
	"move the old root, now at .blankroot/staging-root, to " SCENE_ARCHIVE "\n"
	"make home the default subvolume\n"
	"move the old home, now at .blankroot/staging-home, to " HOME_ARCHIVE "\n"
	"move the old srv/cache, now at .blankroot/staging-srv%2Fcache, to " CACHE_ARCHIVE "\n"
	"make " SCENE_ARCHIVE " read-only\n"
	"make " HOME_ARCHIVE " read-only\n"
	"make " CACHE_ARCHIVE " read-only\n"
	"commit and check that it reached the disk\n";

/*
 * All are prepared before one is swapped, and all are in their archives before one is made read-only, which commits. The archive directory that two share is made once. The default
 * subvolume follows the one that it is.
 */
START_TEST(test_several)
{
	static char home[] = "home." SCENE_STAMP;
	char *taken[] = { home };
	struct scene scene;

	scene_begin(&scene, SCENE_EPHEMERALS);
	scene.facts.has_state_dir = false;
	for (size_t i = 0; i < SCENE_EPHEMERALS; i++)
		scene.of[i].has_archive_dir = false;
	scene.of[SCENE_HOME].archives = taken;
	scene.of[SCENE_HOME].archive_count = 1;
	scene.of[SCENE_HOME].old.read_only = true;
	scene.facts.default_id = SCENE_HOME_ID;
	assert_plan(&scene, false, several);
}
END_TEST

/* docs/boot-contract.md */
/* After every swap: as long as there is no root from it, each run tells that it changed. */
START_TEST(test_blank_noted)
{
	static const enum br_blank_state states[] = { BR_BLANK_FIRST_SEEN, BR_BLANK_MODIFIED,
						      BR_BLANK_REPLACED };
	struct scene scene;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		scene_begin(&scene, 1);
		scene.of[SCENE_ROOT].blank_state = states[i];
		assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE,
			    STEP_ARCHIVE(SCENE_ARCHIVE),
			    "note what root-blank is, to know it again\n", STEP_SEAL(SCENE_ARCHIVE),
			    STEP_COMMIT);
	}
}
END_TEST

START_TEST(test_step_names)
{
	static const char *const names[] = {
		"use-request",
		"create-directory",
		"secure-directory",
		"archive-leftover",
		"discard-leftover",
		"seal",
		"record",
		"snapshot",
		"snapshot-nested",
		"carry",
		"create",
		"flush",
		"make-writable",
		"exchange",
		"place",
		"archive",
		"set-default",
		"note-blank",
		"commit",
	};

	ck_assert_uint_eq(COUNT(names), BR_STEP_COMMIT + 1);
	for (size_t i = 0; i < COUNT(names); i++)
		ck_assert_str_eq(br_step_name((enum br_step_type)i), names[i]);
	ck_assert_str_eq(br_step_name((enum br_step_type)COUNT(names)), "unknown");
}
END_TEST

static struct scene large;

static int build_and_free(void)
{
	struct br_plan plan = { 0 };
	struct br_error err = { 0 };
	int r = br_plan_build(&large.facts, true, &plan, &err);
	bool is_consistent = r == err.code && (r == 0) == (plan.count > 0);

	br_plan_free(&plan);
	return is_consistent ? r : 1;
}

static int build_skip_and_free(void)
{
	struct br_plan plan = { 0 };
	struct br_error err = { 0 };
	int r = br_plan_build_skip(&plan, &err);

	br_plan_free(&plan);
	return r;
}

START_TEST(test_no_memory)
{
	scene_begin(&large, SCENE_EPHEMERALS);
	scene_add_retired(&large, NULL);
	large.of[SCENE_HOME].leftover = BR_LEFTOVER_UNFINISHED;
	large.of[SCENE_CACHE].has_archive_dir = false;
	scene_add_path(&large, &(struct br_persist){ .path = SCENE_TEXT("etc") },
		       BR_OBJECT_DIRECTORY, BR_OBJECT_DIRECTORY);
	assert_survives_no_memory(build_and_free());
	assert_survives_no_memory(build_skip_and_free());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *tcase = suite_add_case(suite, "plan", NULL, NULL, 10);

	tcase_add_test(tcase, test_plain);
	tcase_add_test(tcase, test_request);
	tcase_add_test(tcase, test_skip);
	tcase_add_test(tcase, test_directories);
	tcase_add_loop_test(tcase, test_path, 0, COUNT(paths));
	tcase_add_test(tcase, test_several_paths);
	tcase_add_test(tcase, test_default);
	tcase_add_test(tcase, test_read_only_root);
	tcase_add_test(tcase, test_archive_name_taken);
	tcase_add_test(tcase, test_from_archive);
	tcase_add_test(tcase, test_from_archive_without_root);
	tcase_add_test(tcase, test_without_archive);
	tcase_add_test(tcase, test_several);
	tcase_add_test(tcase, test_blank_noted);
	tcase_add_test(tcase, test_step_names);
	tcase_add_test(tcase, test_no_memory);
	return suite_run(suite, false);
}
