/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All subvolumes of a file system at once, from its root tree. */
#include "subvol-table.h"

#include "cleanup.h"
#include "tree-inode.h"
#include "tree-search.h"

#include <endian.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>

static struct br_subvol_row *add_row(struct br_subvol_table *table, uint64_t id,
				     struct br_error *err)
{
	if (table->count == table->room) {
		size_t room = 2 * table->room + 64;
		struct br_subvol_row *grown = reallocarray(table->rows, room, sizeof(*grown));

		if (!grown) {
			(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
			return NULL;
		}
		table->rows = grown;
		table->room = room;
	}
	table->rows[table->count] = (struct br_subvol_row){ .id = id };
	return &table->rows[table->count++];
}

/* What Linux before 3.6 wrote ends before the UUIDs, which a copy then leaves zero. */
static int add_root(struct br_subvol_table *table, const struct br_tree_item *item,
		    struct br_error *err)
{
	struct btrfs_root_item raw = { 0 };
	struct br_subvol_row *row = add_row(table, item->key.object, err);

	if (!row)
		return BR_ERR_NOMEM;
	memcpy(&raw, item->data, item->size < sizeof(raw) ? item->size : sizeof(raw));
	row->is_deleted = le32toh(raw.refs) == 0;
	row->is_read_only = le64toh(raw.flags) & BTRFS_ROOT_SUBVOL_RDONLY;
	row->block = le64toh(raw.bytenr);
	row->generation = le64toh(raw.generation);
	/* one of such a kernel changed the item since: the rest is stale */
	if (raw.generation != raw.generation_v2)
		return 0;
	row->otransid = le64toh(raw.otransid);
	row->ctransid = le64toh(raw.ctransid);
	memcpy(row->uuid, raw.uuid, BR_UUID_SIZE);
	memcpy(row->parent_uuid, raw.parent_uuid, BR_UUID_SIZE);
	return 0;
}

/* Returns where it is. */
static int add_name(struct br_subvol_table *table, const char *name, size_t length,
		    uint32_t *at_ret, struct br_error *err)
{
	if (table->names_room - table->names_used < length + 2) {
		size_t room = 2 * table->names_room + length + 4096;
		char *grown = room <= UINT32_MAX ? realloc(table->names, room) : NULL;

		if (!grown)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		if (!table->names)
			grown[table->names_used++] = '\0';
		table->names = grown;
		table->names_room = room;
	}
	*at_ret = (uint32_t)table->names_used;
	memcpy(table->names + table->names_used, name, length);
	table->names_used += length;
	table->names[table->names_used++] = '\0';
	return 0;
}

/* The key of a back reference follows that of its root, and ends in the id of the parent; the name is behind it. */
static int add_parent(struct br_subvol_table *table, const struct br_tree_item *item,
		      struct br_error *err)
{
	struct br_subvol_row *row = table->count > 0 ? &table->rows[table->count - 1] : NULL;
	struct btrfs_root_ref raw;
	size_t length;

	if (!row || row->id != item->key.object)
		return 0;
	row->parent_id = item->key.offset;
	if (item->size < sizeof(raw))
		return 0;
	memcpy(&raw, item->data, sizeof(raw));
	row->parent_dir = le64toh(raw.dirid);
	length = le16toh(raw.name_len);
	if (item->size - sizeof(raw) < length)
		return 0;
	return add_name(table, (const char *)item->data + sizeof(raw), length, &row->name, err);
}

static int add_item(struct br_subvol_table *table, const struct br_tree_item *item,
		    struct br_error *err)
{
	if (item->key.type == BTRFS_ROOT_ITEM_KEY)
		return add_root(table, item, err);
	return item->key.type == BTRFS_ROOT_BACKREF_KEY ? add_parent(table, item, err) : 0;
}

int br_subvol_table_read(int fd, struct br_subvol_table *ret, struct br_error *err)
{
	const struct br_tree_range range = {
		.tree = BTRFS_ROOT_TREE_OBJECTID,
		.first = { BR_INODE_FIRST, 0, 0 },
		.last = { BR_INODE_LAST, UINT8_MAX, UINT64_MAX },
	};
	struct br_subvol_table table = { 0 };
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r = br_tree_search_begin(&search, fd, &range, err);

	while (r >= 0 && (r = br_tree_search_next(&search, &item, err)) > 0)
		r = add_item(&table, &item, err);
	if (r < 0) {
		br_subvol_table_free(&table);
		return r;
	}
	*ret = table;
	return 0;
}

static int compare_id(const void *key, const void *row)
{
	uint64_t wanted = *(const uint64_t *)key;
	uint64_t id = ((const struct br_subvol_row *)row)->id;

	return (wanted > id) - (wanted < id);
}

struct br_subvol_row *br_subvol_table_find(const struct br_subvol_table *table, uint64_t id)
{
	if (table->count == 0)
		return NULL;
	return bsearch(&id, table->rows, table->count, sizeof(*table->rows), compare_id);
}

const char *br_subvol_table_name(const struct br_subvol_table *table,
				 const struct br_subvol_row *row)
{
	return row->name > 0 ? table->names + row->name : "";
}

void br_subvol_table_free(struct br_subvol_table *table)
{
	if (!table)
		return;
	free(table->rows);
	free(table->names);
	*table = (struct br_subvol_table){ 0 };
}
