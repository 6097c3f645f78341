/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The inodes that may differ, by the generations in the trees. */
#include "changes-internal.h"

#include <linux/btrfs_tree.h>
#include <stdlib.h>

int br_changes_read_both(struct comparison *c, uint64_t ino, struct br_inode inodes[SIDES])
{
	for (enum side side = OLD; side < SIDES; side++) {
		int r;

		inodes[side] = (struct br_inode){ .ino = ino };
		if (c->fd[side] < 0)
			continue;
		r = br_inode_read(c->fd[side], ino, &inodes[side], c->err);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Of the transaction of the snapshot itself the snapshot has all but its own entry in the source,
 * which makes the directory that holds it larger. So many a file can be of that transaction, all
 * of a system that was just installed, that they are not worth a comparison each.
 */
static bool is_as_snapshotted(const struct comparison *c, const struct br_inode *a,
			      const struct br_inode *b)
{
	return a->transid == c->since && b->transid == c->since && a->size == b->size &&
	       a->names == b->names && a->modified.seconds == b->modified.seconds &&
	       a->modified.nanoseconds == b->modified.nanoseconds;
}

/* What only one side has is found by its directory. */
static int add_candidate(struct comparison *c, enum side side, const struct br_tree_item *item)
{
	struct inode_list *list = &c->candidates;
	struct br_inode inode, other;
	int r;

	if (item->key.type != BTRFS_INODE_ITEM_KEY || item->key.object == BR_INODE_FIRST)
		return 0;
	if ((r = br_inode_parse(item, &inode, c->err)) < 0)
		return r;
	if (inode.transid < c->since || inode.names == 0)
		return 0;
	if ((r = br_inode_read(c->fd[!side], inode.ino, &other, c->err)) < 0)
		return r;
	if (!br_inode_is_same(&inode, &other) || is_as_snapshotted(c, &inode, &other))
		return 0;
	if (!br_changes_grow(list->items, list->count, list->room, c->err))
		return BR_ERR_NOMEM;
	list->items[list->count++] = inode.ino;
	return 0;
}

static int scan_side(struct comparison *c, enum side side)
{
	const struct br_tree_range range = {
		.first = { BR_INODE_FIRST, 0, 0 },
		.last = { BR_INODE_LAST, UINT8_MAX, UINT64_MAX },
		.min_transid = c->since,
	};
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r = br_tree_search_begin(&search, c->fd[side], &range, c->err);

	while (r >= 0 && (r = br_tree_search_next(&search, &item, c->err)) > 0)
		r = add_candidate(c, side, &item);
	return r;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_candidates(struct inode_list *list)
{
	size_t kept = 0;

	if (list->count == 0)
		return;
	qsort(list->items, list->count, sizeof(*list->items), compare_numbers);
	for (size_t i = 0; i < list->count; i++)
		if (i == 0 || list->items[i] != list->items[i - 1])
			list->items[kept++] = list->items[i];
	list->count = kept;
}

int br_changes_scan(struct comparison *c)
{
	if (c->fd[OLD] < 0 || c->fd[NEW] < 0)
		return 0;
	for (enum side side = OLD; side < SIDES; side++) {
		int r = scan_side(c, side);

		if (r < 0)
			return r;
	}
	sort_candidates(&c->candidates);
	return 0;
}
