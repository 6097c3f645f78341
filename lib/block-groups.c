/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block groups of a file system. The chunk tree lists them; how much is used is in another item, which in the extent
 * tree stands among those of all extents: each is looked up by its full key, which the chunk gives.
 */
#include "block-groups.h"

#include "profile.h"
#include "tree-search.h"

#include <endian.h>
#include <errno.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Of headers older than Linux 6.1. */
#define BLOCK_GROUP_TREE_ID 11
#define FEATURE_BLOCK_GROUP_TREE (UINT64_C(1) << 3)

static int fail_damaged(struct br_error *err)
{
	return br_error_set(err, BR_ERR_READ, 0, NULL, "an item of a btrfs tree is damaged");
}

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int find_tree(int fd, uint64_t *tree_ret, struct br_error *err)
{
	struct btrfs_ioctl_feature_flags features = { 0 };

	if (ioctl(fd, BTRFS_IOC_GET_FEATURES, &features) != 0)
		return br_error_set(err, BR_ERR_READ, errno, NULL, "features of the file system");
	*tree_ret = features.compat_ro_flags & FEATURE_BLOCK_GROUP_TREE
			    ? BLOCK_GROUP_TREE_ID
			    : BTRFS_EXTENT_TREE_OBJECTID;
	return 0;
}

static int take_devices(const struct br_tree_item *item, struct br_block_group *group,
			struct br_error *err)
{
	const char *stripes = (const char *)item->data + offsetof(struct btrfs_chunk, stripe);

	group->devices = calloc(group->device_count, sizeof(*group->devices));
	if (!group->devices)
		return no_memory(err);
	for (size_t i = 0; i < group->device_count; i++) {
		struct btrfs_stripe stripe;

		memcpy(&stripe, stripes + i * sizeof(stripe), sizeof(stripe));
		group->devices[i] = le64toh(stripe.devid);
	}
	return 0;
}

static int add_chunk(struct br_block_groups *list, const struct br_tree_item *item,
		     struct br_error *err)
{
	struct br_block_group *grown, group;
	struct btrfs_chunk chunk;
	size_t count;
	int r;

	if (item->size < sizeof(chunk))
		return fail_damaged(err);
	memcpy(&chunk, item->data, sizeof(chunk));
	count = le16toh(chunk.num_stripes);
	if (count == 0 ||
	    item->size < offsetof(struct btrfs_chunk, stripe) + count * sizeof(struct btrfs_stripe))
		return fail_damaged(err);
	group = (struct br_block_group){ .start = item->key.offset,
					 .length = le64toh(chunk.length),
					 .flags = le64toh(chunk.type),
					 .device_count = count };
	group.on_device = group.length / br_profile_data_stripes(group.flags, count);
	grown = reallocarray(list->groups, list->count + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	list->groups = grown;
	if ((r = take_devices(item, &group, err)) == 0)
		list->groups[list->count++] = group;
	return r;
}

static int read_chunks(int fd, struct br_block_groups *list, struct br_error *err)
{
	const struct br_tree_key first = { BTRFS_FIRST_CHUNK_TREE_OBJECTID, BTRFS_CHUNK_ITEM_KEY,
					   0 };
	const struct br_tree_key last = { BTRFS_FIRST_CHUNK_TREE_OBJECTID, BTRFS_CHUNK_ITEM_KEY,
					  UINT64_MAX };
	const struct br_tree_range range = { BTRFS_CHUNK_TREE_OBJECTID, first, last, 0 };
	BR_AUTO_SEARCH search;
	struct br_tree_item item;
	int r = br_tree_search_begin(&search, fd, &range, err);

	while (r == 0 && (r = br_tree_search_next(&search, &item, err)) == 1)
		r = add_chunk(list, &item, err);
	return r;
}

/* One that is not there yet, or not any more, is as full as can be: nobody takes it for one to be emptied. */
static int read_used(int fd, uint64_t tree, struct br_block_group *group, void *buffer, size_t size,
		     struct br_error *err)
{
	const struct br_tree_key key = { group->start, BTRFS_BLOCK_GROUP_ITEM_KEY, group->length };
	const struct br_tree_range range = { tree, key, key, 0 };
	struct btrfs_block_group_item item;
	struct btrfs_ioctl_search_header header;
	struct br_tree_answer answer = { 0 };
	const char *at = buffer;
	int r = br_tree_fetch(fd, &range, 1, buffer, size, &answer, err);

	if (r < 0)
		return r;
	group->used = group->length;
	if (answer.count == 0)
		return 0;
	memcpy(&header, at + answer.begin, sizeof(header));
	if (header.len < sizeof(item))
		return fail_damaged(err);
	memcpy(&item, at + answer.begin + sizeof(header), sizeof(item));
	group->used = le64toh(item.used);
	return 0;
}

int br_block_groups_read(int fd, struct br_block_groups *ret, struct br_error *err)
{
	struct br_block_groups list = { 0 };
	uint64_t buffer[512];
	uint64_t tree = 0;
	int r = find_tree(fd, &tree, err);

	if (r == 0)
		r = read_chunks(fd, &list, err);
	for (size_t i = 0; r == 0 && i < list.count; i++)
		r = read_used(fd, tree, &list.groups[i], buffer, sizeof(buffer), err);
	if (r < 0)
		br_block_groups_free(&list);
	else
		*ret = list;
	return r;
}

void br_block_groups_free(struct br_block_groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->count; i++)
		free(groups->groups[i].devices);
	free(groups->groups);
	*groups = (struct br_block_groups){ 0 };
}
