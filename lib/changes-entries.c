/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names that a directory and its counterpart do not have in common. */
#include "changes-entries.h"

#include <errno.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>

/* The directory on one side, read by index. */
struct reader {
	struct br_tree_search search;
	struct br_tree_entry entry;
	bool has_entry;
};

static int advance(struct comparison *c, struct reader *reader)
{
	struct br_tree_item item;
	int r = br_tree_search_next(&reader->search, &item, c->err);

	reader->has_entry = r > 0;
	return r > 0 ? br_tree_entry_parse(&item, &reader->entry, c->err) : r;
}

/* A part of the index. */
struct part {
	uint64_t first, last;
};

static int begin(struct comparison *c, const struct dir_pair *pair, enum side side,
		 const struct part *part, struct reader *reader)
{
	struct br_tree_range range = br_tree_range_of(pair->dir[side], BTRFS_DIR_INDEX_KEY);
	int r;

	if (pair->dir[side] == 0)
		return 0;
	range.first.offset = part->first;
	range.last.offset = part->last;
	r = br_tree_search_begin(&reader->search, c->fd[side], &range, c->err);
	return r < 0 ? r : advance(c, reader);
}

static int keep(struct comparison *c, struct reader *reader, struct entry_list *list)
{
	const struct br_tree_entry *entry = &reader->entry;
	char *name = br_tree_path_join("", entry->name, entry->length);

	if (!name || !br_changes_grow(list->items, list->count, list->room, c->err)) {
		free(name);
		return br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	list->items[list->count++] = (struct entry){ .name = name,
						     .target = entry->target,
						     .is_subvolume = entry->is_subvolume };
	return advance(c, reader);
}

/*
 * An entry that both inherited leads to one object. One that is younger may have the same inode
 * number by chance.
 */
static int is_common(struct comparison *c, const struct br_tree_entry *old,
		     const struct br_tree_entry *now, bool *ret)
{
	struct br_inode inodes[SIDES];
	int r;

	*ret = false;
	if (old->target != now->target || old->is_subvolume != now->is_subvolume ||
	    old->length != now->length || memcmp(old->name, now->name, old->length) != 0)
		return 0;
	*ret = true;
	if (old->is_subvolume || (old->transid == now->transid && old->transid < c->since))
		return 0;
	r = br_changes_read_both(c, old->target, inodes);
	*ret = br_inode_is_same(&inodes[OLD], &inodes[NEW]);
	return r;
}

static int merge(struct comparison *c, struct reader readers[SIDES], struct entry_list lists[SIDES])
{
	struct reader *old = &readers[OLD], *now = &readers[NEW];
	int r = 0;

	while (r == 0 && (old->has_entry || now->has_entry)) {
		bool common = false;

		if (!now->has_entry || (old->has_entry && old->entry.index < now->entry.index)) {
			r = keep(c, old, &lists[OLD]);
			continue;
		}
		if (!old->has_entry || now->entry.index < old->entry.index) {
			r = keep(c, now, &lists[NEW]);
			continue;
		}
		r = is_common(c, &old->entry, &now->entry, &common);
		for (enum side side = OLD; r == 0 && side < SIDES; side++)
			r = common ? advance(c, &readers[side])
				   : keep(c, &readers[side], &lists[side]);
	}
	return r;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int read_part(struct comparison *c, const struct dir_pair *pair, const struct part *part,
		     struct entry_list lists[SIDES])
{
	struct reader readers[SIDES] = { 0 };
	int r = begin(c, pair, OLD, part, &readers[OLD]);

	if (r == 0)
		r = begin(c, pair, NEW, part, &readers[NEW]);
	if (r == 0)
		r = merge(c, readers, lists);
	for (enum side side = OLD; side < SIDES; side++)
		br_tree_search_end(&readers[side].search);
	return r;
}

/* --- large directories --- */

/* Those of fewer bytes of names have their index in a leaf or two. */
#define LARGE 4096

/* What was deleted at the edge of a leaf is beside what is left in it; they are numbered in the order of their creation. */
#define MARGIN 64

/* Those in new leaves that are not next to each other; if they are more, the last one has all that follow. */
#define PARTS_MOST 16

struct parts {
	struct part list[PARTS_MOST];
	size_t count;
};

static void add_to_parts(struct parts *parts, uint64_t index)
{
	struct part *last = parts->count > 0 ? &parts->list[parts->count - 1] : NULL;
	uint64_t end = index > UINT64_MAX - MARGIN ? UINT64_MAX : index + MARGIN;

	if (!last ||
	    (index > last->last && index - last->last > MARGIN + 1 && parts->count < PARTS_MOST))
		parts->list[parts->count++] = (struct part){
			index - (index < MARGIN ? index : MARGIN), end
		};
	else
		last->last = end;
}

static int find_new_parts(struct comparison *c, uint64_t dir, struct parts *parts)
{
	struct br_tree_range range = br_tree_range_of(dir, BTRFS_DIR_INDEX_KEY);
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r;

	range.min_transid = c->since;
	r = br_tree_search_begin(&search, c->fd[NEW], &range, c->err);
	while (r >= 0 && (r = br_tree_search_next(&search, &item, c->err)) > 0)
		add_to_parts(parts, item.key.offset);
	return r;
}

/* What names add to the size of a directory: each is in it twice. */
static uint64_t size_of(const struct entry_list *list)
{
	uint64_t size = 0;

	for (size_t i = 0; i < list->count; i++)
		size += 2 * strlen(list->items[i].name);
	return size;
}

/*
 * In a directory that only one side has changed since they parted, all that is not in new leaves of that side is in
 * both, but for what was deleted with its whole leaf, or beyond the margin: the sizes tell if there is any. Then, and
 * where this does not apply, *is_done_ret is false.
 */
static int read_new_parts(struct comparison *c, const struct dir_pair *pair,
			  struct entry_list lists[SIDES], bool *is_done_ret)
{
	struct br_inode inodes[SIDES];
	struct parts parts = { 0 };
	int r;

	*is_done_ret = false;
	if (c->since == 0 || pair->dir[OLD] != pair->dir[NEW])
		return 0;
	r = br_changes_read_both(c, pair->dir[NEW], inodes);
	if (r < 0 || !br_inode_is_same(&inodes[OLD], &inodes[NEW]) ||
	    inodes[OLD].transid >= c->since || inodes[NEW].size < LARGE)
		return r;
	r = find_new_parts(c, pair->dir[NEW], &parts);
	for (size_t i = 0; r == 0 && i < parts.count; i++)
		r = read_part(c, pair, &parts.list[i], lists);
	if (r < 0)
		return r;
	*is_done_ret = inodes[OLD].size + size_of(&lists[NEW]) ==
		       inodes[NEW].size + size_of(&lists[OLD]);
	return 0;
}

static void drop_entries(struct entry_list *list)
{
	br_changes_free_entries(list);
	*list = (struct entry_list){ 0 };
}

int br_changes_read_entries(struct comparison *c, const struct dir_pair *pair,
			    struct entry_list lists[SIDES])
{
	static const struct part all = { 0, UINT64_MAX };
	bool is_done;
	int r = read_new_parts(c, pair, lists, &is_done);

	if (r == 0 && !is_done) {
		drop_entries(&lists[OLD]);
		drop_entries(&lists[NEW]);
		r = read_part(c, pair, &all, lists);
	}
	for (enum side side = OLD; side < SIDES; side++)
		if (lists[side].count > 0)
			qsort(lists[side].items, lists[side].count, sizeof(*lists[side].items),
			      compare_names);
	return r;
}

void br_changes_free_entries(struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
}
