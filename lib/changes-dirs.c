/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Directories compared with their counterparts, by the names in them. */
#include "changes-entries.h"
#include "cleanup.h"

#include <string.h>
#include <sys/stat.h>

/* A name in a directory, and the object that it leads to on each side. */
struct place {
	const struct dir_pair *pair;
	const char *name;
	bool has[SIDES];
	/* of the side's object: both readings of its inode number */
	struct br_inode inodes[SIDES][SIDES];
	bool is_in_both[SIDES]; /* the side's object exists on the other side too, somewhere */
};

int br_changes_push(struct comparison *c, const struct dir_pair *pair)
{
	if (br_changes_grow(c->dirs, c->dir_count, c->dir_room, c->err)) {
		c->dirs[c->dir_count++] = *pair;
		return 0;
	}
	free(pair->path[OLD]);
	free(pair->path[NEW]);
	return BR_ERR_NOMEM;
}

static char *path_in(struct comparison *c, const struct place *place, enum side side)
{
	char *path = br_tree_path_join(place->pair->path[side], place->name, strlen(place->name));

	if (!path)
		(void)br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return path;
}

static char *full_path_in(struct comparison *c, const struct place *place, enum side side)
{
	char *path = path_in(c, place, side);
	char *full = path ? br_changes_full_path(c, side, path) : NULL;

	free(path);
	return full;
}

/* What is in a directory that is there on some sides only, or has a counterpart. */
static int descend(struct comparison *c, const struct place *place, const bool in[SIDES])
{
	struct dir_pair pair = { 0 };
	bool is_visible = false;

	for (enum side side = OLD; side < SIDES; side++) {
		char *full;

		if (!in[side])
			continue;
		pair.dir[side] = place->inodes[side][side].ino;
		pair.path[side] = path_in(c, place, side);
		full = pair.path[side] ? br_changes_full_path(c, side, pair.path[side]) : NULL;
		if (!full) {
			free(pair.path[OLD]);
			free(pair.path[NEW]);
			return BR_ERR_NOMEM;
		}
		is_visible |= br_changes_is_visible(c->request, full);
		free(full);
	}
	if (is_visible)
		return br_changes_push(c, &pair);
	free(pair.path[OLD]);
	free(pair.path[NEW]);
	return 0;
}

static int add_moved(struct comparison *c, const struct place *place, enum side side)
{
	struct moved_list *list = &c->moved[side];
	char *path = full_path_in(c, place, side);

	if (!path)
		return BR_ERR_NOMEM;
	if (!br_changes_grow(list->items, list->count, list->room, c->err)) {
		free(path);
		return BR_ERR_NOMEM;
	}
	list->items[list->count++] = (struct moved){ .ino = place->inodes[side][side].ino,
						     .path = path,
						     .is_replaced = place->has[!side] };
	return 0;
}

/* An object at this name on one side; on the other there is none here, or one that stays apart. */
static int add_side(struct comparison *c, const struct place *place, enum side side)
{
	const struct br_inode *inode = &place->inodes[side][side];
	struct br_change change;
	int r;

	/* its other names decide what this one is; all are known only at the end */
	if (place->is_in_both[side] || (!S_ISDIR(inode->mode) && inode->names > 1))
		return add_moved(c, place, side);
	change = br_change_of(side == OLD ? inode : NULL, side == NEW ? inode : NULL);
	change.kind = side == OLD ? BR_CHANGE_DELETED : BR_CHANGE_CREATED;
	change.path = full_path_in(c, place, side);
	change.is_replaced = place->has[!side];
	r = br_changes_add(c, change);
	if (r == 0 && S_ISDIR(inode->mode))
		r = descend(c, place, (const bool[SIDES]){ side == OLD, side == NEW });
	return r;
}

static int add_changed(struct comparison *c, const struct place *place, unsigned what)
{
	struct br_change change = br_change_of(&place->inodes[OLD][OLD], &place->inodes[NEW][NEW]);

	change.kind = BR_CHANGE_CHANGED;
	change.what = what;
	change.path = full_path_in(c, place, NEW);
	return br_changes_add(c, change);
}

static int compare_replaced(struct comparison *c, const struct place *place,
			    const struct br_inode inodes[SIDES])
{
	BR_AUTO_FREE char *old = path_in(c, place, OLD);
	BR_AUTO_FREE char *now = path_in(c, place, NEW);
	BR_AUTO_FREE char *full = now ? br_changes_full_path(c, NEW, now) : NULL;
	unsigned what = 0;
	int r;

	if (!old || !full)
		return BR_ERR_NOMEM;
	if (!br_changes_is_wanted(c->request, full))
		return 0;
	r = br_changes_compare_objects(c, inodes, (const char *[]){ old, now }, &what);
	return r == 0 && what ? add_changed(c, place, what) : r;
}

/* An object that is gone, and a new one in its place. */
static int add_replaced(struct comparison *c, const struct place *place)
{
	const struct br_inode inodes[SIDES] = { place->inodes[OLD][OLD], place->inodes[NEW][NEW] };
	const bool is_dir[SIDES] = { S_ISDIR(inodes[OLD].mode), S_ISDIR(inodes[NEW].mode) };
	int r;

	if ((inodes[OLD].mode & S_IFMT) != (inodes[NEW].mode & S_IFMT)) {
		r = add_changed(c, place, BR_CHANGED_TYPE);
		if (r == 0 && (is_dir[OLD] || is_dir[NEW]))
			r = descend(c, place, is_dir);
		return r;
	}
	if (is_dir[NEW])
		return descend(c, place, is_dir);
	return compare_replaced(c, place, inodes);
}

/* Fill in what an entry leads to. Nested subvolumes are compared elsewhere. */
static int look(struct comparison *c, struct place *place, enum side side,
		const struct entry *entry)
{
	int r;

	if (!entry || entry->is_subvolume)
		return 0;
	r = br_changes_read_both(c, entry->target, place->inodes[side]);
	if (r < 0)
		return r;
	place->is_in_both[side] = br_inode_is_same(&place->inodes[side][OLD],
						   &place->inodes[side][NEW]);
	place->has[side] = place->inodes[side][side].names > 0;
	return 0;
}

/* One name, with an entry on one side or both. Tells whether the names differ. */
static int compare_name(struct comparison *c, struct place *place, const struct entry *old,
			const struct entry *now, bool *differs)
{
	int r;

	if (old && now && old->is_subvolume && now->is_subvolume)
		return 0;
	if ((r = look(c, place, OLD, old)) < 0 || (r = look(c, place, NEW, now)) < 0)
		return r;
	if (place->has[OLD] && place->has[NEW] && place->is_in_both[OLD] &&
	    place->is_in_both[NEW] && place->inodes[OLD][OLD].ino == place->inodes[NEW][NEW].ino)
		return 0; /* it was away and came back */
	*differs = true;
	if (place->has[OLD] && place->has[NEW] && !place->is_in_both[OLD] &&
	    !place->is_in_both[NEW])
		return add_replaced(c, place);
	if (place->has[OLD] && (r = add_side(c, place, OLD)) < 0)
		return r;
	return place->has[NEW] ? add_side(c, place, NEW) : 0;
}

static int compare_names(struct comparison *c, const struct dir_pair *pair, bool *differs)
{
	struct entry_list lists[SIDES] = { 0 };
	int r = br_changes_read_entries(c, pair, lists);
	size_t i = 0, j = 0;

	while (r == 0) {
		const struct entry *old = i < lists[OLD].count ? &lists[OLD].items[i] : NULL;
		const struct entry *now = j < lists[NEW].count ? &lists[NEW].items[j] : NULL;
		int order;

		if (!old && !now)
			break;
		order = !old ? 1 : !now ? -1 : strcmp(old->name, now->name);
		struct place place = { .pair = pair, .name = order > 0 ? now->name : old->name };

		r = compare_name(c, &place, order <= 0 ? old : NULL, order >= 0 ? now : NULL,
				 differs);
		i += order <= 0;
		j += order >= 0;
	}
	br_changes_free_entries(&lists[OLD]);
	br_changes_free_entries(&lists[NEW]);
	return r;
}

/* The directories themselves. That entries came and went shows in their times anyway. */
static int compare_themselves(struct comparison *c, const struct dir_pair *pair, bool differs)
{
	struct br_inode inodes[SIDES];
	struct br_change change;
	unsigned what = 0;
	int r;

	for (enum side side = OLD; side < SIDES; side++)
		if ((r = br_inode_find(&c->windows[side], pair->dir[side], &inodes[side], c->err)) <
		    0)
			return r;
	r = br_changes_compare_objects(c, inodes, (const char *const *)pair->path, &what);
	if (r < 0 || what == 0 || (what == BR_CHANGED_TIME && differs))
		return r;
	if (pair->is_same)
		return br_changes_add_altered(c, pair->dir[NEW], what);
	change = br_change_of(&inodes[OLD], &inodes[NEW]);
	change.kind = BR_CHANGE_CHANGED;
	change.what = what;
	change.path = br_changes_full_path(c, NEW, pair->path[NEW]);
	return br_changes_add(c, change);
}

int br_changes_compare_dirs(struct comparison *c)
{
	int r = 0;

	while (r == 0 && c->dir_count > 0) {
		struct dir_pair pair = c->dirs[--c->dir_count];
		bool differs = false;

		r = compare_names(c, &pair, &differs);
		if (r == 0 && pair.dir[OLD] && pair.dir[NEW])
			r = compare_themselves(c, &pair, differs);
		free(pair.path[OLD]);
		free(pair.path[NEW]);
	}
	return r;
}
