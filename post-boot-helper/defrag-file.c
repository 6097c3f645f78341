/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking at one file, and writing it anew. */
#include "defrag.h"

#include "job-signals.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define MIB (UINT64_C(1) << 20)
#define EXTENTS_AT_ONCE 256
#define COMPRESSED_MAX (UINT64_C(128) << 10) /* bytes of a file in one compressed extent */
#define PART (64 * MIB)
#define EXTENT_ENOUGH (32 * MIB) /* one that is larger is left: as btrfs-progs has it */

/* Of headers older than Linux 6.16. */
#define RANGE_COMPRESS_LEVEL 4
#define RANGE_NOCOMPRESS 8

/* --- looking --- */

/* The extents follow the head. */
union map {
	struct fiemap head;
	char space[sizeof(struct fiemap) + EXTENTS_AT_ONCE * sizeof(struct fiemap_extent)];
};

/* A compressed extent that is as long as can be is no fragment. */
struct count {
	uint64_t extents, fragments, shared;
	bool is_last;
};

static void count_extent(const struct fiemap_extent *extent, struct count *count)
{
	bool is_full = extent->fe_flags & FIEMAP_EXTENT_ENCODED &&
		       extent->fe_length >= COMPRESSED_MAX;

	count->extents++;
	count->fragments += !is_full && !(extent->fe_flags & FIEMAP_EXTENT_DATA_INLINE);
	if (extent->fe_flags & FIEMAP_EXTENT_SHARED)
		count->shared += extent->fe_length;
	count->is_last = extent->fe_flags & FIEMAP_EXTENT_LAST;
}

static int count_extents(int fd, struct count *count, struct br_error *err)
{
	union map map;
	uint64_t start = 0;

	while (!count->is_last) {
		memset(&map.head, 0, sizeof(map.head));
		map.head.fm_start = start;
		map.head.fm_length = FIEMAP_MAX_OFFSET - start;
		map.head.fm_flags = start == 0 ? FIEMAP_FLAG_SYNC : 0;
		map.head.fm_extent_count = EXTENTS_AT_ONCE;
		if (ioctl(fd, FS_IOC_FIEMAP, &map.head) != 0)
			return br_error_set(err, BR_ERR_READ, errno, NULL, "where its data lies");
		if (map.head.fm_mapped_extents == 0)
			return 0;
		for (uint32_t i = 0; i < map.head.fm_mapped_extents; i++) {
			count_extent(&map.head.fm_extents[i], count);
			start = map.head.fm_extents[i].fe_logical +
				map.head.fm_extents[i].fe_length;
		}
	}
	return 0;
}

/* A lease for reading is not to be had while somebody has it open for writing. Where there are none: nobody has. */
static bool is_busy(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK); /* it was ours */
	return false;
}

static bool is_nodatacow(int fd)
{
	int flags = 0;

	return ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && flags & FS_NOCOW_FL;
}

static bool wants_compression(const struct defrag_how *how)
{
	return how->compress != DEFRAG_AS_IT_IS && how->compress != DEFRAG_UNCOMPRESSED;
}

int defrag_look(int fd, const struct defrag_how *how, struct defrag_file *ret, struct br_error *err)
{
	struct count count = { 0 };
	struct stat st;
	int r;

	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, NULL, NULL);
	if ((r = count_extents(fd, &count, err)) < 0)
		return r;
	*ret = (struct defrag_file){ .verdict = DEFRAG_WANTED,
				     .size = (uint64_t)st.st_size,
				     .extents = count.extents,
				     .shared = count.shared };
	if (count.fragments == 0 || (how->compress == DEFRAG_AS_IT_IS && count.fragments < 2))
		ret->verdict = how->compress == DEFRAG_UNCOMPRESSED && count.extents > 0
				       ? DEFRAG_WANTED
				       : DEFRAG_NOT_NEEDED;
	else if (wants_compression(how) && is_nodatacow(fd))
		ret->verdict = DEFRAG_NOT_COMPRESSIBLE;
	if (ret->verdict == DEFRAG_WANTED && !how->busy && is_busy(fd))
		ret->verdict = DEFRAG_BUSY;
	return 0;
}

/* --- writing --- */

/* Type in the first byte, level in the second: what was the type alone, little endian. */
static void set_compression(struct btrfs_ioctl_defrag_range_args *args,
			    const struct defrag_how *how)
{
	static const uint8_t types[] = { [DEFRAG_ZLIB] = 1, [DEFRAG_LZO] = 2, [DEFRAG_ZSTD] = 3 };
	const struct {
		uint8_t type;
		int8_t level;
	} compress = { types[how->compress], (int8_t)how->level };

	args->flags |= BTRFS_DEFRAG_RANGE_COMPRESS;
	args->compress_type = types[how->compress];
	if (how->level == 0)
		return;
	args->flags |= RANGE_COMPRESS_LEVEL;
	args->compress_type = 0;
	memcpy(&args->compress_type, &compress, sizeof(compress));
}

static struct btrfs_ioctl_defrag_range_args args_of(const struct defrag_how *how)
{
	struct btrfs_ioctl_defrag_range_args args = { .flags = BTRFS_DEFRAG_RANGE_START_IO,
						      .extent_thresh = EXTENT_ENOUGH };

	if (how->compress == DEFRAG_UNCOMPRESSED)
		args.flags |= RANGE_NOCOMPRESS;
	else if (how->compress != DEFRAG_AS_IT_IS)
		set_compression(&args, how);
	return args;
}

static int fail(const struct btrfs_ioctl_defrag_range_args *args, struct br_error *err)
{
	if (errno == ETXTBSY)
		return 1;
	if ((errno == EOPNOTSUPP || errno == EINVAL) &&
	    args->flags & (RANGE_COMPRESS_LEVEL | RANGE_NOCOMPRESS))
		return br_error_set(err, BR_ERR_JOB, errno, NULL,
				    "this kernel is too old for %s (Linux 6.15 or later)",
				    args->flags & RANGE_NOCOMPRESS ? "--compress=none"
								   : "a level of compression");
	return br_error_set(err, BR_ERR_JOB, errno, NULL,
			    errno == EROFS ? "it is in a read-only subvolume" : NULL);
}

int defrag_file(int fd, const struct defrag_how *how, uint64_t size, struct br_error *err)
{
	struct btrfs_ioctl_defrag_range_args args = args_of(how);

	for (uint64_t start = 0; start < size && job_signals_came() == 0; start += PART) {
		args.start = start;
		args.len = PART;
		if (ioctl(fd, BTRFS_IOC_DEFRAG_RANGE, &args) != 0)
			return fail(&args, err);
	}
	return 0;
}
