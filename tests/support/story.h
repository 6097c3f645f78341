/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs made up, for tests of what is told about them. Everything fails the current test when it fails. */
#ifndef TEST_STORY_H
#define TEST_STORY_H

#include "reset.h"
#include "scene.h"

enum { STORY_STEPS = 40 };

/* The scene's facts and plan, and how it went. Must not be moved. */
struct story {
	struct scene scene;
	struct br_reset reset;
	struct br_step_result results[STORY_STEPS];
};

/* Begin with a reset on /dev/sda2 that took 81,234 us, of that many ephemeral subvolumes; see scene_begin. */
void story_begin(struct story *story, size_t ephemerals);

/* Give the first one a persistent path, to be copied, which must outlive the story. */
void story_add_path(struct story *story, char *path, enum br_object old);

/* Make the plan and let all of it be done, the first step in 1 us, the second in 2 ... Ended by story_end. */
void story_carry_out(struct story *story);

/* Say what was counted while a path of the first one was carried. */
void story_count(struct story *story, size_t path, struct br_copy_stats stats);

/* Let it end in an error of "root/etc/\xff\n". */
void story_fail(struct story *story, enum br_outcome outcome, enum br_code code, int sys_errno);

/* Release the plan. */
void story_end(struct story *story);

#endif
