/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes as text, and names that follow from them. */
#include "full-comparison.h"

#include "changes-lines.h"
#include "cleanup.h"

#include <check.h>
#include <string.h>

void lines_add(struct lines *lines, const struct br_change *change)
{
	static const char *const kinds[] = { "created", "deleted", "changed", "renamed" };
	char *line;

	ck_assert(asprintf(&line, "%s %s%s%s what=%x mode=%o>%o size=%llu>%llu%s%s%s", change->path,
			   kinds[change->kind], change->from ? " from " : "",
			   change->from ? change->from : "", change->what, change->old_mode,
			   change->mode, (unsigned long long)change->old_size,
			   (unsigned long long)change->size,
			   change->is_subvolume ? " subvolume" : "", change->is_link ? " link" : "",
			   change->is_replaced ? " replaced" : "") > 0);
	lines->line = reallocarray(lines->line, lines->count + 1, sizeof(*lines->line));
	ck_assert_ptr_nonnull(lines->line);
	lines->line[lines->count++] = line;
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *lines_join(struct lines *lines)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	if (lines->count > 0)
		qsort(lines->line, lines->count, sizeof(*lines->line), compare_lines);
	for (size_t i = 0; i < lines->count; i++) {
		fprintf(out, "%s\n", lines->line[i]);
		free(lines->line[i]);
	}
	free(lines->line);
	ck_assert_int_eq(fclose(out), 0);
	return text;
}

char *changes_describe(const struct br_changes *changes)
{
	struct lines lines = { 0 };

	for (size_t i = 0; i < changes->count; i++)
		lines_add(&lines, &changes->changes[i]);
	return lines_join(&lines);
}

static bool is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool is_deleted(const struct br_changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->count; i++)
		if (changes->changes[i].kind == BR_CHANGE_DELETED &&
		    strcmp(changes->changes[i].path, path) == 0)
			return true;
	return false;
}

static bool has_subvolume(const struct listing *listing, const char *path)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->items[i].is_subvolume && strcmp(listing->items[i].path, path) == 0)
			return true;
	return false;
}

static bool is_new_there(const struct br_changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->count; i++)
		if ((changes->changes[i].kind == BR_CHANGE_CREATED ||
		     changes->changes[i].kind == BR_CHANGE_RENAMED) &&
		    strcmp(changes->changes[i].path, path) == 0)
			return true;
	return false;
}

/*
 * How much of a path is that of the innermost subvolume that is still there: the counterpart of one that did not go with
 * its directory is the one at the same path.
 */
static size_t length_that_stays(const struct listing *old, const struct listing *now,
				const struct br_changes *changes, const char *path)
{
	size_t stays = 0;

	for (size_t i = 0; i < old->count; i++) {
		const struct listed *item = &old->items[i];
		size_t length = strlen(item->path);

		if (item->is_subvolume && length > stays && is_within(path, item->path) &&
		    has_subvolume(now, item->path) && !is_new_there(changes, item->path))
			stays = length;
	}
	return stays;
}

/* What is in a directory that was replaced by something else is deleted; the name itself stays. */
static char *where_now(const struct listing *old, const struct listing *now_listing,
		       const struct br_changes *changes, const char *path)
{
	size_t stays = length_that_stays(old, now_listing, changes, path);
	const struct br_change *longest = NULL;
	char *now = NULL;

	for (size_t i = 0; i < changes->count; i++) {
		const struct br_change *change = &changes->changes[i];

		if (change->kind == BR_CHANGE_RENAMED && is_within(path, change->from) &&
		    strlen(change->from) > stays &&
		    (!longest || strlen(change->from) > strlen(longest->from)))
			longest = change;
	}
	ck_assert(asprintf(&now, "%s%s", longest ? longest->path : path,
			   longest ? path + strlen(longest->from) : "") >= 0);
	return now;
}

static void add_name(struct lines *lines, char *name)
{
	lines->line = reallocarray(lines->line, lines->count + 1, sizeof(*lines->line));
	ck_assert_ptr_nonnull(lines->line);
	lines->line[lines->count++] = name;
}

void assert_names_follow(const struct listing *old, const struct listing *now,
			 const struct br_changes *changes)
{
	struct lines expected = { 0 }, found = { 0 };

	for (size_t i = 0; i < now->count; i++)
		add_name(&expected, strdup(now->items[i].path));
	for (size_t i = 0; i < old->count; i++)
		if (!is_deleted(changes, old->items[i].path))
			add_name(&found, where_now(old, now, changes, old->items[i].path));
	for (size_t i = 0; i < changes->count; i++)
		if (changes->changes[i].kind == BR_CHANGE_CREATED)
			add_name(&found, strdup(changes->changes[i].path));
	BR_AUTO_FREE char *a = lines_join(&expected);
	BR_AUTO_FREE char *b = lines_join(&found);
	assert_same_changes(a, b, "names after the changes");
}

void assert_same_changes(const char *expected, const char *found, const char *what)
{
	size_t begin = 0;

	if (strcmp(expected, found) == 0)
		return;
	for (size_t i = 0; expected[i] && expected[i] == found[i]; i++)
		if (expected[i] == '\n')
			begin = i + 1;
	ck_abort_msg("%s:\nexpected: %.600s\nfound:    %.600s", what, expected + begin,
		     found + begin);
}
