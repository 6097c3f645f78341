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

static int begin(struct comparison *c, const struct dir_pair *pair, enum side side,
		 struct reader *reader)
{
	struct br_tree_range range = br_tree_range_of(pair->dir[side], BTRFS_DIR_INDEX_KEY);
	int r;

	if (pair->dir[side] == 0)
		return 0;
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

int br_changes_read_entries(struct comparison *c, const struct dir_pair *pair,
			    struct entry_list lists[SIDES])
{
	struct reader readers[SIDES] = { 0 };
	int r = begin(c, pair, OLD, &readers[OLD]);

	if (r == 0)
		r = begin(c, pair, NEW, &readers[NEW]);
	if (r == 0)
		r = merge(c, readers, lists);
	for (enum side side = OLD; side < SIDES; side++) {
		br_tree_search_end(&readers[side].search);
		if (lists[side].count > 0)
			qsort(lists[side].items, lists[side].count, sizeof(*lists[side].items),
			      compare_names);
	}
	return r;
}

void br_changes_free_entries(struct entry_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].name);
	free(list->items);
}
