/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs made up. */
#include "story.h"

#include <check.h>
#include <string.h>

static char device[] = "/dev/sda2";

void story_begin(struct story *story, size_t ephemerals)
{
	memset(story, 0, sizeof(*story));
	scene_begin(&story->scene, ephemerals);
	story->reset = (struct br_reset){
		.outcome = BR_OUTCOME_RESET,
		.device = { .path = device, .fsid = "57377a52-f6e3-44a8-9ad6-0f09b1c36693" },
		.started = SCENE_NOW,
		.usec = 81234,
	};
}

void story_carry_out(struct story *story)
{
	struct br_reset *reset = &story->reset;

	reset->config = story->scene.config;
	reset->facts = story->scene.facts;
	ck_assert_int_eq(br_plan_build(&reset->facts, false, &reset->plan, &reset->error), 0);
	ck_assert_uint_le(reset->plan.count, STORY_STEPS);
	reset->results = story->results;
	for (size_t i = 0; i < reset->plan.count; i++) {
		story->results[i].started = story->results[i].done = true;
		story->results[i].usec = i + 1;
	}
}

void story_count(struct story *story, size_t path, struct br_copy_stats stats)
{
	for (size_t i = 0; i < story->reset.plan.count; i++)
		if (story->reset.plan.steps[i].type == BR_STEP_CARRY &&
		    story->reset.plan.steps[i].path == path)
			story->results[i].stats = stats;
}

void story_add_path(struct story *story, char *path, enum br_object old)
{
	scene_add_path(&story->scene, &(struct br_persist){ .path = path }, old, BR_OBJECT_ABSENT);
}

void story_fail(struct story *story, enum br_outcome outcome, enum br_code code, int sys_errno)
{
	story->reset.outcome = outcome;
	(void)br_error_set(&story->reset.error, code, sys_errno, "root/etc/\xff\n", "because");
}

void story_end(struct story *story)
{
	br_plan_free(&story->reset.plan);
}
