/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that objects lost and gained, put together: renamed, linked, or gone. */
#include "changes-internal.h"

#include <stdlib.h>
#include <sys/stat.h>

/* The names of one inode number: lost ones and gained ones. */
struct group {
	struct moved *names[SIDES];
	size_t count[SIDES];
	struct br_inode inodes[SIDES];
	bool is_same;
};

static int compare_moved(const void *a, const void *b)
{
	const struct moved *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return br_changes_compare_paths(x->path, y->path);
}

static int compare_altered(const void *a, const void *b)
{
	const struct altered *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* What differs about an object; once asked for it is told of. */
static unsigned take_altered(struct comparison *c, uint64_t ino)
{
	struct altered key = { .ino = ino };
	struct altered *found = c->altered_count == 0 ? NULL
						      : bsearch(&key, c->altered, c->altered_count,
								sizeof(key), compare_altered);
	unsigned what = found ? found->what : 0;

	if (found)
		found->what = 0;
	return what;
}

static char *take_path(struct moved *moved)
{
	char *path = moved->path;

	moved->path = NULL;
	return path;
}

static int add_renamed(struct comparison *c, const struct group *group, size_t n)
{
	struct br_change change = br_change_of(&group->inodes[OLD], &group->inodes[NEW]);

	change.kind = BR_CHANGE_RENAMED;
	change.path = take_path(&group->names[NEW][n]);
	change.from = take_path(&group->names[OLD][n]);
	change.is_replaced = group->names[NEW][n].is_replaced;
	if (n == 0)
		change.what = take_altered(c, group->inodes[NEW].ino);
	return br_changes_add(c, change);
}

static int add_name(struct comparison *c, const struct group *group, enum side side, size_t n,
		    bool is_link)
{
	const struct br_inode *inode = &group->inodes[side];
	struct br_change change = br_change_of(side == OLD ? inode : NULL,
					       side == NEW ? inode : NULL);

	change.kind = side == OLD ? BR_CHANGE_DELETED : BR_CHANGE_CREATED;
	change.is_replaced = group->names[side][n].is_replaced;
	change.path = take_path(&group->names[side][n]);
	change.is_link = is_link;
	return br_changes_add(c, change);
}

/* An object of one side only: the first name that is wanted stands for it. */
static int add_apart(struct comparison *c, const struct group *group, enum side side)
{
	bool is_link = false;
	int r = 0;

	for (size_t n = 0; r == 0 && n < group->count[side]; n++) {
		bool is_wanted = br_changes_is_wanted(c->request, group->names[side][n].path);

		r = add_name(c, group, side, n, is_link);
		is_link |= is_wanted;
	}
	return r;
}

static int add_group(struct comparison *c, const struct group *group)
{
	size_t n = 0;
	int r = 0;

	if (!group->is_same) {
		r = add_apart(c, group, OLD);
		return r < 0 ? r : add_apart(c, group, NEW);
	}
	for (; r == 0 && n < group->count[OLD] && n < group->count[NEW]; n++)
		r = add_renamed(c, group, n);
	for (enum side side = OLD; side < SIDES; side++)
		for (size_t i = n; r == 0 && i < group->count[side]; i++)
			r = add_name(c, group, side, i, true);
	return r;
}

static uint64_t first_ino(const struct moved_list *list, size_t at)
{
	return at < list->count ? list->items[at].ino : UINT64_MAX;
}

static int add_moved(struct comparison *c)
{
	size_t at[SIDES] = { 0 };
	int r = 0;

	while (r == 0 && (at[OLD] < c->moved[OLD].count || at[NEW] < c->moved[NEW].count)) {
		uint64_t ino = first_ino(&c->moved[OLD], at[OLD]);
		struct group group = { 0 };

		if (first_ino(&c->moved[NEW], at[NEW]) < ino)
			ino = first_ino(&c->moved[NEW], at[NEW]);
		for (enum side side = OLD; side < SIDES; side++) {
			group.names[side] = c->moved[side].items + at[side];
			while (first_ino(&c->moved[side], at[side]) == ino) {
				group.count[side]++;
				at[side]++;
			}
		}
		if ((r = br_changes_read_both(c, ino, group.inodes)) < 0)
			return r;
		group.is_same = br_inode_is_same(&group.inodes[OLD], &group.inodes[NEW]);
		r = add_group(c, &group);
	}
	return r;
}

/* What was altered and not renamed. */
static int add_altered(struct comparison *c, const struct altered *altered)
{
	struct br_inode inodes[SIDES];
	struct br_change change;
	char *path = NULL;
	int r;

	if ((r = br_changes_read_both(c, altered->ino, inodes)) < 0 ||
	    (r = br_changes_first_path(c, NEW, altered->ino, true, &path)) < 0)
		return r;
	if (!path)
		return 0;
	change = br_change_of(&inodes[OLD], &inodes[NEW]);
	change.kind = BR_CHANGE_CHANGED;
	change.what = altered->what;
	change.path = br_changes_full_path(c, NEW, path);
	free(path);
	return br_changes_add(c, change);
}

int br_changes_finish(struct comparison *c)
{
	int r;

	for (enum side side = OLD; side < SIDES; side++)
		if (c->moved[side].count > 0)
			qsort(c->moved[side].items, c->moved[side].count, sizeof(struct moved),
			      compare_moved);
	if (c->altered_count > 0)
		qsort(c->altered, c->altered_count, sizeof(*c->altered), compare_altered);
	r = add_moved(c);
	for (size_t i = 0; r == 0 && i < c->altered_count; i++)
		if (c->altered[i].what)
			r = add_altered(c, &c->altered[i]);
	return r;
}
