/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directories in which something changed, as a tree. */
#include "cleanup.h"
#include "diff.h"
#include "text.h"

#include <string.h>
#include <sys/stat.h>

/* Changes that are next to one another in the list: all that is in a directory, or it itself. */
struct range {
	const struct br_change *begin, *end;
};

/* Lines under one another are joined: what is written in front of them. */
struct margin {
	char *text;
	size_t length, room;
};

static size_t length_of_component(const char *path, size_t from)
{
	return strcspn(path + from, "/");
}

/* Take the changes at one entry of a directory, with all that is in it, from the front. */
static struct range take_group(struct range *rest, size_t from)
{
	const char *first = rest->begin->path;
	size_t length = from + length_of_component(first, from);
	struct range group = { rest->begin, rest->begin };

	while (group.end < rest->end && strncmp(group.end->path, first, length) == 0 &&
	       (group.end->path[length] == '/' || group.end->path[length] == '\0'))
		group.end++;
	rest->begin = group.end;
	return group;
}

/* Is it a directory that is told of by a line: not new or gone as a whole, something is in it? */
static bool is_inner(struct range group, size_t length)
{
	const char *last = group.end[-1].path;

	return last[length] == '/' &&
	       (group.begin->path[length] == '/' || group.begin->kind == BR_CHANGE_CHANGED ||
		group.begin->kind == BR_CHANGE_RENAMED);
}

/* Is it a directory that came or went as a whole? */
static bool is_whole(struct range group, size_t length)
{
	return group.begin->path[length] == '\0' &&
	       S_ISDIR(group.begin->mode ? group.begin->mode : group.begin->old_mode) &&
	       (group.begin->kind == BR_CHANGE_CREATED || group.begin->kind == BR_CHANGE_DELETED);
}

static bool has_line(struct range group, size_t from)
{
	size_t length = from + length_of_component(group.begin->path, from);

	return is_inner(group, length) || is_whole(group, length);
}

static void put_line(FILE *out, const struct margin *margin, bool is_last, const char *name,
		     size_t length, struct range group)
{
	struct diff_total total = { 0 };
	char *component = strndup(name, length);

	for (const struct br_change *change = group.begin; change < group.end; change++)
		diff_total_add(&total, change);
	/* lost output is found at the end, here as below */
	(void)fprintf(out, "%.*s%s", (int)margin->length, margin->text ? margin->text : "",
		      is_last ? "`- " : "|- ");
	if (component)
		br_text_put_name(out, component);
	(void)fputs("/  ", out);
	diff_total_put(out, &total);
	(void)fputc('\n', out);
	free(component);
}

/* A directory whose entries are being told of. */
struct level {
	struct range rest;
	size_t from;   /* where names in it begin in the paths */
	size_t margin; /* length of the margin of its lines */
};

struct levels {
	struct level *items;
	size_t count, room;
};

static bool push(struct levels *levels, struct range in, size_t from, size_t margin)
{
	if (levels->count == levels->room) {
		size_t room = levels->room ? 2 * levels->room : 32;
		struct level *grown = reallocarray(levels->items, room, sizeof(*grown));

		if (!grown)
			return false;
		levels->items = grown;
		levels->room = room;
	}
	levels->items[levels->count++] = (struct level){ in, from, margin };
	return true;
}

static bool margin_set(struct margin *margin, size_t length, const char *more)
{
	if (length + 4 > margin->room) {
		char *grown = realloc(margin->text, 2 * length + 64);

		if (!grown)
			return false;
		margin->text = grown;
		margin->room = 2 * length + 64;
	}
	memcpy(margin->text + length, more, strlen(more) + 1);
	margin->length = length + strlen(more);
	return true;
}

/* The first entry that has a line of its own, taken from the front. False: there is none. */
static bool next_group(struct level *level, struct range *ret)
{
	while (level->rest.begin < level->rest.end) {
		*ret = take_group(&level->rest, level->from);
		if (has_line(*ret, level->from))
			return true;
	}
	return false;
}

/* A directory in which there is nothing but one directory is written together with it. */
static size_t extend(struct range *group, size_t length)
{
	while (group->begin->path[length] == '/' && is_inner(*group, length)) {
		struct range rest = *group;
		struct range first = take_group(&rest, length + 1);
		size_t longer = length + 1 + length_of_component(first.begin->path, length + 1);

		if (rest.begin < rest.end || !is_inner(first, longer))
			break;
		length = longer;
	}
	return length;
}

/* No recursion: a tree may be of any depth. */
static void print_tree(FILE *out, struct range all)
{
	struct levels levels = { 0 };
	struct margin margin = { 0 };
	bool is_fine = push(&levels, all, 0, 0);

	while (is_fine && levels.count > 0) {
		struct level *level = &levels.items[levels.count - 1];
		struct range group, ignored;
		struct level ahead;
		size_t length, from = level->from;
		bool is_last;

		if (!next_group(level, &group)) {
			levels.count--;
			continue;
		}
		ahead = *level;
		is_last = !next_group(&ahead, &ignored);
		margin.length = level->margin;
		length = from + length_of_component(group.begin->path, from);
		if (is_inner(group, length))
			length = extend(&group, length);
		put_line(out, &margin, is_last, group.begin->path + from, length - from, group);
		if (!is_inner(group, length))
			continue;
		if (group.begin->path[length] == '\0') /* the directory itself */
			group.begin++;
		is_fine = margin_set(&margin, level->margin, is_last ? "   " : "|  ") &&
			  push(&levels, group, length + 1, margin.length);
	}
	free(levels.items);
	free(margin.text);
	if (!is_fine)
		(void)fputs("(no memory for the rest)\n", out);
}

void diff_print_summary(FILE *out, const struct diffs *diffs)
{
	for (size_t i = 0; i < diffs->count; i++) {
		const struct diff *diff = &diffs->items[i];
		struct range all = { diff->changes.changes,
				     diff->changes.changes + diff->changes.count };
		struct diff_total total = { 0 };

		for (const struct br_change *change = all.begin; change < all.end; change++)
			diff_total_add(&total, change);
		diff_put_path(out, diff, "");
		(void)fputs("  ", out);
		diff_total_put(out, &total);
		(void)fputc('\n', out);
		/* the root itself has no name to sort by */
		while (all.begin < all.end && !*all.begin->path)
			all.begin++;
		print_tree(out, all);
	}
}
