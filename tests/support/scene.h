/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts made up, for tests of what is decided from them and said about it: a file system with up to three ephemeral
 * subvolumes, on which nothing is left from an earlier run. And the words for the steps of its first one.
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include "facts.h"
#include "plan.h"

#include <stdbool.h>

#define SCENE_TEXT(text) ((char[]){ text }) /* a text in a static initialiser */
#define SCENE_NOW 1795460701
#define SCENE_STAMP "20261123T190501Z"

/* "root" and "home" share an archive directory, "srv/cache" has none. */
enum { SCENE_ROOT, SCENE_HOME, SCENE_CACHE, SCENE_EPHEMERALS };
enum { SCENE_PATHS = 4 };

/* Ids of the subvolumes. That of the default subvolume is 5. */
enum { SCENE_ROOT_ID = 300, SCENE_HOME_ID, SCENE_CACHE_ID, SCENE_LEFTOVER_ID = 250 };

/* Facts, and the configuration they belong to, for a test to change. Nothing has to be released. */
struct scene {
	struct br_config config;
	struct br_ephemeral ephemeral[SCENE_EPHEMERALS];
	struct br_persist persist[SCENE_PATHS];
	struct br_facts facts;
	struct br_ephemeral_facts of[SCENE_EPHEMERALS];
	struct br_path_facts paths[SCENE_PATHS];
};

/* Begin with that many ephemeral subvolumes, from 1 on. The scene must not be moved. */
void scene_begin(struct scene *scene, size_t count);

/* Let the first ephemeral subvolume be another one of them. */
void scene_use(struct scene *scene, size_t which);

/* Give the first one a persistent path, whose strings must outlive the scene, and say what is there. */
void scene_add_path(struct scene *scene, const struct br_persist *persist, enum br_object old,
		    enum br_object source);

/* Let the first one start from an archive, SCENE_FROM. */
void scene_start_from_archive(struct scene *scene);

/*
 * Let an interrupted run have left an old subvolume of the first one.
 *
 * archive  where it was to go, must outlive the scene; NULL: unknown, or taken
 */
void scene_add_retired(struct scene *scene, char *archive);

/* What a plan says, one line for each step. Owned by the caller. */
char *scene_describe(const struct scene *scene, const struct br_plan *plan);

/* Assert that the plan for the scene is this, to the byte: texts of one or more lines. */
#define assert_plan(scene, use_request, ...) \
	assert_plan_is((scene), (use_request), (const char *const[]){ __VA_ARGS__, NULL })
void assert_plan_is(const struct scene *scene, bool use_request, const char *const *expected);

#define SCENE_ARCHIVE "old_roots/root." SCENE_STAMP
#define SCENE_FROM "old_roots/root.20261101T000000Z"

#define STEP_REQUEST "use up the request for this boot\n"
#define STEP_NOTE(to) "note that root goes to " to "\n"
#define STEP_SNAPSHOT "snapshot root-blank to .blankroot/staging-root\n"
#define STEP_FROM "snapshot " SCENE_FROM " to .blankroot/staging-root\n"
#define STEP_NESTED "snapshot the subvolumes nested in " SCENE_FROM "\n"
#define STEP_FLUSH "flush what was carried to disk\n"
#define STEP_EXCHANGE "exchange .blankroot/staging-root and root\n"
#define STEP_PLACE "rename .blankroot/staging-root to root\n"
#define STEP_SET_DEFAULT "make root the default subvolume\n"
#define STEP_SEAL(which) "make " which " read-only\n"
#define STEP_ARCHIVE(to) "move the old root, now at .blankroot/staging-root, to " to "\n"
#define STEP_RETIRE(to) STEP_ARCHIVE(to) STEP_SEAL(to)
#define STEP_LEFTOVER(to)                                                                  \
	"move the old root that an interrupted run left at .blankroot/staging-root to " to \
	"\n" STEP_SEAL(to)
#define STEP_COMMIT "commit and check that it reached the disk\n"

#endif
