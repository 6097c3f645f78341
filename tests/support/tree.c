/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Building test trees from tables. */
#include "tree.h"

#include "cleanup.h"
#include "run.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define CHUNK 65536
#define FAIL(path, what) ck_abort_msg("%s: %s: %s", (path), (what), strerror(errno))

/* The content of every byte of every file: a mix of seed and position. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static void fill_chunk(unsigned char *buf, uint64_t offset, size_t size, unsigned seed,
		       bool compressible)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t at = offset + i;
		uint64_t word = mix(((uint64_t)seed << 40) + (at >> (compressible ? 12 : 3)));

		buf[i] = (unsigned char)(word >> (at & 7) * 8);
	}
}

void tree_fill(int fd, uint64_t offset, uint64_t length, unsigned seed, bool compressible)
{
	BR_AUTO_FREE unsigned char *buf = malloc(CHUNK);

	ck_assert_ptr_nonnull(buf);
	while (length > 0) {
		size_t size = length < CHUNK ? (size_t)length : CHUNK;

		fill_chunk(buf, offset, size, seed, compressible);
		if (pwrite(fd, buf, size, (off_t)offset) != (ssize_t)size)
			FAIL("file content", "write");
		offset += size;
		length -= size;
	}
}

int tree_open(int dirfd, const char *path, bool write)
{
	int fd = openat(dirfd, path,
			(write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		FAIL(path, "open");
	return fd;
}

int tree_mkdir(int dirfd, const char *path)
{
	if (mkdirat(dirfd, path, 0755) != 0)
		FAIL(path, "mkdir");
	return tree_open(dirfd, path, false);
}

void tree_write(int dirfd, const char *path, const char *text)
{
	BR_AUTO_CLOSE int fd = openat(dirfd, path,
				      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		FAIL(path, "create");
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL(path, "write");
}

char *tree_read(int dirfd, const char *path)
{
	BR_AUTO_CLOSE int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = calloc(1, CHUNK);

	ck_assert_ptr_nonnull(text);
	if (fd < 0 && errno == ENOENT) {
		free(text);
		return NULL;
	}
	if (fd < 0 || read(fd, text, CHUNK - 1) < 0)
		FAIL(path, "read");
	return text;
}

bool tree_exists(int dirfd, const char *path)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		FAIL(path, "stat");
	return false;
}

void tree_set_xattr(int dirfd, const char *path, const char *name, const void *value, size_t size)
{
	BR_AUTO_FREE char *full = NULL;

	/* the one way to reach a link itself relative to a descriptor */
	ck_assert(asprintf(&full, "/proc/self/fd/%d/%s", dirfd, path) > 0);
	if (lsetxattr(full, name, value, size, 0) != 0)
		FAIL(path, name);
}

void tree_change_flags(int dirfd, const char *path, unsigned set, unsigned clear)
{
	BR_AUTO_CLOSE int fd = tree_open(dirfd, path, false);
	unsigned flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		FAIL(path, "FS_IOC_GETFLAGS");
	flags = (flags & ~clear) | set;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) != 0)
		FAIL(path, "FS_IOC_SETFLAGS");
}

void tree_set_time(int dirfd, const char *path, struct timespec time)
{
	const struct timespec times[2] = { time, time };

	if (utimensat(dirfd, path, times, AT_SYMLINK_NOFOLLOW) != 0)
		FAIL(path, "utimensat");
}

void tree_preallocate(int dirfd, const char *path, uint64_t offset, uint64_t length)
{
	BR_AUTO_CLOSE int fd = tree_open(dirfd, path, true);

	if (fallocate(fd, 0, (off_t)offset, (off_t)length) != 0)
		FAIL(path, "fallocate");
}

static unsigned seed_of(const char *path)
{
	unsigned seed = 5381;

	while (*path)
		seed = seed * 33 + (unsigned char)*path++;
	return seed;
}

static void make_file(int dirfd, const struct tree_node *node)
{
	BR_AUTO_CLOSE int fd = openat(dirfd, node->path,
				      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	const struct tree_range everything[] = { { 0, node->size }, { 0, 0 } };

	if (fd < 0)
		FAIL(node->path, "create");
	if (ftruncate(fd, (off_t)node->size) != 0)
		FAIL(node->path, "ftruncate");
	for (const struct tree_range *range = node->ranges ? node->ranges : everything;
	     range->length; range++)
		tree_fill(fd, range->offset, range->length, seed_of(node->path),
			  node->compressible);
}

static void make_special(int dirfd, const struct tree_node *node)
{
	static const mode_t type[] = { [TREE_FIFO] = S_IFIFO,
				       [TREE_SOCKET] = S_IFSOCK,
				       [TREE_CHAR] = S_IFCHR,
				       [TREE_BLOCK] = S_IFBLK };

	if (mknodat(dirfd, node->path, type[node->type] | 0600,
		    makedev(node->major, node->minor)) != 0)
		FAIL(node->path, "mknod");
}

static void make_object(int dirfd, const struct tree_node *node)
{
	int rc = 0;

	switch (node->type) {
	case TREE_FILE:
		make_file(dirfd, node);
		break;
	case TREE_DIRECTORY:
		rc = mkdirat(dirfd, node->path, 0700);
		break;
	case TREE_SYMLINK:
		rc = symlinkat(node->target, dirfd, node->path);
		break;
	case TREE_HARDLINK:
		rc = linkat(dirfd, node->target, dirfd, node->path, 0);
		break;
	case TREE_SUBVOLUME:
		run_ok(dirfd, "btrfs", "-q", "subvolume", "create", node->path);
		break;
	case TREE_FIFO:
	case TREE_SOCKET:
	case TREE_CHAR:
	case TREE_BLOCK:
		make_special(dirfd, node);
		break;
	}
	if (rc != 0)
		FAIL(node->path, "create");
}

static mode_t mode_of(const struct tree_node *node)
{
	if (node->mode == TREE_MODE_NONE)
		return 0;
	if (node->mode)
		return node->mode;
	return node->type == TREE_DIRECTORY || node->type == TREE_SUBVOLUME ? 0755 : 0644;
}

/* Owner first: a change of owner clears the setuid bit. */
static void set_owner_and_mode(int dirfd, const struct tree_node *node)
{
	if (node->type == TREE_HARDLINK)
		return;
	if (fchownat(dirfd, node->path, node->uid, node->gid, AT_SYMLINK_NOFOLLOW) != 0)
		FAIL(node->path, "chown");
	if (node->type != TREE_SYMLINK && fchmodat(dirfd, node->path, mode_of(node), 0) != 0)
		FAIL(node->path, "chmod");
}

void tree_build(int dirfd, const struct tree_node *nodes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		make_object(dirfd, &nodes[i]);
		set_owner_and_mode(dirfd, &nodes[i]);
	}
	for (size_t i = count; i-- > 0;) {
		if (nodes[i].time.tv_sec || nodes[i].time.tv_nsec)
			tree_set_time(dirfd, nodes[i].path, nodes[i].time);
	}
}
