/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items of one btrfs tree, read ahead. */
#include "tree-window.h"

#include <errno.h>
#include <linux/btrfs.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE ((size_t)128 << 10)
#define ITEMS_MOST (BUFFER_SIZE / sizeof(struct btrfs_ioctl_search_header))

/*
 * A small file has four or five items, and a leaf those of some thirty: the first call gets an object and
 * what proves that there is no more of it, and seldom crosses into another leaf.
 */
#define ITEMS_FIRST 16

/* Objects no farther apart are in the same leaf mostly, which then has been read anyway. */
#define NEAR 16

struct br_tree_window br_tree_window_begin(int fd, uint64_t tree)
{
	return (struct br_tree_window){ .fd = fd, .tree = tree };
}

void br_tree_window_free(struct br_tree_window *window)
{
	free(window->buffer);
	free(window->offsets);
	*window = (struct br_tree_window){ .fd = -1 };
}

static int allocate(struct br_tree_window *window, struct br_error *err)
{
	if (!window->buffer)
		window->buffer = malloc(BUFFER_SIZE);
	if (!window->offsets)
		window->offsets = malloc(ITEMS_MOST * sizeof(*window->offsets));
	if (window->buffer && window->offsets)
		return 0;
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static struct br_tree_item item_at(const struct br_tree_window *window, size_t index)
{
	const char *at = window->buffer + window->offsets[index];
	struct btrfs_ioctl_search_header header;

	memcpy(&header, at, sizeof(header));
	return (struct br_tree_item){ .key = { header.objectid, header.type, header.offset },
				      .data = at + sizeof(header),
				      .size = header.len };
}

static void choose_wanted(struct br_tree_window *window, uint64_t object)
{
	bool is_near = window->wanted > 0 && object >= window->asked &&
		       object - window->asked <= NEAR;

	if (!is_near)
		window->wanted = ITEMS_FIRST;
	else if (window->wanted < ITEMS_MOST / 4)
		window->wanted *= 4;
	else
		window->wanted = ITEMS_MOST;
}

static int fill(struct br_tree_window *window, const struct br_tree_key *key, struct br_error *err)
{
	const struct br_tree_range range = {
		.tree = window->tree,
		.first = *key,
		.last = { UINT64_MAX, UINT8_MAX, UINT64_MAX },
	};
	struct br_tree_answer answer;
	int r;

	choose_wanted(window, key->object);
	window->count = 0;
	if ((r = allocate(window, err)) < 0 ||
	    (r = br_tree_fetch(window->fd, &range, window->wanted, window->buffer, BUFFER_SIZE,
			       &answer, err)) < 0)
		return r;
	for (uint32_t at = answer.begin; window->count < answer.count;) {
		struct btrfs_ioctl_search_header header;

		window->offsets[window->count++] = at;
		memcpy(&header, window->buffer + at, sizeof(header));
		at += (uint32_t)sizeof(header) + header.len;
	}
	window->first = *key;
	window->last = window->count > 0 ? item_at(window, window->count - 1).key : range.last;
	return 0;
}

/* Index of the first item that is not before the key; count: there is none. */
static size_t search(const struct br_tree_window *window, const struct br_tree_key *key)
{
	size_t first = 0, end = window->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;
		const struct br_tree_key at = item_at(window, middle).key;

		if (br_tree_key_compare(&at, key) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

int br_tree_window_find(struct br_tree_window *window, const struct br_tree_key *key,
			struct br_tree_item *item_ret, struct br_error *err)
{
	bool is_inside = window->wanted > 0 && br_tree_key_compare(key, &window->first) >= 0 &&
			 br_tree_key_compare(key, &window->last) <= 0;
	size_t index;

	if (!is_inside) {
		int r = fill(window, key, err);

		if (r < 0) {
			window->wanted = 0;
			return r;
		}
	}
	window->asked = key->object;
	index = search(window, key);
	if (index == window->count)
		return 0;
	*item_ret = item_at(window, index);
	return 1;
}
