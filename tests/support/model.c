/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Trees in memory. Reading them is in model-read.c. */
#include "model.h"

#include "cleanup.h"
#include "facts-list.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define DIFFERENCES_MAX 20

/* A slash sorts before everything else: what is in a directory comes right behind it. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == '/' || *b == '/')
		return *a == *b ? 0 : *a == '/' ? (*b ? -1 : 1) : (*a ? 1 : -1);
	return (unsigned char)*a - (unsigned char)*b;
}

/* Where an object of this path is, or would have to be. */
static size_t position_of(const struct model *model, const char *path)
{
	size_t low = 0, high = model->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_paths(model->objects[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct model_object *model_find(const struct model *model, const char *path)
{
	size_t at = position_of(model, path);

	if (at == model->count || strcmp(model->objects[at].path, path) != 0)
		return NULL;
	return &model->objects[at];
}

bool model_path_is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return length == 0 ||
	       (strncmp(path, dir, length) == 0 && (path[length] == '\0' || path[length] == '/'));
}

static void object_clear(struct model_object *object)
{
	free(object->path);
	free(object->what);
	free(object->times);
	free(object->identity);
}

static char *copy_text(const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	ck_assert(copy || !text);
	return copy;
}

void model_set_text(char **text, const char *value)
{
	char *copy = copy_text(value);

	free(*text);
	*text = copy;
}

void model_add(struct model *model, const struct model_object *object)
{
	size_t at = position_of(model, object->path);
	struct model_object copy = *object;

	ck_assert_msg(at == model->count || strcmp(model->objects[at].path, object->path) != 0,
		      "twice in one model: %s", object->path);
	if (model->count == model->room) {
		model->room = 2 * model->room + 64;
		model->objects = reallocarray(model->objects, model->room, sizeof(*model->objects));
		ck_assert_ptr_nonnull(model->objects);
	}
	copy.path = copy_text(object->path);
	copy.what = copy_text(object->what);
	copy.times = copy_text(object->times);
	copy.identity = copy_text(object->identity);
	memmove(&model->objects[at + 1], &model->objects[at],
		(model->count - at) * sizeof(*model->objects));
	model->objects[at] = copy;
	model->count++;
}

void model_remove(struct model *model, const char *path)
{
	size_t first = position_of(model, path), end = first;

	for (; end < model->count && model_path_is_within(model->objects[end].path, path); end++)
		object_clear(&model->objects[end]);
	memmove(&model->objects[first], &model->objects[end],
		(model->count - end) * sizeof(*model->objects));
	model->count -= end - first;
}

void model_graft(struct model *model, const struct model *from, const char *path)
{
	for (size_t i = position_of(from, path);
	     i < from->count && model_path_is_within(from->objects[i].path, path); i++) {
		struct model_object object = from->objects[i];

		object.tree += model->trees;
		model_add(model, &object);
	}
	model->trees += from->trees;
}

struct model *model_copy(const struct model *model)
{
	struct model *copy = calloc(1, sizeof(*copy));

	ck_assert_ptr_nonnull(copy);
	model_graft(copy, model, "");
	copy->marks = model->marks;
	return copy;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->count; i++)
		object_clear(&model->objects[i]);
	free(model->objects);
	free(model);
}

static bool has_names(const struct model_object *object)
{
	return object->type >= MODEL_FILE;
}

static int by_file(const void *a, const void *b)
{
	const struct model_object *x = *(const struct model_object *const *)a;
	const struct model_object *y = *(const struct model_object *const *)b;

	if (x->tree != y->tree)
		return x->tree < y->tree ? -1 : 1;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* For each object the number of the one that is the first name of the same file. */
static size_t *first_names(const struct model *model)
{
	struct model_object **sorted = calloc(model->count + 1, sizeof(struct model_object *));
	size_t *first = calloc(model->count + 1, sizeof(*first));

	ck_assert(sorted && first);
	for (size_t i = 0; i < model->count; i++)
		sorted[i] = &model->objects[i];
	qsort(sorted, model->count, sizeof(struct model_object *), by_file);
	for (size_t i = 0; i < model->count; i++) {
		size_t at = (size_t)(sorted[i] - model->objects);
		bool is_same = i > 0 && has_names(sorted[i]) && has_names(sorted[i - 1]) &&
			       sorted[i]->tree == sorted[i - 1]->tree &&
			       sorted[i]->inode == sorted[i - 1]->inode;

		first[at] = is_same ? first[sorted[i - 1] - model->objects] : at;
	}
	free(sorted);
	return first;
}

/* Two models while they are compared. */
struct comparison {
	const struct model *expected, *found;
	size_t *expected_first, *found_first;
	bool identity;
	FILE *out;
	size_t differences;
};

static void tell(struct comparison *c, const char *path, const char *difference,
		 const char *expected, const char *found)
{
	if (c->differences++ >= DIFFERENCES_MAX)
		return;
	(void)fputc('"', c->out);
	text_escaped(c->out, path, strlen(path), SIZE_MAX);
	fprintf(c->out, "\": %s\n\texpected %s\n\tfound    %s\n", difference, expected, found);
}

static bool is_same(const char *expected, const char *found)
{
	return !expected || !found || strcmp(expected, found) == 0;
}

/* A star at the end stands for any rest. */
static bool is_like(const char *expected, const char *found)
{
	size_t length = strlen(expected);

	if (length == 0 || expected[length - 1] != '*')
		return strcmp(expected, found) == 0;
	return strncmp(expected, found, length - 1) == 0;
}

static const char *type_name(const struct model_object *object)
{
	static const char *const names[] = { "directory", "subvolume", "place-holder",
					     "file",      "symlink",   "special file" };

	return object->type == MODEL_SUBVOLUME && object->read_only ? "read-only subvolume"
								    : names[object->type];
}

static void compare_objects(struct comparison *c, size_t e, size_t f)
{
	const struct model_object *expected = &c->expected->objects[e];
	const struct model_object *found = &c->found->objects[f];
	const char *expected_name = c->expected->objects[c->expected_first[e]].path;
	const char *found_name = c->found->objects[c->found_first[f]].path;
	bool is_top = !*expected->path;

	if (!is_top && strcmp(type_name(expected), type_name(found)) != 0)
		tell(c, expected->path, "another type", type_name(expected), type_name(found));
	else if (!is_like(expected->what, found->what))
		tell(c, expected->path, "changed", expected->what, found->what);
	else if (!is_same(expected->times, found->times))
		tell(c, expected->path, "other times", expected->times, found->times);
	else if (strcmp(expected_name, found_name) != 0)
		tell(c, expected->path, "linked to another name", expected_name, found_name);
	else if (c->identity && !is_top && !is_same(expected->identity, found->identity))
		tell(c, expected->path, "another object", expected->identity, found->identity);
}

static void compare_all(struct comparison *c)
{
	const struct model *expected = c->expected, *found = c->found;
	size_t e = 0, f = 0;

	while (e < expected->count || f < found->count) {
		int order = e == expected->count ? 1
			    : f == found->count  ? -1
						 : compare_paths(expected->objects[e].path,
								 found->objects[f].path);

		if (order < 0)
			tell(c, expected->objects[e].path, "missing",
			     type_name(&expected->objects[e]), "nothing");
		else if (order > 0)
			tell(c, found->objects[f].path, "too much", "nothing",
			     type_name(&found->objects[f]));
		else
			compare_objects(c, e, f);
		e += order <= 0;
		f += order >= 0;
	}
}

static const char *const mark_names[] = {
	"none",    "good",         "pinned",         "good pinned",
	"retired", "good retired", "pinned retired", "good pinned retired",
	"unknown", "unknown",      "unknown",        "unknown",
	"unknown", "unknown",      "unknown",        "unknown",
};

char *model_diff(const struct model *expected, const struct model *found, bool identity)
{
	BR_AUTO_FREE size_t *expected_first = first_names(expected);
	BR_AUTO_FREE size_t *found_first = first_names(found);
	struct comparison c = { expected, found, expected_first, found_first, identity, NULL, 0 };
	struct text text;

	text_begin(&text);
	c.out = text.stream;
	if (expected->marks != found->marks)
		tell(&c, "", "other marks", mark_names[expected->marks & 15],
		     mark_names[found->marks & 15]);
	compare_all(&c);
	if (c.differences > DIFFERENCES_MAX)
		fprintf(c.out, "... %zu differences\n", c.differences);
	return text_end(&text);
}
