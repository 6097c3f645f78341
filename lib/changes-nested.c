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

/* At the same name of the same directory. */
static int is_at_same_name(struct comparison *c, const struct nested *old, const struct nested *now,
			   bool *ret)
{
	struct br_inode dirs[SIDES];
	int r = 0;

	*ret = false;
	if (old->dir != now->dir || strcmp(old->path + old->name, now->path + now->name) != 0)
		return 0;
	*ret = old->dir == BR_INODE_FIRST;
	if (*ret)
		return 0;
	r = br_changes_read_both(c, old->dir, dirs);
	*ret = br_inode_is_same(&dirs[OLD], &dirs[NEW]);
	return r;
}

static int is_at_same_path(struct comparison *c, const struct nested *old, const struct nested *now,
			   bool *ret)
{
	(void)c;
	*ret = strcmp(old->path, now->path) == 0;
	return 0;
}

typedef int is_counterpart(struct comparison *c, const struct nested *old, const struct nested *now,
			   bool *ret);

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
	for (enum side side = OLD; side < SIDES; side++) {
		if (!sides[side])
			continue;
		pair.id[side] = sides[side]->id;
		pair.path[side] = sides[side]->path;
		sides[side]->path = NULL;
	}
	if (is_visible)
		return visitor->visit(visitor->data, &pair, c->err);
	free(pair.path[OLD]);
	free(pair.path[NEW]);
	return 0;
}

/* Hand out the pairs of those that nobody has got yet. */
static int visit_pairs(struct comparison *c, struct nested_list lists[SIDES],
		       is_counterpart *is_counterpart_of, const struct visitor *visitor)
{
	for (size_t i = 0; i < lists[OLD].count; i++) {
		struct nested *old = &lists[OLD].items[i];

		for (size_t j = 0; old->path && j < lists[NEW].count; j++) {
			struct nested *now = &lists[NEW].items[j];
			bool is_it = false;
			int r;

			if (!now->path)
				continue;
			if ((r = is_counterpart_of(c, old, now, &is_it)) < 0 ||
			    (is_it && (r = hand_out(c, old, now, visitor)) < 0))
				return r;
		}
	}
	return 0;
}

static int visit_rest(struct comparison *c, struct nested_list lists[SIDES],
		      const struct visitor *visitor)
{
	for (enum side side = OLD; side < SIDES; side++) {
		for (size_t i = 0; i < lists[side].count; i++) {
			struct nested *nested = &lists[side].items[i];
			int r;

			if (!nested->path)
				continue;
			r = hand_out(c, side == OLD ? nested : NULL, side == NEW ? nested : NULL,
				     visitor);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int br_changes_visit_nested(struct comparison *c,
			    int (*visit)(void *data, struct subvol_pair *pair,
					 struct br_error *err),
			    void *data)
{
	const struct visitor visitor = { visit, data };
	struct nested_list lists[SIDES] = { 0 };
	int r = list_read(c, OLD, &lists[OLD]);

	if (r == 0)
		r = list_read(c, NEW, &lists[NEW]);
	if (r == 0)
		r = visit_pairs(c, lists, is_at_same_name, &visitor);
	if (r == 0)
		r = visit_pairs(c, lists, is_at_same_path, &visitor);
	if (r == 0)
		r = visit_rest(c, lists, &visitor);
	list_free(&lists[OLD]);
	list_free(&lists[NEW]);
	return r;
}
