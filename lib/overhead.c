/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The space that only archives and snapshots hold. */
#include "overhead.h"

#include "cleanup.h"
#include "deadline.h"
#include "inherited.h"
#include "number-set.h"
#include "relative.h"
#include "subvol-table.h"
#include "subvol.h"
#include "tree-inode.h"
#include "tree-search.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Room for the references to an extent; the kernel takes no more than the larger one. */
#define REFERENCES_FIRST ((size_t)64 << 10)
#define REFERENCES_MOST ((size_t)16 << 20)

#define NO_ITEM SIZE_MAX

struct count {
	int fd;
	struct br_overhead_item *items;
	size_t item_count;
	bool has_damaged;
	struct br_overhead *out;
	struct br_subvol_table table;
	size_t *item_of; /* by row of the table; NO_ITEM: it lives */
	struct br_number_set seen;
	/* into the tree of one that lives and has much in common with the one being read; tree 0: there is none */
	struct br_tree_window living;
	struct btrfs_data_container *references;
	size_t references_size;
	struct br_deadline deadline;
	struct br_error *err;
};

/* --- who is who --- */

/* Subvolumes belong to the item that they are nested in, at any depth. */
static size_t find_item(const struct count *c, const struct br_subvol_row *row)
{
	for (size_t depth = 0; row && depth <= c->table.count; depth++) {
		size_t item = c->item_of[row - c->table.rows];

		if (item != NO_ITEM)
			return item;
		row = br_subvol_table_find(&c->table, row->parent_id);
	}
	return NO_ITEM;
}

static int assign_items(struct count *c)
{
	c->item_of = calloc(c->table.count + 1, sizeof(*c->item_of));
	if (!c->item_of)
		return br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; i < c->table.count; i++)
		c->item_of[i] = NO_ITEM;
	for (size_t i = 0; i < c->item_count; i++) {
		const struct br_subvol_row *row = br_subvol_table_find(&c->table, c->items[i].id);

		c->items[i].alone = c->items[i].in_order = 0;
		c->has_damaged |= c->items[i].is_damaged;
		if (row && !row->is_deleted)
			c->item_of[row - c->table.rows] = i;
	}
	for (size_t i = 0; i < c->table.count; i++)
		if (!c->table.rows[i].is_deleted)
			c->item_of[i] = find_item(c, &c->table.rows[i]);
	return 0;
}

/* --- an extent --- */

struct holders {
	bool is_alive; /* one of them is not an item */
	bool is_shared, is_mixed;
	size_t first; /* item; NO_ITEM: nobody holds it */
	size_t last;  /* in the order of deletion */
};

/*
 * References are those of the last commit, the table is of now: who is not in it any more is gone, and who is
 * deleted is as good as gone. Whoever came later is alive.
 */
static bool is_gone(const struct count *c, const struct br_subvol_row *row, uint64_t root)
{
	if (row)
		return row->is_deleted;
	return root != BR_SUBVOL_TOP_LEVEL && c->table.count > 0 &&
	       root < c->table.rows[c->table.count - 1].id;
}

static void add_holder(const struct count *c, struct holders *holders, uint64_t root)
{
	const struct br_subvol_row *row = br_subvol_table_find(&c->table, root);
	size_t item;

	if (is_gone(c, row, root))
		return;
	item = row ? c->item_of[row - c->table.rows] : NO_ITEM;
	if (item == NO_ITEM) {
		holders->is_alive = true;
	} else if (holders->first == NO_ITEM) {
		holders->first = holders->last = item;
	} else if (item != holders->first) {
		holders->is_shared = true;
		holders->is_mixed |= c->items[item].group != c->items[holders->first].group;
		if (item > holders->last)
			holders->last = item;
	}
}

static void book(const struct count *c, const struct holders *holders, uint64_t size)
{
	if (holders->is_alive || holders->first == NO_ITEM)
		return;
	c->out->total += size;
	if (!holders->is_shared)
		c->items[holders->first].alone += size;
	if (holders->is_mixed)
		return;
	c->out->groups[c->items[holders->first].group] += size;
	c->items[holders->last].in_order += size;
}

static int grow_references(struct count *c, size_t size)
{
	struct btrfs_data_container *grown = realloc(c->references, size);

	if (!grown) {
		(void)br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		return BR_ERR_NOMEM;
	}
	c->references = grown;
	c->references_size = size;
	return 0;
}

/* Once, with as much room as there is. 1: it was told; 0: there is no such extent any more. */
static int ask_for_holders(struct count *c, uint64_t disk)
{
	struct btrfs_ioctl_logical_ino_args args = {
		.logical = disk,
		.size = c->references_size,
		.flags = BTRFS_LOGICAL_INO_ARGS_IGNORE_OFFSET,
		.inodes = (uintptr_t)c->references,
	};

	memset(c->references, 0, sizeof(*c->references));
	if (ioctl(c->fd, BTRFS_IOC_LOGICAL_INO_V2, &args) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	return br_error_set(c->err, BR_ERR_READ, errno, NULL, "who refers to the extent at %llu",
			    (unsigned long long)disk);
}

/*
 * Ask who refers to any part of an extent. 1: *ret has them; 0: there is no such extent any more.
 * More references than the kernel can tell count as alive, so that nobody deletes anything for it. So do those that it
 * cannot tell because it reads in the trees of all of them, and one is damaged.
 */
static int find_holders(struct count *c, uint64_t disk, struct holders *ret)
{
	int r = c->references ? 0 : grow_references(c, REFERENCES_FIRST);

	*ret = (struct holders){ .first = NO_ITEM };
	if (r == 0)
		r = ask_for_holders(c, disk);
	if (r > 0 && c->references->elem_missed > 0 && c->references_size < REFERENCES_MOST &&
	    (r = grow_references(c, REFERENCES_MOST)) == 0)
		r = ask_for_holders(c, disk);
	if (r < 0 && c->has_damaged && br_error_is_damage(c->err)) {
		ret->is_alive = true;
		return 1;
	}
	if (r <= 0)
		return r;
	ret->is_alive = c->references->elem_missed > 0;
	/* of three numbers each: inode, offset in it, subvolume */
	for (uint32_t i = 2; i < c->references->elem_cnt && !ret->is_alive; i += 3)
		add_holder(c, ret, c->references->val[i]);
	return 1;
}

static bool is_over(const struct count *c)
{
	return br_deadline_left(c->deadline) == 0;
}

static bool is_extent(const struct br_tree_item *item, struct btrfs_file_extent_item *ret)
{
	/* what is shorter holds its bytes itself */
	if (item->key.type != BTRFS_EXTENT_DATA_KEY || item->size < sizeof(*ret))
		return false;
	memcpy(ret, item->data, sizeof(*ret));
	return ret->type != BTRFS_FILE_EXTENT_INLINE && ret->disk_bytenr != 0;
}

/*
 * Has one that lives the same extent at the same place of the same inode? Then nobody has to be asked for all
 * the others, which takes the kernel the longer the more they are. A tree that cannot be read, or is gone by now,
 * tells nothing.
 */
static int look_into_living(struct count *c, const struct br_tree_key *key, uint64_t disk,
			    bool *has_ret)
{
	struct btrfs_file_extent_item raw;
	struct br_tree_item item;
	int r;

	*has_ret = false;
	if (c->living.tree == 0)
		return 0;
	r = br_tree_window_find(&c->living, key, &item, c->err);
	if (r == BR_ERR_NOMEM)
		return r;
	if (r < 0)
		br_tree_window_free(&c->living);
	*has_ret = r > 0 && br_tree_key_compare(&item.key, key) == 0 && is_extent(&item, &raw) &&
		   le64toh(raw.disk_bytenr) == disk;
	return 0;
}

static int count_extent(struct count *c, const struct br_tree_key *key, uint64_t disk,
			uint64_t size)
{
	struct holders holders;
	bool is_alive;
	int r = br_number_set_add(&c->seen, disk, c->err);

	if (r <= 0)
		return r;
	c->out->extents++;
	if ((r = look_into_living(c, key, disk, &is_alive)) < 0 || is_alive)
		return r;
	r = find_holders(c, disk, &holders);
	if (r > 0)
		book(c, &holders, size);
	return r < 0 ? r : 0;
}

/* --- all extents of a subvolume that may be nobody else's --- */

static int count_item(struct count *c, const struct br_tree_item *item)
{
	struct btrfs_file_extent_item raw;

	return is_extent(item, &raw) ? count_extent(c, &item->key, le64toh(raw.disk_bytenr),
						    le64toh(raw.disk_num_bytes))
				     : 0;
}

static int count_subvolume(struct count *c, uint64_t id, uint64_t inherited_until)
{
	const struct br_tree_range range = {
		.tree = id,
		.first = { BR_INODE_FIRST, 0, 0 },
		.last = { BR_INODE_LAST, UINT8_MAX, UINT64_MAX },
		.min_transid = inherited_until > 0 ? inherited_until + 1 : 0,
	};
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r = br_tree_search_begin(&search, c->fd, &range, c->err);

	while (r >= 0 && (c->out->is_complete = !is_over(c)) &&
	       (r = br_tree_search_next(&search, &item, c->err)) > 0)
		r = count_item(c, &item);
	/* deleted since the table was read */
	return r < 0 && c->err->sys_errno == ENOENT ? 0 : r < 0 ? r : 0;
}

static bool is_living(const void *data, const struct br_subvol_row *row)
{
	const struct count *c = data;

	return !row->is_deleted && c->item_of[row - c->table.rows] == NO_ITEM;
}

/* Which one it is that cannot be read. */
static int name_subvolume(const struct count *c, uint64_t id)
{
	BR_AUTO_FREE char *path = NULL;
	struct br_error none;

	(void)!br_subvol_path_of(c->fd, id, &path, &none);
	return br_error_name(c->err, path);
}

static int count_row(struct count *c, const struct br_inherited *inherited,
		     const struct br_relatives *relatives, const struct br_subvol_row *row)
{
	const struct br_subvol_row *living = br_relatives_find(relatives, row);
	int r;

	c->living = br_tree_window_begin(c->fd, living ? living->id : 0);
	r = count_subvolume(c, row->id, br_inherited_until(inherited, row));
	br_tree_window_free(&c->living);
	return r < 0 ? name_subvolume(c, row->id) : r;
}

/* What is nested in it can be read. */
static bool is_damaged(const struct count *c, size_t row)
{
	const struct br_overhead_item *item = &c->items[c->item_of[row]];

	return item->is_damaged && item->id == c->table.rows[row].id;
}

static int count_rows(struct count *c, const struct br_inherited *inherited)
{
	struct br_relatives relatives;
	int r = br_relatives_begin(inherited, is_living, c, &relatives, c->err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && c->out->is_complete && i < c->table.count; i++)
		if (c->item_of[i] != NO_ITEM && !is_damaged(c, i))
			r = count_row(c, inherited, &relatives, &c->table.rows[i]);
	br_relatives_free(&relatives);
	return r;
}

static int count_all(struct count *c)
{
	struct br_inherited inherited = { 0 };
	int r;

	if ((r = br_subvol_table_read(c->fd, &c->table, c->err)) < 0 || (r = assign_items(c)) < 0 ||
	    (r = br_inherited_begin(&c->table, &inherited, c->err)) < 0)
		return r;
	r = count_rows(c, &inherited);
	br_inherited_free(&inherited);
	return r;
}

int br_overhead_count(int fd, struct br_overhead_item *items, size_t count, size_t group_count,
		      unsigned seconds, struct br_overhead *ret, struct br_error *err)
{
	struct br_overhead out = { .is_complete = true };
	struct count c = { .fd = fd, .items = items, .item_count = count, .out = &out, .err = err };
	int r = 0;

	out.groups = calloc(group_count + 1, sizeof(*out.groups));
	if (!out.groups)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	c.deadline = br_deadline_in(seconds > 0 ? seconds : UINT64_MAX);
	r = count_all(&c);
	br_subvol_table_free(&c.table);
	br_number_set_free(&c.seen);
	free(c.item_of);
	free(c.references);
	if (r < 0)
		br_overhead_free(&out);
	else
		*ret = out;
	return r;
}

void br_overhead_free(struct br_overhead *overhead)
{
	if (!overhead)
		return;
	free(overhead->groups);
	*overhead = (struct br_overhead){ 0 };
}
