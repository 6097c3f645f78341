/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inodes of a subvolume, read from its tree. */
#include "tree-inode.h"

#include <endian.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/stat.h>

/*
 * What FS_IOC_GETFLAGS shows, as it is on the disk. Not compression: the kernel itself notes there
 * that a file does not compress; what a user asked for is an extended attribute.
 */
enum {
	FLAG_NODATACOW = 1 << 1,
	FLAG_SYNC = 1 << 5,
	FLAG_IMMUTABLE = 1 << 6,
	FLAG_APPEND = 1 << 7,
	FLAG_NODUMP = 1 << 8,
	FLAG_NOATIME = 1 << 9,
	FLAG_DIRSYNC = 1 << 10,
	VISIBLE_FLAGS = FLAG_NODATACOW | FLAG_SYNC | FLAG_IMMUTABLE | FLAG_APPEND | FLAG_NODUMP |
			FLAG_NOATIME | FLAG_DIRSYNC,
};

static int fail_item(const struct br_tree_item *item, struct br_error *err)
{
	return br_error_set(err, BR_ERR_READ, 0, NULL,
			    "item (%llu %u %llu) of a btrfs tree is damaged",
			    (unsigned long long)item->key.object, item->key.type,
			    (unsigned long long)item->key.offset);
}

static struct br_inode_time to_time(const struct btrfs_timespec *time)
{
	return (struct br_inode_time){ le64toh(time->sec), le32toh(time->nsec) };
}

int br_inode_parse(const struct br_tree_item *item, struct br_inode *ret, struct br_error *err)
{
	struct btrfs_inode_item raw;

	if (item->size < sizeof(raw))
		return fail_item(item, err);
	memcpy(&raw, item->data, sizeof(raw));
	*ret = (struct br_inode){
		.ino = item->key.object,
		.generation = le64toh(raw.generation),
		.transid = le64toh(raw.transid),
		.size = le64toh(raw.size),
		.rdev = le64toh(raw.rdev),
		.flags = le64toh(raw.flags) & VISIBLE_FLAGS,
		.names = le32toh(raw.nlink),
		.uid = le32toh(raw.uid),
		.gid = le32toh(raw.gid),
		.mode = le32toh(raw.mode),
		.modified = to_time(&raw.mtime),
		.born = to_time(&raw.otime),
	};
	return 0;
}

int br_tree_entry_parse(const struct br_tree_item *item, struct br_tree_entry *ret,
			struct br_error *err)
{
	struct btrfs_dir_item raw;

	if (item->size < sizeof(raw))
		return fail_item(item, err);
	memcpy(&raw, item->data, sizeof(raw));
	*ret = (struct br_tree_entry){
		.index = item->key.offset,
		.transid = le64toh(raw.transid),
		.target = le64toh(raw.location.objectid),
		.is_subvolume = raw.location.type == BTRFS_ROOT_ITEM_KEY,
		.name = (const char *)item->data + sizeof(raw),
		.length = le16toh(raw.name_len),
	};
	return ret->length > item->size - sizeof(raw) ? fail_item(item, err) : 0;
}

int br_inode_read(int fd, uint64_t ino, struct br_inode *ret, struct br_error *err)
{
	struct btrfs_inode_item raw;
	const struct br_tree_item item = { .key = { ino, BTRFS_INODE_ITEM_KEY, 0 },
					   .data = &raw,
					   .size = sizeof(raw) };
	int r = br_tree_lookup(fd, &item.key, &raw, sizeof(raw), err);

	*ret = (struct br_inode){ .ino = ino };
	return r > 0 ? br_inode_parse(&item, ret, err) : r;
}

int br_inode_find(struct br_tree_window *window, uint64_t ino, struct br_inode *ret,
		  struct br_error *err)
{
	const struct br_tree_key key = { ino, BTRFS_INODE_ITEM_KEY, 0 };
	struct br_tree_item item;
	int r = br_tree_window_find(window, &key, &item, err);

	*ret = (struct br_inode){ .ino = ino };
	if (r <= 0 || br_tree_key_compare(&item.key, &key) != 0)
		return r < 0 ? r : 0;
	return br_inode_parse(&item, ret, err);
}

bool br_inode_is_same(const struct br_inode *a, const struct br_inode *b)
{
	return a->names && b->names && a->ino == b->ino && a->generation == b->generation &&
	       a->born.seconds == b->born.seconds && a->born.nanoseconds == b->born.nanoseconds &&
	       (a->mode & S_IFMT) == (b->mode & S_IFMT);
}

struct name_visit {
	int (*visit)(void *data, uint64_t dir, const char *name, size_t length,
		     struct br_error *err);
	void *data;
};

/* One item has all names in one directory that fit; the others have items of their own. */
static int visit_refs(const struct br_tree_item *item, const struct name_visit *v,
		      struct br_error *err)
{
	const char *at = item->data;
	size_t left = item->size;

	while (left > 0) {
		struct btrfs_inode_ref plain = { 0 };
		struct btrfs_inode_extref extended = { 0 };
		bool is_plain = item->key.type == BTRFS_INODE_REF_KEY;
		size_t head = is_plain ? sizeof(plain) : sizeof(extended);
		size_t length;
		int r;

		if (left < head)
			return fail_item(item, err);
		memcpy(is_plain ? (void *)&plain : (void *)&extended, at, head);
		length = is_plain ? le16toh(plain.name_len) : le16toh(extended.name_len);
		if (left - head < length)
			return fail_item(item, err);
		r = v->visit(v->data,
			     is_plain ? item->key.offset : le64toh(extended.parent_objectid),
			     at + head, length, err);
		if (r < 0)
			return r;
		at += head + length;
		left -= head + length;
	}
	return 0;
}

static struct br_tree_range range_of_names(uint64_t ino)
{
	return (struct br_tree_range){ .first = { ino, BTRFS_INODE_REF_KEY, 0 },
				       .last = { ino, BTRFS_INODE_EXTREF_KEY, UINT64_MAX } };
}

static int visit_all(struct br_tree_search *search, const struct name_visit *v,
		     struct br_error *err)
{
	struct br_tree_item item;
	int r;

	while ((r = br_tree_search_next(search, &item, err)) > 0)
		if ((r = visit_refs(&item, v, err)) < 0)
			return r;
	return r;
}

int br_inode_visit_names(int fd, uint64_t ino,
			 int (*visit)(void *data, uint64_t dir, const char *name, size_t length,
				      struct br_error *err),
			 void *data, struct br_error *err)
{
	const struct br_tree_range range = range_of_names(ino);
	BR_AUTO_SEARCH search = { 0 };
	int r = br_tree_search_begin(&search, fd, &range, err);

	return r < 0 ? r : visit_all(&search, &(struct name_visit){ visit, data }, err);
}

int br_inode_visit_names_in(struct br_tree_window *window, uint64_t ino,
			    int (*visit)(void *data, uint64_t dir, const char *name, size_t length,
					 struct br_error *err),
			    void *data, struct br_error *err)
{
	const struct br_tree_range range = range_of_names(ino);
	struct br_tree_search search = br_tree_search_in(window, &range);

	return visit_all(&search, &(struct name_visit){ visit, data }, err);
}
