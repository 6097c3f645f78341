/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the plan does with leftovers of interrupted runs. */
#include "plan.h"
#include "scene.h"
#include "suite.h"

#define EARLIER "old_roots/root.20261122T000000Z"

static char earlier[] = EARLIER;

/* A cut came before the swap: what is under the staging name holds nothing of its own. */
START_TEST(test_unfinished_leftover)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene.of[SCENE_ROOT].leftover = BR_LEFTOVER_UNFINISHED;
	scene.of[SCENE_ROOT].staging.id = 299;
	scene.facts.default_id = 299;
	assert_plan(&scene, false, "discard the unfinished new root at .blankroot/staging-root\n",
		    STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* A cut came after the swap: the name that was chosen then is used. */
START_TEST(test_retired_leftover)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_add_retired(&scene, earlier);
	assert_plan(&scene, false, STEP_LEFTOVER(EARLIER), STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		    STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* Nobody knows a name for it: it gets one of now, noted first; this run's own archive the next. */
START_TEST(test_retired_leftover_without_name)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_add_retired(&scene, NULL);
	assert_plan(&scene, false, STEP_NOTE(SCENE_ARCHIVE), STEP_LEFTOVER(SCENE_ARCHIVE),
		    STEP_NOTE(SCENE_ARCHIVE "-2"), STEP_SNAPSHOT, STEP_EXCHANGE,
		    STEP_RETIRE(SCENE_ARCHIVE "-2"), STEP_COMMIT);
}
END_TEST

/* The interrupted run was of this very second. */
START_TEST(test_retired_leftover_of_now)
{
	static char name[] = SCENE_ARCHIVE;
	struct scene scene;

	scene_begin(&scene, 1);
	scene_add_retired(&scene, name);
	assert_plan(&scene, false, STEP_LEFTOVER(SCENE_ARCHIVE), STEP_NOTE(SCENE_ARCHIVE "-2"),
		    STEP_SNAPSHOT, STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE "-2"), STEP_COMMIT);
}
END_TEST

/* It still is the default subvolume: the one in use becomes it first, and the new one after the swap. */
START_TEST(test_retired_leftover_is_default)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_add_retired(&scene, earlier);
	scene.facts.default_id = SCENE_LEFTOVER_ID;
	assert_plan(&scene, false, STEP_SET_DEFAULT, STEP_LEFTOVER(EARLIER),
		    STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE, STEP_SET_DEFAULT,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* The last step but one was cut off. */
START_TEST(test_unsealed_archive)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene.of[SCENE_ROOT].unsealed = earlier;
	scene.of[SCENE_ROOT].unsealed_subvol.id = SCENE_LEFTOVER_ID;
	assert_plan(&scene, false, STEP_SEAL(EARLIER), STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		    STEP_EXCHANGE, STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
	scene.facts.default_id = SCENE_LEFTOVER_ID;
	assert_plan(&scene, false, STEP_SET_DEFAULT, "make " EARLIER " read-only\n",
		    STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT, STEP_EXCHANGE, STEP_SET_DEFAULT,
		    STEP_RETIRE(SCENE_ARCHIVE), STEP_COMMIT);
}
END_TEST

/* The default subvolume cannot become one that is not there; the leftover goes to the archives all the same. */
START_TEST(test_leftover_without_root)
{
	struct scene scene;

	scene_begin(&scene, 1);
	scene_start_from_archive(&scene);
	scene.of[SCENE_ROOT].has_old = false;
	scene_add_retired(&scene, earlier);
	assert_plan(&scene, false, STEP_LEFTOVER(EARLIER), STEP_FROM, STEP_NESTED, STEP_PLACE,
		    STEP_COMMIT);
}
END_TEST

/* Leftovers of all are cleared before anything new is prepared. */
START_TEST(test_several_leftovers)
{
	struct scene scene;

	scene_begin(&scene, 2);
	scene_add_retired(&scene, earlier);
	scene.of[SCENE_HOME].leftover = BR_LEFTOVER_UNFINISHED;
	scene.of[SCENE_HOME].staging.id = 310;
	assert_plan(
		&scene, false, STEP_LEFTOVER(EARLIER),
		"discard the unfinished new home at .blankroot/staging-home\n",
		STEP_NOTE(SCENE_ARCHIVE), STEP_SNAPSHOT,
		"note that home goes to old_roots/home." SCENE_STAMP "\n",
		"snapshot blanks/home to .blankroot/staging-home\n", STEP_EXCHANGE,
		"exchange .blankroot/staging-home and home\n", STEP_ARCHIVE(SCENE_ARCHIVE),
		"move the old home, now at .blankroot/staging-home, to old_roots/home." SCENE_STAMP
		"\n",
		STEP_SEAL(SCENE_ARCHIVE), "make old_roots/home." SCENE_STAMP " read-only\n",
		STEP_COMMIT);
}
END_TEST

/* Steps that act on a leftover name the subvolume that was found. */
START_TEST(test_identities)
{
	struct br_plan plan = { 0 };
	struct br_error err = { 0 };
	size_t found = 0;
	struct scene scene;

	scene_begin(&scene, 2);
	scene_add_retired(&scene, NULL);
	scene.of[SCENE_HOME].leftover = BR_LEFTOVER_UNFINISHED;
	scene.of[SCENE_HOME].staging.id = 310;
	ck_assert_int_eq(br_plan_build(&scene.facts, false, &plan, &err), 0);
	for (size_t i = 0; i < plan.count; i++) {
		const struct br_step *step = &plan.steps[i];

		if (step->type != BR_STEP_ARCHIVE_LEFTOVER &&
		    step->type != BR_STEP_DISCARD_LEFTOVER)
			continue;
		ck_assert_uint_eq(step->id,
				  step->ephemeral == SCENE_ROOT ? SCENE_LEFTOVER_ID : 310);
		found++;
	}
	ck_assert_uint_eq(found, 2);
	br_plan_free(&plan);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan-leftovers");
	TCase *tcase = suite_add_case(suite, "leftovers", NULL, NULL, 10);

	tcase_add_test(tcase, test_unfinished_leftover);
	tcase_add_test(tcase, test_retired_leftover);
	tcase_add_test(tcase, test_retired_leftover_without_name);
	tcase_add_test(tcase, test_retired_leftover_of_now);
	tcase_add_test(tcase, test_retired_leftover_is_default);
	tcase_add_test(tcase, test_unsealed_archive);
	tcase_add_test(tcase, test_leftover_without_root);
	tcase_add_test(tcase, test_several_leftovers);
	tcase_add_test(tcase, test_identities);
	return suite_run(suite, false);
}
