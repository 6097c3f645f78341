/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts made up. */
#include "scene.h"

#include "cleanup.h"

#include <check.h>
#include <string.h>

#define TOP_LEVEL 5

static const struct br_ephemeral ephemerals[SCENE_EPHEMERALS] = {
	{ .name = SCENE_TEXT("root"),
	  .blank = SCENE_TEXT("root-blank"),
	  .archive = SCENE_TEXT("old_roots") },
	{ .name = SCENE_TEXT("home"),
	  .blank = SCENE_TEXT("blanks/home"),
	  .archive = SCENE_TEXT("old_roots") },
	{ .name = SCENE_TEXT("srv/cache"), .blank = SCENE_TEXT("cache-blank") },
};

static const struct br_ephemeral_facts clean[SCENE_EPHEMERALS] = {
	{ .escaped = SCENE_TEXT("root"),
	  .archive = SCENE_TEXT("old_roots"),
	  .has_old = true,
	  .old = { .id = SCENE_ROOT_ID },
	  .source_path = SCENE_TEXT("root-blank"),
	  .source = { .id = 256 },
	  .has_archive_dir = true },
	{ .escaped = SCENE_TEXT("home"),
	  .archive = SCENE_TEXT("old_roots"),
	  .has_old = true,
	  .old = { .id = SCENE_HOME_ID },
	  .source_path = SCENE_TEXT("blanks/home"),
	  .source = { .id = 257 },
	  .has_archive_dir = true },
	{ .escaped = SCENE_TEXT("srv%2Fcache"),
	  .archive = SCENE_TEXT(".blankroot/parked"),
	  .has_old = true,
	  .old = { .id = SCENE_CACHE_ID },
	  .source_path = SCENE_TEXT("cache-blank"),
	  .source = { .id = 258 },
	  .has_archive_dir = true },
};

void scene_begin(struct scene *scene, size_t count)
{
	memset(scene, 0, sizeof(*scene));
	memcpy(scene->ephemeral, ephemerals, sizeof(ephemerals));
	memcpy(scene->of, clean, sizeof(clean));
	scene->config = (struct br_config){ .ephemeral = scene->ephemeral,
					    .ephemeral_count = count };
	scene->facts = (struct br_facts){ .config = &scene->config,
					  .now = SCENE_NOW,
					  .has_state_dir = true,
					  .default_id = TOP_LEVEL,
					  .ephemeral = scene->of };
}

void scene_use(struct scene *scene, size_t which)
{
	scene->ephemeral[0] = ephemerals[which];
	scene->of[0] = clean[which];
}

void scene_add_path(struct scene *scene, const struct br_persist *persist, enum br_object old,
		    enum br_object source)
{
	size_t count = scene->ephemeral[0].persist_count++;

	ck_assert_uint_lt(count, SCENE_PATHS);
	scene->persist[count] = *persist;
	scene->paths[count] = (struct br_path_facts){ .old = old, .source = source };
	scene->ephemeral[0].persist = scene->persist;
	scene->of[0].paths = scene->paths;
}

void scene_start_from_archive(struct scene *scene)
{
	static char path[] = SCENE_FROM;

	scene->of[0].source_path = path;
	scene->of[0].source_is_archive = true;
	scene->of[0].source_has_nested = true;
	scene->of[0].source.id = 200;
}

void scene_add_retired(struct scene *scene, char *archive)
{
	scene->of[0].leftover = BR_LEFTOVER_RETIRED;
	scene->of[0].staging.id = SCENE_LEFTOVER_ID;
	scene->of[0].leftover_archive = archive;
}

char *scene_describe(const struct scene *scene, const struct br_plan *plan)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < plan->count; i++) {
		BR_AUTO_FREE char *line = br_step_describe(&plan->steps[i], &scene->config,
							   &scene->facts);

		ck_assert_ptr_nonnull(line);
		fprintf(out, "%s\n", line);
	}
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

static char *join(const char *const *texts)
{
	char *joined = NULL;
	size_t size;
	FILE *out = open_memstream(&joined, &size);

	ck_assert_ptr_nonnull(out);
	for (; *texts; texts++)
		(void)fputs(*texts, out);
	ck_assert_int_eq(fclose(out), 0);
	return joined;
}

void assert_plan_is(const struct scene *scene, bool use_request, const char *const *expected)
{
	BR_AUTO_FREE char *wanted = join(expected);
	struct br_plan plan = { 0 };
	struct br_error err = { 0 };

	ck_assert_int_eq(br_plan_build(&scene->facts, use_request, &plan, &err), 0);
	BR_AUTO_FREE char *found = scene_describe(scene, &plan);
	ck_assert_msg(strcmp(found, wanted) == 0, "expected:\n%sfound:\n%s", wanted, found);
	br_plan_free(&plan);
	ck_assert(!plan.steps && plan.count == 0);
}
