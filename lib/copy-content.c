/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a regular file: shared where the file system can, else read and written. */
#include "copy-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DATA_SIZE ((size_t)256 * 1024)
#define FIEMAP_BATCH 32

/* One piece of work for the functions below. */
struct content {
	const struct br_object *src, *dst;
	off_t size;
	char *data;
	struct br_copy *copy;
};

static int write_all(const struct content *content, size_t size, off_t offset, struct br_error *err)
{
	for (size_t done = 0; done < size;) {
		ssize_t put = pwrite(content->dst->fd, content->data + done, size - done,
				     offset + (off_t)done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return br_error_set(err, BR_ERR_WRITE, errno, content->dst->name, NULL);
		done += (size_t)put;
	}
	return 0;
}

static int copy_range(struct content *content, off_t from, off_t to, struct br_error *err)
{
	while (from < to) {
		size_t wanted = (uint64_t)(to - from) < DATA_SIZE ? (size_t)(to - from) : DATA_SIZE;
		ssize_t got = pread(content->src->fd, content->data, wanted, from);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return br_error_set(err, BR_ERR_READ, errno, content->src->name, NULL);
		if (got == 0)
			return br_error_set(err, BR_ERR_READ, 0, content->src->name,
					    "became shorter");
		r = write_all(content, (size_t)got, from, err);
		if (r < 0)
			return r;
		from += got;
		content->copy->stats.bytes_copied += (uint64_t)got;
		br_copy_tell_progress(content->copy);
	}
	return 0;
}

/* Everything that is not a hole. */
static int copy_data(struct content *content, struct br_error *err)
{
	off_t data, hole = 0;

	while (hole < content->size) {
		int r;

		data = lseek(content->src->fd, hole, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data < 0)
			return br_error_set(err, BR_ERR_READ, errno, content->src->name,
					    "cannot find data");
		hole = lseek(content->src->fd, data, SEEK_HOLE);
		if (hole < 0)
			return br_error_set(err, BR_ERR_READ, errno, content->src->name,
					    "cannot find holes");
		r = copy_range(content, data, hole < content->size ? hole : content->size, err);
		if (r < 0)
			return r;
	}
	if (ftruncate(content->dst->fd, content->size) != 0)
		return br_error_set(err, BR_ERR_WRITE, errno, content->dst->name,
				    "cannot set the size");
	return 0;
}

static int preallocate(const struct content *content, const struct fiemap_extent *extent,
		       struct br_error *err)
{
	if (!(extent->fe_flags & FIEMAP_EXTENT_UNWRITTEN))
		return 0;
	if (fallocate(content->dst->fd, FALLOC_FL_KEEP_SIZE, (off_t)extent->fe_logical,
		      (off_t)extent->fe_length) != 0 &&
	    !(content->dst->is_foreign && errno == EOPNOTSUPP))
		return br_error_set(err, BR_ERR_WRITE, errno, content->dst->name,
				    "cannot preallocate");
	return 0;
}

/* struct fiemap with its flexible array filled in. */
union fiemap_space {
	struct fiemap map;
	char space[sizeof(struct fiemap) + FIEMAP_BATCH * sizeof(struct fiemap_extent)];
};

/* To lseek(2) a range that was preallocated and never written is a hole. */
static int copy_preallocation(const struct content *content, struct br_error *err)
{
	union fiemap_space space;
	struct fiemap *map = &space.map;
	uint64_t start = 0;

	do {
		*map = (struct fiemap){ .fm_start = start,
					.fm_length = (uint64_t)content->size - start,
					.fm_extent_count = FIEMAP_BATCH };
		if (ioctl(content->src->fd, FS_IOC_FIEMAP, map) != 0)
			return br_error_set(err, BR_ERR_READ, errno, content->src->name,
					    "cannot map extents");
		for (unsigned i = 0; i < map->fm_mapped_extents; i++) {
			const struct fiemap_extent *extent = &map->fm_extents[i];
			int r = preallocate(content, extent, err);

			if (r < 0)
				return r;
			start = extent->fe_logical + extent->fe_length;
		}
	} while (map->fm_mapped_extents == FIEMAP_BATCH && start < (uint64_t)content->size);
	return 0;
}

static int copy_bytes(struct br_copy *copy, struct content *content, struct br_error *err)
{
	int r;

	if (!copy->data)
		copy->data = malloc(DATA_SIZE);
	if (!copy->data)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, content->src->name, NULL);
	content->data = copy->data;
	r = copy_data(content, err);
	if (r == 0)
		r = copy_preallocation(content, err);
	return r;
}

/*
 * Not an error of this file, but one that cannot be cloned: one has checksums and the other does
 * not (EINVAL), an active swap file (ETXTBSY), two mounts (EXDEV, before Linux 5.18).
 */
static bool must_be_copied(int clone_errno)
{
	return clone_errno == EINVAL || clone_errno == EOPNOTSUPP || clone_errno == EXDEV ||
	       clone_errno == ETXTBSY;
}

/* Share the data. Returns 1 when it has to be copied. */
static int clone(const struct br_object *src, const struct br_object *dst, unsigned flags,
		 struct br_error *err)
{
	if (ioctl(dst->fd, FICLONE, src->fd) == 0)
		return 0;
	if (errno == EINVAL) { /* perhaps the copy is the one without checksums */
		int r = br_attributes_reset_data_flags(dst, flags, err);

		if (r < 0)
			return r;
		if (ioctl(dst->fd, FICLONE, src->fd) == 0)
			return 0;
	}
	return must_be_copied(errno) ? 1 : br_error_set(err, BR_ERR_CLONE, errno, src->name, NULL);
}

#define SWAP_SIGNATURE "SWAPSPACE2"

/* Without copy-on-write, or the kernel would not have taken it for swap either. */
static bool is_swap_file(const struct br_object *object, const struct br_attributes *attributes)
{
	char bytes[sizeof(SWAP_SIGNATURE) - 1];
	off_t at = (off_t)sysconf(_SC_PAGESIZE) - (off_t)sizeof(bytes);

	return attributes->flags & FS_NOCOW_FL &&
	       pread(object->fd, bytes, sizeof(bytes), at) == (ssize_t)sizeof(bytes) &&
	       memcmp(bytes, SWAP_SIGNATURE, sizeof(bytes)) == 0;
}

static void count_shared(struct br_copy *copy, const struct br_object *src,
			 const struct br_attributes *from)
{
	copy->stats.bytes_shared += from->stx.stx_size;
	copy->stats.swap_files += is_swap_file(src, from);
}

int br_copy_content(struct br_copy *copy, const struct br_object *src, const struct br_object *dst,
		    const struct br_attributes *from, struct br_error *err)
{
	struct content content = {
		.copy = copy, .src = src, .dst = dst, .size = (off_t)from->stx.stx_size
	};
	int r = 1;

	if (content.size == 0)
		return 0;
	if (!copy->options->without_reflink)
		r = clone(src, dst, from->flags, err);
	if (r == 0)
		count_shared(copy, src, from);
	return r > 0 ? copy_bytes(copy, &content, err) : r;
}
