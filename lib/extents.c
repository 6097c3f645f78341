/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The content of files, compared by where it lies on the disk. */
#include "extents.h"

#include "beneath.h"
#include "cleanup.h"
#include "tree-search.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/btrfs_tree.h>
#include <stddef.h>
#include <string.h>

#define CHUNK ((size_t)128 << 10)

/* A range of a file that is described by one item, or by none. */
struct extent {
	uint64_t begin, end;
	uint64_t disk;     /* of the extent's first byte; 0: zeros */
	uint64_t shift;    /* of the file's byte 0 in the extent, modulo 2^64 */
	bool is_inline;    /* its bytes are in the tree */
	uint32_t encoding; /* of them; 0: they are what the file has */
};

/* The bytes of an inline extent as they are in the tree. There is one in a file at most, the first. */
struct inline_bytes {
	char *bytes; /* NULL: there are none */
	size_t size;
};

struct cursor {
	const struct br_extents_file *file;
	struct br_tree_search search;
	struct extent now;  /* the range at the position */
	struct extent next; /* of the item behind it */
	bool has_next;
	struct inline_bytes in_tree;
	int fd; /* of the file, opened when something has to be read */
};

/*
 * Compressed extents are compared as the whole that they are: same start on the disk, same shift
 * is the same data.
 */
static int parse(const struct br_tree_item *item, struct extent *ret, struct br_error *err)
{
	struct btrfs_file_extent_item raw = { 0 };
	size_t head = offsetof(struct btrfs_file_extent_item, disk_bytenr);

	if (item->size < head)
		goto damaged;
	memcpy(&raw, item->data, item->size < sizeof(raw) ? head : sizeof(raw));
	*ret = (struct extent){ .begin = item->key.offset };
	if (raw.type == BTRFS_FILE_EXTENT_INLINE) {
		ret->end = ret->begin + le64toh(raw.ram_bytes);
		ret->is_inline = true;
		ret->encoding = raw.compression | (uint32_t)raw.encryption << 8 |
				(uint32_t)le16toh(raw.other_encoding) << 16;
		return 0;
	}
	if (item->size < sizeof(raw))
		goto damaged;
	ret->end = ret->begin + le64toh(raw.num_bytes);
	if (raw.type == BTRFS_FILE_EXTENT_REG)
		ret->disk = le64toh(raw.disk_bytenr);
	ret->shift = le64toh(raw.offset) - ret->begin;
	return 0;
damaged:
	return br_error_set(err, BR_ERR_READ, 0, NULL, "extent of inode %llu is damaged",
			    (unsigned long long)item->key.object);
}

/* Only as long as the search is not used again, the item is there. */
static int keep_inline(struct cursor *cursor, const struct br_tree_item *item, struct br_error *err)
{
	const size_t head = offsetof(struct btrfs_file_extent_item, disk_bytenr);
	struct inline_bytes *in_tree = &cursor->in_tree;

	free(in_tree->bytes);
	in_tree->size = item->size - head;
	in_tree->bytes = malloc(in_tree->size + 1);
	if (!in_tree->bytes)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	memcpy(in_tree->bytes, (const char *)item->data + head, in_tree->size);
	return 0;
}

static int read_next(struct cursor *cursor, struct br_error *err)
{
	struct br_tree_item item;
	int r = br_tree_search_next(&cursor->search, &item, err);

	cursor->has_next = r > 0;
	if (r > 0)
		r = parse(&item, &cursor->next, err);
	return r == 0 && cursor->has_next && cursor->next.is_inline
		       ? keep_inline(cursor, &item, err)
		       : r;
}

/* Go to the range that holds a position, which never goes back. */
static int seek(struct cursor *cursor, uint64_t position, struct br_error *err)
{
	while (cursor->has_next && cursor->next.begin <= position) {
		int r;

		cursor->now = cursor->next;
		if ((r = read_next(cursor, err)) < 0)
			return r;
	}
	if (position >= cursor->now.end) /* a hole without an item */
		cursor->now = (struct extent){ .begin = position,
					       .end = cursor->has_next ? cursor->next.begin
								       : UINT64_MAX };
	return 0;
}

static int cursor_begin(struct cursor *cursor, const struct br_extents_file *file,
			struct br_error *err)
{
	const struct br_tree_range range = br_tree_range_of(file->ino, BTRFS_EXTENT_DATA_KEY);

	*cursor = (struct cursor){ .file = file,
				   .search = br_tree_search_in(file->window, &range),
				   .fd = -1 };
	return read_next(cursor, err);
}

static void cursor_end(struct cursor *cursor)
{
	free(cursor->in_tree.bytes);
	br_cleanup_close(&cursor->fd);
}

static bool is_same_place(const struct extent *a, const struct extent *b)
{
	if (a->is_inline || b->is_inline || a->disk != b->disk)
		return false;
	return a->disk == 0 || a->shift == b->shift;
}

/*
 * Bytes in the trees that tell, without the files being opened, which costs a hundred times as much. False: they are
 * compressed and not equal, which tells nothing.
 */
static bool is_told_by_trees(const struct cursor *a, const struct cursor *b, uint64_t begin,
			     uint64_t end, bool *same)
{
	const struct inline_bytes *x = &a->in_tree, *y = &b->in_tree;

	if (!a->now.is_inline || !b->now.is_inline || begin != 0)
		return false;
	if (a->now.encoding == b->now.encoding && a->now.end == b->now.end && x->size == y->size &&
	    memcmp(x->bytes, y->bytes, x->size) == 0)
		return true;
	if (a->now.encoding || b->now.encoding || x->size < end || y->size < end)
		return false;
	*same = memcmp(x->bytes, y->bytes, end) == 0;
	return true;
}

static int read_chunk(struct cursor *cursor, char *buffer, uint64_t position, size_t size,
		      struct br_error *err)
{
	const char *path = cursor->file->path;
	ssize_t n;
	int r;

	if (cursor->fd < 0 && (r = br_open_beneath(cursor->file->fd, path, O_RDONLY | O_NONBLOCK, 0,
						   &cursor->fd, err)) < 0)
		return r;
	while (size > 0) {
		n = pread(cursor->fd, buffer, size, (off_t)position);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return br_error_set(err, BR_ERR_READ, n < 0 ? errno : EIO, path, NULL);
		buffer += n;
		position += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

static int compare_bytes(struct cursor *a, struct cursor *b, uint64_t begin, uint64_t end,
			 bool *same, struct br_error *err)
{
	BR_AUTO_FREE char *buffer = malloc(2 * CHUNK);

	if (!buffer)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	while (*same && begin < end) {
		size_t size = end - begin < CHUNK ? (size_t)(end - begin) : CHUNK;
		int r;

		if ((r = read_chunk(a, buffer, begin, size, err)) < 0 ||
		    (r = read_chunk(b, buffer + CHUNK, begin, size, err)) < 0)
			return r;
		*same = memcmp(buffer, buffer + CHUNK, size) == 0;
		begin += size;
	}
	return 0;
}

static int compare_files(struct cursor *a, struct cursor *b, uint64_t size, bool *same,
			 struct br_error *err)
{
	uint64_t position = 0;

	while (*same && position < size) {
		uint64_t end = size;
		int r;

		if ((r = seek(a, position, err)) < 0 || (r = seek(b, position, err)) < 0)
			return r;
		if (a->now.end < end)
			end = a->now.end;
		if (b->now.end < end)
			end = b->now.end;
		if (!is_same_place(&a->now, &b->now) &&
		    !is_told_by_trees(a, b, position, end, same) &&
		    (r = compare_bytes(a, b, position, end, same, err)) < 0)
			return r;
		position = end;
	}
	return 0;
}

static int read_target(const struct br_extents_file *link, char *target, uint64_t size,
		       struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_open_beneath(link->fd, link->path, O_PATH | O_NOFOLLOW, 0, &fd, err);

	if (r < 0)
		return r;
	if (readlinkat(fd, "", target, size) != (ssize_t)size)
		return br_error_set(err, BR_ERR_READ, errno, link->path, NULL);
	return 0;
}

static int compare_targets(const struct br_extents_file *a, const struct br_extents_file *b,
			   uint64_t size, bool *same, struct br_error *err)
{
	BR_AUTO_FREE char *targets = malloc(2 * size + 1);
	int r;

	if (!targets)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if ((r = read_target(a, targets, size, err)) < 0 ||
	    (r = read_target(b, targets + size, size, err)) < 0)
		return r;
	*same = memcmp(targets, targets + size, size) == 0;
	return 0;
}

int br_extents_compare(const struct br_extents_file *a, const struct br_extents_file *b,
		       uint64_t size, bool is_link, bool *same_ret, struct br_error *err)
{
	struct cursor at_a = { .fd = -1 }, at_b = { .fd = -1 };
	bool same = true;
	int r;

	if (is_link) {
		r = compare_targets(a, b, size, &same, err);
	} else {
		r = cursor_begin(&at_a, a, err);
		if (r == 0)
			r = cursor_begin(&at_b, b, err);
		if (r == 0)
			r = compare_files(&at_a, &at_b, size, &same, err);
		cursor_end(&at_a);
		cursor_end(&at_b);
	}
	if (r == 0)
		*same_ret = same;
	return r;
}
