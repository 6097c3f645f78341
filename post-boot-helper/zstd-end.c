/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where zstd data ends in a file. All numbers in it are little-endian. */
#include "zstd-end.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define FRAME_MAGIC 0xfd2fb528
#define SKIPPABLE_MAGIC 0x184d2a50 /* the last four bits may be any */
#define CHECKSUM_SIZE 4
#define BLOCK_HEADER_SIZE 3
#define BLOCK_RLE 1

static bool read_number(int fd, uint64_t at, size_t size, uint32_t *ret)
{
	unsigned char bytes[4];
	ssize_t n;

	do {
		n = pread(fd, bytes, size, (off_t)at);
	} while (n < 0 && errno == EINTR);
	*ret = 0;
	for (size_t i = size; i-- > 0;)
		*ret = *ret << 8 | bytes[i];
	return n >= 0 && (size_t)n == size;
}

static uint64_t header_size(unsigned descriptor)
{
	static const unsigned dictionary[] = { 0, 1, 2, 4 };
	static const unsigned content[] = { 0, 2, 4, 8 };
	bool is_single = descriptor & 0x20;
	unsigned size = content[descriptor >> 6];

	if (is_single && size == 0)
		size = 1;
	return 1 + (is_single ? 0 : 1) + dictionary[descriptor & 3] + size;
}

/* at: behind the magic. False: it is cut off. */
static bool skip_frame(int fd, uint64_t *at, uint64_t end)
{
	uint32_t descriptor, block;

	if (!read_number(fd, *at, 1, &descriptor))
		return false;
	*at += header_size(descriptor);
	do {
		if (*at > end || !read_number(fd, *at, BLOCK_HEADER_SIZE, &block))
			return false;
		*at += BLOCK_HEADER_SIZE + ((block >> 1 & 3) == BLOCK_RLE ? 1 : block >> 3);
	} while (!(block & 1));
	*at += descriptor & 4 ? CHECKSUM_SIZE : 0;
	return *at <= end;
}

uint64_t zstd_end(int fd, uint64_t offset, uint64_t end)
{
	uint64_t at = offset;
	uint32_t magic, size;

	while (at < end && read_number(fd, at, sizeof(magic), &magic)) {
		uint64_t next = at + sizeof(magic);

		if ((magic & ~0xfU) == SKIPPABLE_MAGIC) {
			if (!read_number(fd, next, sizeof(size), &size))
				return end;
			next += sizeof(size) + size;
		} else if (magic != FRAME_MAGIC) {
			break;
		} else if (!skip_frame(fd, &next, end)) {
			return end;
		}
		at = next;
	}
	return at < end ? at : end;
}
