/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system with one file in it, "disk", which is another file, and a log (log.h) of all that
 * is done to it. Behind a loop device with direct I/O, the log is that of a disk.
 *
 *   recorder DISK LOG MOUNTPOINT CLIENT SECONDS
 *
 * Ends when it is unmounted, or by its guardian (guardian.h): CLIENT is the process it is for, its
 * parent. One thread: the order of the log is that of the requests.
 */
#define FUSE_USE_VERSION 31

#include "guardian.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DISK "/disk"

static int disk = -1, log_file = -1;

/* A log that cannot be written is worthless from there on: the request fails. */
static int append(enum log_type type, off_t offset, const char *data, size_t size)
{
	struct log_header header = {
		.magic = LOG_MAGIC,
		.type = type,
		.offset = (uint64_t)offset,
		.size = size,
	};
	const struct iovec parts[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = data ? size : 0 },
	};
	size_t all = parts[0].iov_len + parts[1].iov_len;

	return writev(log_file, parts, 2) == (ssize_t)all ? 0 : -EIO;
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *info)
{
	(void)info;
	if (strcmp(path, "/") == 0) {
		*st = (struct stat){ .st_mode = S_IFDIR | 0700, .st_nlink = 2 };
		return 0;
	}
	return strcmp(path, DISK) != 0 ? -ENOENT : fstat(disk, st) != 0 ? -errno : 0;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
	info->direct_io = 1;
	return strcmp(path, DISK) == 0 ? 0 : -ENOENT;
}

static int on_read(const char *path, char *data, size_t size, off_t offset,
		   struct fuse_file_info *info)
{
	ssize_t n = pread(disk, data, size, offset);

	(void)path;
	(void)info;
	return n < 0 ? -errno : (int)n;
}

static int on_write(const char *path, const char *data, size_t size, off_t offset,
		    struct fuse_file_info *info)
{
	(void)path;
	(void)info;
	if (append(LOG_WRITE, offset, data, size) != 0)
		return -EIO;
	return pwrite(disk, data, size, offset) == (ssize_t)size ? (int)size : -EIO;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
	(void)path;
	(void)data_only;
	(void)info;
	return append(LOG_FLUSH, 0, NULL, 0);
}

static int on_fallocate(const char *path, int mode, off_t offset, off_t size,
			struct fuse_file_info *info)
{
	(void)path;
	(void)info;
	if (!(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)))
		return -EOPNOTSUPP;
	if (append(LOG_DISCARD, offset, NULL, (size_t)size) != 0)
		return -EIO;
	mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	return fallocate(disk, mode, offset, size) == 0 ? 0 : -errno;
}

static const struct fuse_operations operations = {
	.getattr = on_getattr,
	.open = on_open,
	.read = on_read,
	.write = on_write,
	.fsync = on_fsync,
	.fallocate = on_fallocate,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	if (argc != 6) {
		fprintf(stderr, "usage: recorder DISK LOG MOUNTPOINT CLIENT SECONDS\n");
		return 2;
	}
	disk = open(argv[1], O_RDWR | O_CLOEXEC);
	log_file = open(argv[2], O_WRONLY | O_APPEND | O_CLOEXEC);
	if (disk < 0 || log_file < 0) {
		fprintf(stderr, "recorder: %s: %m\n", disk < 0 ? argv[1] : argv[2]);
		return 1;
	}
	struct fuse *fuse = fuse_new(&args, &operations, sizeof(operations), NULL);
	if (!fuse || fuse_mount(fuse, argv[3]) != 0)
		return 1;
	if (guardian_start(argv[3], atoi(argv[4]), (unsigned)atoi(argv[5])) != 0) {
		fprintf(stderr, "recorder: no guardian: %m\n");
		return 1;
	}
	return fuse_loop(fuse) == 0 ? 0 : 1;
}
