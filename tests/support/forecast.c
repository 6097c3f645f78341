/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reset has to make of things. */
#include "forecast.h"

#include "cleanup.h"
#include "drift.h"

#include <check.h>
#include <limits.h>
#include <string.h>

/*
 * A directory that gets from its parent what directories get; what a place-holder becomes, for which the kernel makes
 * up the owner of the directory that it is in; what was asked for.
 */
#define NEW_PARENT "mode=40755 *"
#define STAND_IN "mode=40755 *"
#define CREATED "mode=%o owner=%u:%u device=0:0 size=0 *"

/* Can a configuration name it? */
static bool can_be_named(const char *path)
{
	while (*path) {
		size_t length = strcspn(path, "/");

		if (!drift_can_be_named(path, length))
			return false;
		path += length + (path[length] == '/');
	}
	return true;
}

static bool is_free(const struct forecast_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++)
		if (model_path_is_within(path, paths->path[i].path) ||
		    model_path_is_within(paths->path[i].path, path))
			return false;
	return true;
}

static char *made_up_path(struct random *random)
{
	char *path = NULL;

	ck_assert(asprintf(&path, "%s/%s", drift_names[random_below(random, drift_name_count)],
			   drift_names[random_below(random, drift_name_count)]) > 0);
	return path;
}

/* In double quotes; what would be special there has a backslash in front. */
static void print_quoted(const char *path, FILE *out)
{
	fputs("\"/", out);
	for (; *path; path++)
		fprintf(out, strchr("\"\\$", *path) ? "\\%c" : "%c", *path);
	fputc('"', out);
}

/* One that is to be there as it was may as well stand in a list. */
static bool is_plain(const struct forecast_path *path)
{
	return !path->as_subvolume && path->create == FORECAST_CREATE_NO;
}

static void print_list(const struct forecast_paths *paths, FILE *out)
{
	const char *before = "\tpersist = { ";

	for (size_t i = 0; i < paths->count; i++) {
		if (!is_plain(&paths->path[i]))
			continue;
		fputs(before, out);
		print_quoted(paths->path[i].path, out);
		before = ", ";
	}
	if (*before == ',')
		fputs(" }\n", out);
}

static void print_attributes(const struct forecast_path *path, FILE *out)
{
	if (path->owner == FORECAST_OWNER_BOTH)
		fprintf(out, "\t\towner = \"%u:%u\"\n", path->uid, path->gid);
	else if (path->owner == FORECAST_OWNER_USER)
		fprintf(out, "\t\towner = \"%u\"\n", path->uid);
	else if (path->owner == FORECAST_OWNER_GROUP)
		fprintf(out, "\t\towner = \":%u\"\n", path->gid);
	if (path->has_mode)
		fprintf(out, "\t\tmode = \"%04o\"\n", path->mode);
}

void forecast_print(const struct forecast_paths *paths, FILE *out)
{
	static const char *const creates[] = { "no", "directory", "file" };

	if (paths->as_list)
		print_list(paths, out);
	for (size_t i = 0; i < paths->count; i++) {
		const struct forecast_path *path = &paths->path[i];

		if (paths->as_list && is_plain(path))
			continue;
		fputs("\tpath ", out);
		print_quoted(path->path, out);
		fprintf(out, " {\n\t\tmethod = %s\n\t\tcreate = %s\n",
			path->as_subvolume ? "subvolume" : "copy", creates[path->create]);
		print_attributes(path, out);
		fputs("\t}\n", out);
	}
}

void forecast_clear(struct forecast_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->path[i].path);
	paths->count = 0;
}

static bool is_enterable(const struct model_object *object)
{
	return object->type == MODEL_DIRECTORY || object->type == MODEL_SUBVOLUME;
}

/* Path of the directory that the n-th component (from 1) is. NULL: it is the last one. Owned by the caller. */
static char *ancestor(const char *path, size_t n)
{
	const char *end = path;

	for (; n > 0; n--, end++) {
		end = strchr(end, '/');
		if (!end)
			return NULL;
	}
	char *dir = strndup(path, (size_t)(end - path) - 1);
	ck_assert_ptr_nonnull(dir);
	return dir;
}

/* Is one of the directories on the way to a path something else? */
static bool is_blocked(const struct model *tree, const char *path)
{
	BR_AUTO_FREE char *dir = NULL;

	for (size_t n = 1; (dir = ancestor(path, n)); n++) {
		const struct model_object *object = model_find(tree, dir);

		free(br_take_ptr(&dir));
		if (!object)
			return false;
		if (!is_enterable(object) && object->type != MODEL_PLACEHOLDER)
			return true;
	}
	return false;
}

/* Is a path in a subvolume that cannot be written to? */
static bool is_sealed(const struct model *tree, const char *path)
{
	BR_AUTO_FREE char *dir = NULL;

	for (size_t n = 1; (dir = ancestor(path, n)); n++) {
		const struct model_object *object = model_find(tree, dir);

		free(br_take_ptr(&dir));
		if (object && object->type == MODEL_SUBVOLUME && object->read_only)
			return true;
	}
	return false;
}

static bool must_fail(const struct forecast_path *path, const struct model *old,
		      const struct model *source)
{
	const struct model_object *object = model_find(old, path->path);
	bool is_needed = object || path->create != FORECAST_CREATE_NO;

	if (is_blocked(old, path->path) || (is_needed && is_blocked(source, path->path)))
		return true;
	if (path->as_subvolume && object && object->type >= MODEL_FILE)
		return true;
	if (object || (is_needed && !model_find(source, path->path)))
		return is_sealed(source, path->path);
	return false;
}

static void choose_options(struct forecast_path *path, struct random *random)
{
	path->as_subvolume = random_chance(random, 20);
	if (random_chance(random, 30))
		path->create = FORECAST_CREATE_DIRECTORY;
	else if (!path->as_subvolume && random_chance(random, 20))
		path->create = FORECAST_CREATE_FILE;
	path->mode = path->create == FORECAST_CREATE_FILE ? 0644 : 0755;
	if (path->create == FORECAST_CREATE_NO)
		return;
	path->owner = random_below(random, 4);
	if (path->owner & FORECAST_OWNER_USER)
		path->uid = (unsigned)random_below(random, 3) * 990;
	if (path->owner & FORECAST_OWNER_GROUP)
		path->gid = (unsigned)random_below(random, 3) * 991;
	path->has_mode = random_chance(random, 60);
	if (path->has_mode)
		path->mode = random_chance(random, 50) ? 02750 : 0640;
}

void forecast_choose(struct forecast_paths *paths, const struct model *old,
		     const struct model *blank, struct random *random)
{
	size_t wanted = random_below(random, FORECAST_PATHS_MAX);

	paths->as_list = random_chance(random, 50);

	for (unsigned tries = 0; tries < 40 && paths->count < wanted; tries++) {
		const char *existing = old->objects[random_below(random, old->count)].path;
		struct forecast_path chosen = { .path = random_chance(random, 15)
								? made_up_path(random)
								: strdup(existing) };

		ck_assert_ptr_nonnull(chosen.path);
		choose_options(&chosen, random);
		if (!*chosen.path || !can_be_named(chosen.path) || !is_free(paths, chosen.path) ||
		    (must_fail(&chosen, old, blank) && !random_chance(random, 3)))
			free(chosen.path);
		else
			paths->path[paths->count++] = chosen;
	}
}

/* Make a place-holder that was copied what it is then: an empty directory. */
static void make_plain(struct model_object *object)
{
	object->type = MODEL_DIRECTORY;
	model_set_text(&object->what, STAND_IN);
	model_set_text(&object->times, NULL);
}

static bool is_in_nested(const struct model *tree, const char *path, const char *top)
{
	for (size_t i = 0; i < tree->count; i++)
		if (tree->objects[i].type == MODEL_SUBVOLUME &&
		    model_path_is_within(tree->objects[i].path, top) &&
		    model_path_is_within(path, tree->objects[i].path))
			return true;
	return false;
}

/* A directory on the way to a path, like the one in the old root; plain if that has none. */
static void make_parent(struct model *tree, const struct model *old, const char *dir)
{
	const struct model_object *like = model_find(old, dir);
	static char any[] = NEW_PARENT;
	struct model_object made = { .type = MODEL_DIRECTORY, .what = any };
	BR_AUTO_FREE char *path = strdup(dir);

	ck_assert_ptr_nonnull(path);
	made.path = path;
	if (like && like->type != MODEL_PLACEHOLDER) {
		made.what = like->what;
		made.times = like->times;
	}
	model_add(tree, &made);
}

static void make_parents(struct model *tree, const struct model *old, const char *path)
{
	BR_AUTO_FREE char *dir = NULL;

	for (size_t n = 1; (dir = ancestor(path, n)); n++) {
		const struct model_object *object = model_find(tree, dir);

		if (object && object->type == MODEL_PLACEHOLDER) {
			model_remove(tree, dir);
			object = NULL;
		}
		if (!object)
			make_parent(tree, old, dir);
		free(br_take_ptr(&dir));
	}
}

static void carry(struct model *tree, const struct model *old, const struct forecast_path *path)
{
	make_parents(tree, old, path->path);
	model_remove(tree, path->path);
	model_graft(tree, old, path->path);
	for (size_t i = 0; i < tree->count; i++) {
		struct model_object *object = &tree->objects[i];

		if (!model_path_is_within(object->path, path->path))
			continue;
		model_set_text(&object->identity, NULL);
		if (object->type == MODEL_PLACEHOLDER &&
		    !is_in_nested(tree, object->path, path->path))
			make_plain(object);
	}
	struct model_object *top = model_find(tree, path->path);
	if (path->as_subvolume && top->type == MODEL_DIRECTORY)
		top->type = MODEL_SUBVOLUME;
}

static void create(struct model *tree, const struct model *old, const struct forecast_path *path)
{
	bool is_file = path->create == FORECAST_CREATE_FILE;
	struct model_object made = {
		.path = path->path,
		.type = is_file              ? MODEL_FILE
			: path->as_subvolume ? MODEL_SUBVOLUME
					     : MODEL_DIRECTORY,
	};
	BR_AUTO_FREE char *what = NULL;
	unsigned mode = (is_file ? 0100000 : 040000) | path->mode;

	ck_assert(asprintf(&what, CREATED, mode, path->uid, path->gid) > 0);
	made.what = what;
	make_parents(tree, old, path->path);
	model_add(tree, &made);
}

struct model *forecast_reset(const struct forecast_paths *paths, const struct model *old,
			     const struct model *source)
{
	for (size_t i = 0; i < paths->count; i++)
		if (must_fail(&paths->path[i], old, source))
			return NULL;
	struct model *tree = model_copy(source);
	tree->marks = 0;
	for (size_t i = 0; i < paths->count; i++) {
		const struct forecast_path *path = &paths->path[i];

		if (model_find(old, path->path))
			carry(tree, old, path);
		else if (!model_find(tree, path->path) && path->create != FORECAST_CREATE_NO)
			create(tree, old, path);
	}
	return tree;
}
