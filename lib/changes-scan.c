/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The inodes that may differ, by the generations in the trees. Both trees are read side by side, what is new enough of
 * each: so of what is new in both, as all files of a system that was just installed and of its blank, nothing has
 * to be looked up.
 */
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
		r = br_inode_find(&c->windows[side], ino, &inodes[side], c->err);
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

/* The inodes in the new leaves of one side, in the order of their numbers. */
struct stream {
	struct br_tree_search search;
	struct br_inode inode;
	bool has_inode;
};

static int advance(struct comparison *c, struct stream *stream)
{
	struct br_tree_item item;
	int r;

	stream->has_inode = false;
	while ((r = br_tree_search_next(&stream->search, &item, c->err)) > 0) {
		if (item.key.type != BTRFS_INODE_ITEM_KEY || item.key.object == BR_INODE_FIRST)
			continue;
		stream->has_inode = true;
		return br_inode_parse(&item, &stream->inode, c->err);
	}
	return r;
}

static int begin(struct comparison *c, enum side side, struct stream *stream)
{
	const struct br_tree_range range = {
		.first = { BR_INODE_FIRST, 0, 0 },
		.last = { BR_INODE_LAST, UINT8_MAX, UINT64_MAX },
		.min_transid = c->since,
	};
	int r = br_tree_search_begin(&stream->search, c->fd[side], &range, c->err);

	return r < 0 ? r : advance(c, stream);
}

/* What only one side has is found by its directory. */
static int add_if_candidate(struct comparison *c, const struct br_inode inodes[SIDES])
{
	struct inode_list *list = &c->candidates;

	if (!br_inode_is_same(&inodes[OLD], &inodes[NEW]) ||
	    is_as_snapshotted(c, &inodes[OLD], &inodes[NEW]))
		return 0;
	if (!br_changes_grow(list->items, list->count, list->room, c->err))
		return BR_ERR_NOMEM;
	list->items[list->count++] = inodes[NEW].ino;
	return 0;
}

/* Take the inode from the streams, and from the tree of a side in which its leaf is old. */
static int look_at(struct comparison *c, uint64_t ino, struct stream streams[SIDES])
{
	struct br_inode inodes[SIDES];
	bool is_new = false, is_known[SIDES] = { false };
	int r;

	for (enum side side = OLD; side < SIDES; side++) {
		struct stream *stream = &streams[side];

		is_known[side] = stream->has_inode && stream->inode.ino == ino;
		if (!is_known[side])
			continue;
		inodes[side] = stream->inode;
		is_new |= stream->inode.transid >= c->since;
		if ((r = advance(c, stream)) < 0)
			return r;
	}
	if (!is_new)
		return 0;
	for (enum side side = OLD; side < SIDES; side++)
		if (!is_known[side] &&
		    (r = br_inode_find(&c->windows[side], ino, &inodes[side], c->err)) < 0)
			return r;
	return add_if_candidate(c, inodes);
}

static int join(struct comparison *c, struct stream streams[SIDES])
{
	int r = 0;

	while (r == 0 && (streams[OLD].has_inode || streams[NEW].has_inode)) {
		uint64_t ino = UINT64_MAX;

		for (enum side side = OLD; side < SIDES; side++)
			if (streams[side].has_inode && streams[side].inode.ino < ino)
				ino = streams[side].inode.ino;
		r = look_at(c, ino, streams);
	}
	return r;
}

int br_changes_scan(struct comparison *c)
{
	struct stream streams[SIDES] = { 0 };
	int r = 0;

	if (c->fd[OLD] < 0 || c->fd[NEW] < 0)
		return 0;
	for (enum side side = OLD; r == 0 && side < SIDES; side++)
		r = begin(c, side, &streams[side]);
	if (r == 0)
		r = join(c, streams);
	br_tree_search_end(&streams[OLD].search);
	br_tree_search_end(&streams[NEW].search);
	return r;
}
