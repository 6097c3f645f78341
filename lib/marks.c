/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The marks on the roots of many subvolumes, from their trees. */
#include "marks.h"

#include "cleanup.h"
#include "tree-inode.h"
#include "tree-search.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>

/* --- one subvolume --- */

/* An attribute as it is in a tree. */
struct attribute {
	const char *name, *value;
	size_t name_size, value_size;
};

static bool is_named(const struct attribute *attribute, const char *name)
{
	return attribute->name_size == strlen(name) &&
	       memcmp(attribute->name, name, attribute->name_size) == 0;
}

static uint64_t number_of(const struct attribute *attribute, uint64_t otherwise)
{
	return br_record_parse_number(attribute->value, attribute->value_size, otherwise);
}

static int take_comment(struct br_marks *marks, const struct attribute *attribute,
			struct br_error *err)
{
	if (attribute->value_size > BR_COMMENT_MAX)
		return 0; /* not one of ours */
	free(marks->comment);
	marks->comment = strndup(attribute->value, attribute->value_size);
	return marks->comment ? 0 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int take_attribute(struct br_marks *marks, const struct attribute *attribute,
			  struct br_error *err)
{
	uint64_t when;

	if (is_named(attribute, BR_XATTR_COMMENT))
		return take_comment(marks, attribute, err);
	if (is_named(attribute, BR_XATTR_GOOD)) {
		marks->is_good = true;
	} else if (is_named(attribute, BR_XATTR_PINNED)) {
		marks->is_pinned = true;
	} else if (is_named(attribute, BR_XATTR_REPLACED_BY)) {
		marks->replaced_by = number_of(attribute, 0);
	} else if (is_named(attribute, BR_XATTR_RETIRED)) {
		when = number_of(attribute, UINT64_MAX);
		marks->has_retired = when <= INT64_MAX;
		marks->retired = marks->has_retired ? (time_t)when : 0;
	}
	return 0;
}

/* Attributes whose names have the same hash share an item. */
static int take_item(struct br_marks *marks, const struct br_tree_item *item, struct br_error *err)
{
	const char *at = item->data, *end = at + item->size;
	struct btrfs_dir_item raw;

	while (at < end) {
		struct attribute attribute = { .name = at + sizeof(raw) };
		size_t left = (size_t)(end - at);
		int r;

		if (left >= sizeof(raw)) {
			memcpy(&raw, at, sizeof(raw));
			attribute.name_size = le16toh(raw.name_len);
			attribute.value_size = le16toh(raw.data_len);
		}
		if (left < sizeof(raw) + attribute.name_size + attribute.value_size)
			return br_error_set(err, BR_ERR_READ, 0, NULL,
					    "an attribute in a btrfs tree is damaged");
		attribute.value = attribute.name + attribute.name_size;
		if ((r = take_attribute(marks, &attribute, err)) < 0)
			return r;
		at = attribute.value + attribute.value_size;
	}
	return 0;
}

/*
 * What a root directory has besides its attributes is little; the kernel looks at the rest of the leaf only if it is
 * asked for more, and first touches every page of a buffer.
 */
#define ITEMS_FIRST 8
#define BUFFER_FIRST ((size_t)4 << 10)

static bool is_attribute(const struct br_tree_key *key)
{
	return key->object == BR_INODE_FIRST && key->type == BTRFS_XATTR_ITEM_KEY;
}

/* Does nothing that comes after this key belong to the attributes? */
static bool is_behind(const struct br_tree_key *key)
{
	return key->object > BR_INODE_FIRST || key->type > BTRFS_XATTR_ITEM_KEY;
}

/* Take them from the first few items. *is_done_ret: there are no others. */
static int take_first(struct br_marks *marks, const char *buffer,
		      const struct br_tree_answer *answer, bool *is_done_ret, struct br_error *err)
{
	const char *at = buffer + answer->begin;
	int r = 0;

	*is_done_ret = answer->count == 0;
	for (uint32_t i = 0; r == 0 && i < answer->count && !*is_done_ret; i++) {
		struct btrfs_ioctl_search_header header;
		struct br_tree_item item;

		memcpy(&header, at, sizeof(header));
		item = (struct br_tree_item){
			.key = { header.objectid, header.type, header.offset },
			.data = at + sizeof(header),
			.size = header.len,
		};
		*is_done_ret = is_behind(&item.key);
		if (is_attribute(&item.key))
			r = take_item(marks, &item, err);
		at += sizeof(header) + header.len;
	}
	return r;
}

static int read_rest(int fd, struct br_marks *marks, struct br_error *err)
{
	struct br_tree_range range = br_tree_range_of(BR_INODE_FIRST, BTRFS_XATTR_ITEM_KEY);
	BR_AUTO_SEARCH search = { 0 };
	struct br_tree_item item;
	int r;

	range.tree = marks->row->id;
	r = br_tree_search_begin(&search, fd, &range, err);
	while (r == 0 && (r = br_tree_search_next(&search, &item, err)) > 0)
		r = take_item(marks, &item, err);
	return r;
}

static int read_one(int fd, void *buffer, struct br_marks *marks, struct br_error *err)
{
	const struct br_tree_range range = {
		.tree = marks->row->id,
		.first = { BR_INODE_FIRST, 0, 0 },
		.last = { BR_INODE_LAST, UINT8_MAX, UINT64_MAX },
	};
	struct br_tree_answer answer;
	bool is_done = false;
	int r = br_tree_fetch(fd, &range, ITEMS_FIRST, buffer, BUFFER_FIRST, &answer, err);

	if (r == 0)
		r = take_first(marks, buffer, &answer, &is_done, err);
	/* also when the first ones do not fit */
	if ((r == 0 && !is_done) || (r < 0 && err->sys_errno == EOVERFLOW))
		r = read_rest(fd, marks, err);
	if (r < 0 && err->sys_errno == ENOENT) {
		marks->is_gone = true;
		return 0;
	}
	return r;
}

/* What was found before may not be all: a mark that protects it may be missing. */
static void set_unreadable(struct br_marks *marks, int sys_errno)
{
	free(marks->comment);
	*marks = (struct br_marks){ .row = marks->row,
				    .unreadable = sys_errno != 0 ? sys_errno : EUCLEAN };
}

/* --- all of them --- */

/* In the order on the disk: in one sweep, and neighbours together. */
static int compare_place(const void *a, const void *b)
{
	uint64_t left = ((const struct br_marks *)a)->row->block;
	uint64_t right = ((const struct br_marks *)b)->row->block;

	return (left > right) - (left < right);
}

int br_marks_read(int fd, struct br_marks *list, size_t count,
		  const struct br_subvol_row **failed_ret, struct br_error *err)
{
	BR_AUTO_FREE void *buffer = count > 0 ? malloc(BUFFER_FIRST) : NULL;
	int r = 0;

	if (count == 0)
		return 0;
	*failed_ret = list[0].row;
	if (!buffer)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	qsort(list, count, sizeof(*list), compare_place);
	for (size_t i = 0; r == 0 && i < count; i++) {
		*failed_ret = list[i].row;
		r = read_one(fd, buffer, &list[i], err);
		if (r < 0 && br_error_is_damage(err)) {
			set_unreadable(&list[i], err->sys_errno);
			r = 0;
		}
	}
	return r;
}

void br_marks_free(struct br_marks *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].comment);
		list[i].comment = NULL;
	}
}
