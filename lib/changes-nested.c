/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subvolumes nested in those that are compared, and their counterparts. */
#include "changes-internal.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>

struct nested {
	uint64_t id, dir;
	char *path;  /* from the root of the request */
	size_t name; /* where its last component begins */
};

struct nested_list {
	struct nested *items;
	size_t count, room;
};

static void list_free(struct nested_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i].path);
	free(list->items);
}

static int list_add(struct comparison *c, struct nested_list *list, const struct nested *nested)
{
	if (br_changes_grow(list->items, list->count, list->room, c->err)) {
		list->items[list->count++] = *nested;
		return 0;
	}
	free(nested->path);
	return BR_ERR_NOMEM;
}

static int add_ref(struct comparison *c, enum side side, const struct br_tree_item *item,
		   struct nested_list *list)
{
	struct nested nested = { .id = item->key.offset };
	struct btrfs_root_ref raw;
	const char *dir;
	char *path;
	int r;

	if (item->size < sizeof(raw))
		return br_error_set(c->err, BR_ERR_READ, 0, NULL, "root tree is damaged");
	memcpy(&raw, item->data, sizeof(raw));
	nested.dir = le64toh(raw.dirid);
	r = br_tree_path_of_dir(&c->paths[side], nested.dir, &dir, c->err);
	if (r < 0 && c->err->sys_errno == ENOENT)
		return 0; /* in a directory that was made since */
	if (r < 0)
		return r;
	path = br_tree_path_join(dir, (const char *)item->data + sizeof(raw),
				 item->size - sizeof(raw));
	nested.path = path ? br_changes_full_path(c, side, path) : NULL;
	free(path);
	if (!nested.path)
		return br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	nested.name = strlen(nested.path) - (item->size - sizeof(raw));
	return list_add(c, list, &nested);
}

static int list_read(struct comparison *c, enum side side, struct nested_list *list)
{
	const struct br_tree_range range = {
		.tree = BTRFS_ROOT_TREE_OBJECTID,
		.first = { c->subvols.id[side], BTRFS_ROOT_REF_KEY, 0 },
		.last = { c->subvols.id[side], BTRFS_ROOT_REF_KEY, UINT64_MAX },
	};
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r;

	if (c->fd[side] < 0)
		return 0;
	r = br_tree_search_begin(&search, c->fd[side], &range, c->err);
	while (r >= 0 && (r = br_tree_search_next(&search, &item, c->err)) > 0)
		r = add_ref(c, side, &item, list);
	return r;
}

/* At the same name of the same directory, or at the same path. */
static int is_counterpart(struct comparison *c, const struct nested *old, const struct nested *now,
			  bool *ret)
{
	struct br_inode dirs[SIDES];
	int r = 0;

	*ret = strcmp(old->path, now->path) == 0;
	if (*ret || old->dir != now->dir ||
	    strcmp(old->path + old->name, now->path + now->name) != 0)
		return 0;
	r = br_changes_read_both(c, old->dir, dirs);
	*ret = br_inode_is_same(&dirs[OLD], &dirs[NEW]);
	return r;
}

struct visitor {
	int (*visit)(void *data, struct subvol_pair *pair, struct br_error *err);
	void *data;
};

/* Takes the paths over. */
static int hand_out(struct comparison *c, struct nested *old, struct nested *now,
		    const struct visitor *visitor)
{
	struct subvol_pair pair = { 0 };
	struct nested *sides[SIDES] = { old, now };
	bool is_visible = false;

	for (enum side side = OLD; side < SIDES; side++)
		is_visible |= sides[side] && br_changes_is_visible(c->request, sides[side]->path);
	if (!is_visible)
		return 0;
	for (enum side side = OLD; side < SIDES; side++) {
		if (!sides[side])
			continue;
		pair.id[side] = sides[side]->id;
		pair.path[side] = sides[side]->path;
		sides[side]->path = NULL;
	}
	return visitor->visit(visitor->data, &pair, c->err);
}

static int visit_old(struct comparison *c, struct nested *old, struct nested_list *list,
		     const struct visitor *visitor)
{
	for (size_t i = 0; i < list->count; i++) {
		struct nested *now = &list->items[i];
		bool is_it = false;
		int r;

		if (!now->path) /* handed out */
			continue;
		r = is_counterpart(c, old, now, &is_it);
		if (r < 0)
			return r;
		if (is_it)
			return hand_out(c, old, now, visitor);
	}
	return hand_out(c, old, NULL, visitor);
}

int br_changes_visit_nested(struct comparison *c,
			    int (*visit)(void *data, struct subvol_pair *pair,
					 struct br_error *err),
			    void *data)
{
	const struct visitor visitor = { visit, data };
	struct nested_list old = { 0 }, now = { 0 };
	int r = list_read(c, OLD, &old);

	if (r == 0)
		r = list_read(c, NEW, &now);
	for (size_t i = 0; r == 0 && i < old.count; i++)
		r = visit_old(c, &old.items[i], &now, &visitor);
	for (size_t i = 0; r == 0 && i < now.count; i++)
		if (now.items[i].path)
			r = hand_out(c, NULL, &now.items[i], &visitor);
	list_free(&old);
	list_free(&now);
	return r;
}
