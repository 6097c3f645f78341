/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes and content of objects that both sides have. */
#include "changes-internal.h"
#include "cleanup.h"
#include "extents.h"
#include "record.h"

#include <endian.h>
#include <linux/btrfs_tree.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

/* Extended attributes: names and values one after the other, in the order of the bytes. */
struct xattrs {
	char **items; /* each: size of the name, size of the value, both */
	size_t *sizes;
	size_t count;
};

static void xattrs_free(struct xattrs *xattrs)
{
	for (size_t i = 0; i < xattrs->count; i++)
		free(xattrs->items[i]);
	free(xattrs->items);
	free(xattrs->sizes);
}

static int xattrs_add(struct xattrs *xattrs, const char *bytes, size_t size, struct br_error *err)
{
	char **items = reallocarray(xattrs->items, xattrs->count + 1, sizeof(*items));
	size_t *sizes = reallocarray(xattrs->sizes, xattrs->count + 1, sizeof(*sizes));
	char *copy = malloc(size + 1);

	if (items)
		xattrs->items = items;
	if (sizes)
		xattrs->sizes = sizes;
	if (!items || !sizes || !copy) {
		free(copy);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	memcpy(copy, bytes, size);
	/* not part of the attribute: when it was set, perhaps to the same */
	memset(copy + offsetof(struct btrfs_dir_item, transid), 0, sizeof(uint64_t));
	items[xattrs->count] = copy;
	sizes[xattrs->count++] = size;
	return 0;
}

/* Marks on a subvolume itself, of which no reset takes anything away: that its boot was good, for instance. */
static bool is_mark(const struct br_tree_item *item, const char *name, size_t length)
{
	return item->key.object == BTRFS_FIRST_FREE_OBJECTID && length > strlen(BR_XATTR_PREFIX) &&
	       memcmp(name, BR_XATTR_PREFIX, strlen(BR_XATTR_PREFIX)) == 0;
}

/* Names with the same hash share an item. */
static int xattrs_parse(struct xattrs *xattrs, const struct br_tree_item *item,
			struct br_error *err)
{
	const char *at = item->data;
	size_t left = item->size;

	while (left > 0) {
		struct btrfs_dir_item raw;
		size_t size;
		int r = 0;

		if (left < sizeof(raw))
			break;
		memcpy(&raw, at, sizeof(raw));
		size = sizeof(raw) + le16toh(raw.name_len) + le16toh(raw.data_len);
		if (left < size)
			break;
		if (!is_mark(item, at + sizeof(raw), le16toh(raw.name_len)))
			r = xattrs_add(xattrs, at, size, err);
		if (r < 0)
			return r;
		at += size;
		left -= size;
	}
	return left == 0 ? 0
			 : br_error_set(err, BR_ERR_READ, 0, NULL,
					"extended attribute of inode %llu is damaged",
					(unsigned long long)item->key.object);
}

static int xattrs_read(struct br_tree_window *window, uint64_t ino, struct xattrs *xattrs,
		       struct br_error *err)
{
	const struct br_tree_range range = br_tree_range_of(ino, BTRFS_XATTR_ITEM_KEY);
	struct br_tree_search search = br_tree_search_in(window, &range);
	struct br_tree_item item;
	int r = 0;

	while (r >= 0 && (r = br_tree_search_next(&search, &item, err)) > 0)
		r = xattrs_parse(xattrs, &item, err);
	return r;
}

static bool xattrs_have(const struct xattrs *xattrs, const char *bytes, size_t size)
{
	for (size_t i = 0; i < xattrs->count; i++)
		if (xattrs->sizes[i] == size && memcmp(xattrs->items[i], bytes, size) == 0)
			return true;
	return false;
}

static bool xattrs_are_same(const struct xattrs *a, const struct xattrs *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!xattrs_have(b, a->items[i], a->sizes[i]))
			return false;
	return true;
}

static int compare_xattrs(struct comparison *c, const struct br_inode inodes[SIDES], unsigned *what)
{
	struct xattrs xattrs[SIDES] = { 0 };
	int r = xattrs_read(&c->windows[OLD], inodes[OLD].ino, &xattrs[OLD], c->err);

	if (r == 0)
		r = xattrs_read(&c->windows[NEW], inodes[NEW].ino, &xattrs[NEW], c->err);
	if (r == 0 && !xattrs_are_same(&xattrs[OLD], &xattrs[NEW]))
		*what |= BR_CHANGED_XATTR;
	xattrs_free(&xattrs[OLD]);
	xattrs_free(&xattrs[NEW]);
	return r;
}

static int compare_content(struct comparison *c, const struct br_inode inodes[SIDES],
			   const char *const path[SIDES], unsigned *what)
{
	const struct br_inode *old = &inodes[OLD], *now = &inodes[NEW];
	const struct br_extents_file a = { c->fd[OLD], &c->windows[OLD], old->ino, path[OLD] };
	const struct br_extents_file b = { c->fd[NEW], &c->windows[NEW], now->ino, path[NEW] };
	bool same = true;
	int r = 0;

	if (S_ISCHR(now->mode) || S_ISBLK(now->mode))
		same = old->rdev == now->rdev;
	else if (!S_ISREG(now->mode) && !S_ISLNK(now->mode))
		return 0;
	else if (old->size != now->size)
		same = false;
	else
		r = br_extents_compare(&a, &b, now->size, S_ISLNK(now->mode), &same, c->err);
	if (r == 0 && !same)
		*what |= BR_CHANGED_CONTENT;
	return r;
}

int br_changes_compare_objects(struct comparison *c, const struct br_inode inodes[SIDES],
			       const char *const path[SIDES], unsigned *what_ret)
{
	const struct br_inode *old = &inodes[OLD], *now = &inodes[NEW];
	unsigned what = 0;
	int r;

	if ((old->mode ^ now->mode) & 07777)
		what |= BR_CHANGED_MODE;
	if (old->uid != now->uid || old->gid != now->gid)
		what |= BR_CHANGED_OWNER;
	if (old->modified.seconds != now->modified.seconds ||
	    old->modified.nanoseconds != now->modified.nanoseconds)
		what |= BR_CHANGED_TIME;
	if (old->flags != now->flags)
		what |= BR_CHANGED_FLAGS;
	if ((r = compare_xattrs(c, inodes, &what)) < 0 ||
	    (r = compare_content(c, inodes, path, &what)) < 0)
		return r;
	*what_ret = what;
	return 0;
}
