/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two trees, by comparing everything in them. */
#include "full-comparison.h"

#include "changes-lines.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX
#define PATH_BYTES(c) ((c) == '/' ? 1 : (unsigned char)(c))

struct full {
	const struct listing *old, *now;
	unsigned *tree_of; /* number in now of the counterpart of a tree in old; UINT_MAX: none */
	char *is_paired;   /* trees in now */
	size_t *same_of_old, *same_of_now; /* is this name of one object in both? An index of one */
	char *seen_old, *seen_now;         /* names that were spoken about */
	size_t *counter_of_old;            /* name in now that has the place of a name in old */
	size_t *counter_of_now;
	char *churned; /* directories of now with other entries than their counterpart's */
	struct lines lines;
};

static bool is_directory(const struct listed *item)
{
	return S_ISDIR(item->stx.stx_mode);
}

static bool is_same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same_object(const struct full *f, const struct listed *old, const struct listed *now)
{
	return !old->is_subvolume && !now->is_subvolume && f->tree_of[old->tree] == now->tree &&
	       old->stx.stx_ino == now->stx.stx_ino && old->generation == now->generation &&
	       is_same_time(&old->stx.stx_btime, &now->stx.stx_btime) &&
	       ((old->stx.stx_mode ^ now->stx.stx_mode) & S_IFMT) == 0;
}

static void find_same(struct full *f)
{
	for (size_t i = 0; i < f->old->count; i++)
		f->same_of_old[i] = NONE;
	for (size_t j = 0; j < f->now->count; j++)
		f->same_of_now[j] = NONE;
	for (size_t i = 0; i < f->old->count; i++) {
		for (size_t j = 0; j < f->now->count; j++) {
			if (!is_same_object(f, &f->old->items[i], &f->now->items[j]))
				continue;
			f->same_of_old[i] = j;
			f->same_of_now[j] = i;
		}
	}
}

/* Has a directory in now the place of a directory in old? */
static bool are_counterparts(const struct full *f, size_t old, size_t now)
{
	return f->counter_of_old[old] == now ||
	       (is_directory(&f->old->items[old]) && f->same_of_old[old] == now);
}

/*
 * Which names correspond? The tops; entries of the same name in directories that correspond, when
 * both objects are in both trees and the same, or each is in its own tree only. From the top down,
 * so that parents are decided first.
 */
static bool may_correspond(const struct full *f, size_t i, size_t j)
{
	const struct listed *old = &f->old->items[i], *now = &f->now->items[j];

	if (old->is_subvolume != now->is_subvolume)
		return false;
	if (old->is_subvolume)
		return f->tree_of[old->tree] == now->tree;
	if (strcmp(old->name, now->name) != 0 || !are_counterparts(f, old->parent, now->parent))
		return false;
	if (f->tree_of[old->tree] != now->tree)
		return false;
	if (f->same_of_old[i] == NONE)
		return f->same_of_now[j] == NONE;
	return is_same_object(f, old, now);
}

static void find_counterparts(struct full *f)
{
	for (size_t i = 0; i < f->old->count; i++)
		f->counter_of_old[i] = NONE;
	for (size_t j = 0; j < f->now->count; j++)
		f->counter_of_now[j] = NONE;
	f->counter_of_old[0] = f->counter_of_now[0] = 0;
	for (size_t i = 1; i < f->old->count; i++) {
		for (size_t j = 1; j < f->now->count; j++) {
			if (!may_correspond(f, i, j))
				continue;
			f->counter_of_old[i] = j;
			f->counter_of_now[j] = i;
		}
	}
}

static bool is_pair_of(const struct full *f, const struct listed *old, const struct listed *now,
		       bool by_path)
{
	const struct listed *old_dir = &f->old->items[old->parent];
	const struct listed *now_dir = &f->now->items[now->parent];

	if (f->tree_of[old_dir->tree] != now_dir->tree || f->tree_of[old->tree] != UINT32_MAX ||
	    f->is_paired[now->tree])
		return false;
	if (by_path)
		return strcmp(old->path, now->path) == 0;
	return strcmp(old->name, now->name) == 0 &&
	       ((old_dir->is_subvolume && now_dir->is_subvolume) ||
		is_same_object(f, old_dir, now_dir));
}

static void pair_nested(struct full *f, unsigned in_tree, bool by_path)
{
	for (size_t i = 1; i < f->old->count; i++) {
		const struct listed *old = &f->old->items[i];

		if (!old->is_subvolume || f->old->items[old->parent].tree != in_tree)
			continue;
		for (size_t j = 1; j < f->now->count; j++) {
			const struct listed *now = &f->now->items[j];

			if (!now->is_subvolume || !is_pair_of(f, old, now, by_path))
				continue;
			f->tree_of[old->tree] = now->tree;
			f->is_paired[now->tree] = 1;
		}
	}
}

/*
 * Nested subvolumes are compared with that at the same name of the same directory; those that have
 * no such with that at the same path. A tree has a lower number than those in it.
 */
static void pair_trees(struct full *f)
{
	f->tree_of[0] = 0;
	for (unsigned tree = 0; tree < f->old->trees; tree++) {
		pair_nested(f, tree, false);
		pair_nested(f, tree, true);
	}
}

static unsigned compare_items(const struct listed *old, const struct listed *now)
{
	unsigned what = 0;

	if ((old->stx.stx_mode ^ now->stx.stx_mode) & S_IFMT)
		return BR_CHANGED_TYPE;
	if ((old->stx.stx_mode ^ now->stx.stx_mode) & 07777)
		what |= BR_CHANGED_MODE;
	if (old->stx.stx_uid != now->stx.stx_uid || old->stx.stx_gid != now->stx.stx_gid)
		what |= BR_CHANGED_OWNER;
	if (!is_same_time(&old->stx.stx_mtime, &now->stx.stx_mtime))
		what |= BR_CHANGED_TIME;
	if (old->xattrs != now->xattrs)
		what |= BR_CHANGED_XATTR;
	if (old->flags != now->flags)
		what |= BR_CHANGED_FLAGS;
	if (old->content != now->content && !is_directory(now))
		what |= BR_CHANGED_CONTENT;
	return what;
}

static uint64_t size_of(const struct listed *item)
{
	return S_ISREG(item->stx.stx_mode) || S_ISLNK(item->stx.stx_mode) ? item->stx.stx_size : 0;
}

/* path: where it is now, or was; old or now is NULL where it is not there */
static struct br_change change_of(char *path, const struct listed *old, const struct listed *now)
{
	return (struct br_change){ .path = path,
				   .old_mode = old ? old->stx.stx_mode : 0,
				   .mode = now ? now->stx.stx_mode : 0,
				   .old_size = old ? size_of(old) : 0,
				   .size = now ? size_of(now) : 0 };
}

/* Has the place of this name on the other side an object of its own? */
static bool is_replaced(const struct listing *mine, const struct listing *other, size_t self,
			bool (*corresponds)(const struct full *f, size_t mine, size_t other),
			const struct full *f)
{
	const struct listed *item = &mine->items[self];

	for (size_t k = 1; k < other->count; k++)
		if (!other->items[k].is_subvolume &&
		    strcmp(other->items[k].name, item->name) == 0 &&
		    corresponds(f, item->parent, other->items[k].parent))
			return true;
	return false;
}

static bool old_corresponds(const struct full *f, size_t old, size_t now)
{
	return are_counterparts(f, old, now);
}

static bool now_corresponds(const struct full *f, size_t now, size_t old)
{
	return are_counterparts(f, old, now);
}

/* Is this name in the counterpart of its directory, too, and of the same object? */
static bool is_kept(const struct listed *item, size_t same, size_t counter)
{
	return item->is_subvolume || (same != NONE && counter != NONE);
}

/* Directories with entries that came, went or were replaced. */
static void note_churn(struct full *f)
{
	for (size_t j = 1; j < f->now->count; j++)
		if (!is_kept(&f->now->items[j], f->same_of_now[j], f->counter_of_now[j]))
			f->churned[f->now->items[j].parent] = 1;
	for (size_t i = 1; i < f->old->count; i++) {
		const struct listed *item = &f->old->items[i];

		if (is_kept(item, f->same_of_old[i], f->counter_of_old[i]))
			continue;
		for (size_t d = 0; d < f->now->count; d++)
			if (are_counterparts(f, item->parent, d))
				f->churned[d] = 1;
	}
	for (size_t i = 0; i < f->old->count; i++)
		for (size_t d = 0; d < f->now->count; d++)
			if (are_counterparts(f, i, d) &&
			    f->old->items[i].nested != f->now->items[d].nested)
				f->churned[d] = 1;
}

static void compare_corresponding(struct full *f, size_t i, size_t j)
{
	const struct listed *old = &f->old->items[i], *now = &f->now->items[j];
	struct br_change change = change_of(now->path, old, now);

	change.kind = BR_CHANGE_CHANGED;
	change.what = compare_items(old, now);
	if (change.what == 0 ||
	    (is_directory(now) && change.what == BR_CHANGED_TIME && f->churned[j]))
		return;
	lines_add(&f->lines, &change);
}

static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b ? 0 : !*a ? -1 : !*b ? 1 : PATH_BYTES(*a) < PATH_BYTES(*b) ? -1 : 1;
}

struct order {
	const struct listing *listing;
	size_t index[64];
	size_t count;
};

static void order_add(struct order *order, size_t index)
{
	size_t at = order->count++;

	ck_assert_uint_lt(at, sizeof(order->index) / sizeof(order->index[0]));
	for (; at > 0 && compare_paths(order->listing->items[index].path,
				       order->listing->items[order->index[at - 1]].path) < 0;
	     at--)
		order->index[at] = order->index[at - 1];
	order->index[at] = index;
}

static bool is_name_of_same(const struct listed *a, const struct listed *b)
{
	return a->tree == b->tree && !a->is_subvolume && !b->is_subvolume &&
	       a->stx.stx_ino == b->stx.stx_ino;
}

static void tell_one_side(struct full *f, size_t self, bool is_old, bool is_link)
{
	const struct listing *mine = is_old ? f->old : f->now;
	const struct listed *item = &mine->items[self];
	struct br_change change = change_of(item->path, is_old ? item : NULL, is_old ? NULL : item);

	change.kind = is_old ? BR_CHANGE_DELETED : BR_CHANGE_CREATED;
	change.is_link = is_link;
	change.is_subvolume = item->is_subvolume;
	change.is_replaced = !item->is_subvolume &&
			     is_replaced(mine, is_old ? f->now : f->old, self,
					 is_old ? old_corresponds : now_corresponds, f);
	lines_add(&f->lines, &change);
}

/* An object that both trees have, by its first name in either. */
static void tell_shared(struct full *f, size_t i, size_t j)
{
	struct order lost = { .listing = f->old }, gained = { .listing = f->now },
		     all = { .listing = f->now };
	unsigned what = compare_items(&f->old->items[i], &f->now->items[j]);
	struct br_change change;
	size_t n = 0;

	if (is_directory(&f->now->items[j]) && what == BR_CHANGED_TIME && f->churned[j])
		what = 0;
	for (size_t k = 0; k < f->old->count; k++)
		if (is_name_of_same(&f->old->items[k], &f->old->items[i])) {
			f->seen_old[k] = 1;
			if (f->counter_of_old[k] == NONE)
				order_add(&lost, k);
		}
	for (size_t k = 0; k < f->now->count; k++)
		if (is_name_of_same(&f->now->items[k], &f->now->items[j])) {
			f->seen_now[k] = 1;
			order_add(&all, k);
			if (f->counter_of_now[k] == NONE)
				order_add(&gained, k);
		}
	for (; n < lost.count && n < gained.count; n++) {
		change = change_of(f->now->items[gained.index[n]].path, &f->old->items[i],
				   &f->now->items[gained.index[n]]);
		change.kind = BR_CHANGE_RENAMED;
		change.from = f->old->items[lost.index[n]].path;
		change.what = n == 0 ? what : 0;
		change.is_replaced = is_replaced(f->now, f->old, gained.index[n], now_corresponds,
						 f);
		lines_add(&f->lines, &change);
	}
	if (n == 0 && what) {
		change = change_of(f->now->items[all.index[0]].path, &f->old->items[i],
				   &f->now->items[all.index[0]]);
		change.kind = BR_CHANGE_CHANGED;
		change.what = what;
		lines_add(&f->lines, &change);
	}
	for (size_t k = n; k < lost.count; k++)
		tell_one_side(f, lost.index[k], true, true);
	for (size_t k = n; k < gained.count; k++)
		tell_one_side(f, gained.index[k], false, true);
}

/* An object of one tree: of its names that replace nothing the first stands for it. */
static void tell_apart(struct full *f, size_t self, bool is_old)
{
	const struct listing *mine = is_old ? f->old : f->now;
	const size_t *counter = is_old ? f->counter_of_old : f->counter_of_now;
	char *seen = is_old ? f->seen_old : f->seen_now;
	struct order names = { .listing = mine };

	for (size_t k = 0; k < mine->count; k++)
		if (k == self || is_name_of_same(&mine->items[k], &mine->items[self])) {
			seen[k] = 1;
			if (counter[k] == NONE)
				order_add(&names, k);
		}
	for (size_t k = 0; k < names.count; k++)
		tell_one_side(f, names.index[k], is_old, k > 0);
}

static void tell_all(struct full *f)
{
	for (size_t i = 0; i < f->old->count; i++)
		if (f->same_of_old[i] != NONE && !f->seen_old[i])
			tell_shared(f, i, f->same_of_old[i]);
	for (size_t i = 0; i < f->old->count; i++)
		if (f->same_of_old[i] == NONE && f->counter_of_old[i] != NONE)
			compare_corresponding(f, i, f->counter_of_old[i]);
	for (size_t i = 0; i < f->old->count; i++)
		if (f->same_of_old[i] == NONE && !f->seen_old[i])
			tell_apart(f, i, true);
	for (size_t j = 0; j < f->now->count; j++)
		if (f->same_of_now[j] == NONE && !f->seen_now[j])
			tell_apart(f, j, false);
}

static void *array(size_t count, size_t size)
{
	void *made = calloc(count, size);

	ck_assert_ptr_nonnull(made);
	return made;
}

char *full_comparison(const struct listing *old, const struct listing *now)
{
	struct full f = { .old = old,
			  .now = now,
			  .tree_of = array(old->trees, sizeof(unsigned)),
			  .is_paired = array(now->trees, 1),
			  .same_of_old = array(old->count, sizeof(size_t)),
			  .same_of_now = array(now->count, sizeof(size_t)),
			  .counter_of_old = array(old->count, sizeof(size_t)),
			  .counter_of_now = array(now->count, sizeof(size_t)),
			  .seen_old = array(old->count, 1),
			  .seen_now = array(now->count, 1),
			  .churned = array(now->count, 1) };

	memset(f.tree_of, 0xff, old->trees * sizeof(unsigned));
	pair_trees(&f);
	find_same(&f);
	find_counterparts(&f);
	note_churn(&f);
	tell_all(&f);
	free(f.tree_of);
	free(f.is_paired);
	free(f.same_of_old);
	free(f.same_of_now);
	free(f.counter_of_old);
	free(f.counter_of_now);
	free(f.seen_old);
	free(f.seen_now);
	free(f.churned);
	return lines_join(&f.lines);
}
