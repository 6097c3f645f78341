/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the items of a btrfs tree. */
#include "tree-search.h"

#include "tree-window.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* The largest item is smaller than the largest node, 64 KiB. */
#define BUFFER_SIZE ((size_t)96 << 10)

int br_tree_search_begin(struct br_tree_search *search, int fd, const struct br_tree_range *range,
			 struct br_error *err)
{
	*search = (struct br_tree_search){ .fd = fd, .rest = *range };
	search->buffer = malloc(BUFFER_SIZE);
	if (!search->buffer)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return 0;
}

struct br_tree_search br_tree_search_in(struct br_tree_window *window,
					const struct br_tree_range *range)
{
	return (struct br_tree_search){ .fd = -1, .window = window, .rest = *range };
}

void br_tree_search_end(struct br_tree_search *search)
{
	free(search->buffer);
	*search = (struct br_tree_search){ .ended = true };
}

struct br_tree_range br_tree_range_of(uint64_t object, uint32_t type)
{
	return (struct br_tree_range){ .first = { object, type, 0 },
				       .last = { object, type, UINT64_MAX } };
}

/* The key after this one. False: there is none. */
static bool step(struct br_tree_key *key)
{
	if (++key->offset != 0)
		return true;
	if (++key->type <= UINT8_MAX)
		return true;
	key->type = 0;
	return ++key->object != 0;
}

int br_tree_key_compare(const struct br_tree_key *a, const struct br_tree_key *b)
{
	if (a->object != b->object)
		return a->object < b->object ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->offset == b->offset ? 0 : a->offset < b->offset ? -1 : 1;
}

static struct btrfs_ioctl_search_args_v2 arguments_of(const struct br_tree_range *range,
						      size_t buffer_size)
{
	return (struct btrfs_ioctl_search_args_v2){
		.key = { .tree_id = range->tree,
			 .min_objectid = range->first.object,
			 .min_type = range->first.type,
			 .min_offset = range->first.offset,
			 .max_objectid = range->last.object,
			 .max_type = range->last.type,
			 .max_offset = range->last.offset,
			 .min_transid = range->min_transid,
			 .max_transid = UINT64_MAX,
			 .nr_items = UINT32_MAX },
		.buf_size = buffer_size - sizeof(struct btrfs_ioctl_search_args_v2),
	};
}

static int fail(struct br_error *err)
{
	return br_error_set(err, BR_ERR_READ, errno, NULL, "items of a btrfs tree");
}

int br_tree_lookup(int fd, const struct br_tree_key *key, void *data, uint32_t size,
		   struct br_error *err)
{
	const struct br_tree_range range = { .first = *key, .last = *key };
	struct btrfs_ioctl_search_header header;
	/* the arguments end in the buffer that the kernel fills: one header, one item */
	union {
		struct btrfs_ioctl_search_args_v2 args;
		char space[sizeof(struct btrfs_ioctl_search_args_v2) + sizeof(header) +
			   BR_TREE_LOOKUP_MAX];
	} found;
	const char *item = found.space + sizeof(found.args);

	found.args = arguments_of(&range, sizeof(found));
	if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, &found.args) != 0)
		return fail(err);
	if (found.args.key.nr_items == 0)
		return 0;
	memcpy(&header, item, sizeof(header));
	if (header.len < size)
		return br_error_set(err, BR_ERR_READ, 0, NULL,
				    "an item of a btrfs tree is damaged");
	memcpy(data, item + sizeof(header), size);
	return 1;
}

int br_tree_fetch(int fd, const struct br_tree_range *range, uint32_t items, void *buffer,
		  size_t size, struct br_tree_answer *ret, struct br_error *err)
{
	struct btrfs_ioctl_search_args_v2 *args = buffer;

	*args = arguments_of(range, size);
	args->key.nr_items = items;
	if (ioctl(fd, BTRFS_IOC_TREE_SEARCH_V2, args) != 0)
		return fail(err);
	*ret = (struct br_tree_answer){ .count = args->key.nr_items, .begin = sizeof(*args) };
	return 0;
}

static int fill(struct br_tree_search *search, struct br_error *err)
{
	struct br_tree_answer answer = { 0 };
	int r = br_tree_fetch(search->fd, &search->rest, UINT32_MAX, search->buffer, BUFFER_SIZE,
			      &answer, err);

	if (r < 0)
		return r;
	search->filled = answer.count;
	search->used = answer.begin;
	search->ended = search->filled == 0;
	return 0;
}

/* What was handed out is not asked for again. */
static void go_on(struct br_tree_search *search, const struct br_tree_key *key)
{
	search->rest.first = *key;
	if (!step(&search->rest.first) ||
	    br_tree_key_compare(&search->rest.first, &search->rest.last) > 0)
		search->ended = true;
}

static int next_in_window(struct br_tree_search *search, struct br_tree_item *item_ret,
			  struct br_error *err)
{
	struct br_tree_item item;
	int r;

	if (search->ended)
		return 0;
	r = br_tree_window_find(search->window, &search->rest.first, &item, err);
	if (r < 0)
		return r;
	if (r == 0 || br_tree_key_compare(&item.key, &search->rest.last) > 0) {
		search->ended = true;
		return 0;
	}
	*item_ret = item;
	go_on(search, &item.key);
	return 1;
}

int br_tree_search_next(struct br_tree_search *search, struct br_tree_item *item_ret,
			struct br_error *err)
{
	struct btrfs_ioctl_search_header header;

	if (search->window)
		return next_in_window(search, item_ret, err);
	if (!search->ended && search->filled == 0) {
		int r = fill(search, err);

		if (r < 0)
			return r;
	}
	if (search->ended && search->filled == 0)
		return 0;
	memcpy(&header, search->buffer + search->used, sizeof(header));
	item_ret->key = (struct br_tree_key){ header.objectid, header.type, header.offset };
	item_ret->data = search->buffer + search->used + sizeof(header);
	item_ret->size = header.len;
	search->used += (uint32_t)sizeof(header) + header.len;
	search->filled--;
	go_on(search, &item_ret->key);
	return 1;
}
