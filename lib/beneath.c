/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening below a directory: openat2(2), and the same by hand where that is not to be had. */
#include "beneath.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The one mutable static of the library, for tests: the fallback is unreachable on their kernels.
 */
static atomic_bool without_openat2;

void br_beneath_without_openat2(void)
{
	without_openat2 = true;
}

struct request {
	int flags;
	mode_t mode;
	bool across_mounts;
};

/* Relative, and without empty, "." and ".." components. */
static bool is_normal(const char *path)
{
	size_t length;

	for (;; path += length + 1) {
		length = strcspn(path, "/");
		if (length == 0 || (length <= 2 && strncmp(path, "..", length) == 0))
			return false;
		if (path[length] == '\0')
			return true;
	}
}

/*
 * How much of path the kernel takes at once: whole components, or a single one. Not all of them
 * fit.
 */
static size_t piece_length(const char *path, size_t length, bool single)
{
	const char *slash;

	if (single)
		slash = memchr(path, '/', length);
	else
		slash = length < PATH_MAX ? NULL : memrchr(path, '/', PATH_MAX - 1);
	return slash ? (size_t)(slash - path) : length;
}

/* openat2 refuses a mode that is of no use. O_TMPFILE contains the bit of O_DIRECTORY. */
static bool takes_mode(int flags)
{
	return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

static int open_kernel(int dirfd, const char *piece, const struct request *request)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(request->flags | O_CLOEXEC),
		.mode = takes_mode(request->flags) ? request->mode & 07777 : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   (request->across_mounts ? 0 : RESOLVE_NO_XDEV),
	};

	if (without_openat2) {
		errno = ENOSYS;
		return -1;
	}
	return (int)syscall(SYS_openat2, dirfd, piece, &how, sizeof(how));
}

/*
 * Are both on the same mount? Kernels before 5.8 do not tell; what we open is a detached mount of
 * our own, in which nobody can mount anything, so there this is no loss.
 */
static bool is_same_mount(int a, int b)
{
	struct statx at_a, at_b;

	if (statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &at_a) != 0 ||
	    statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &at_b) != 0)
		return false;
	if (!(at_a.stx_mask & at_b.stx_mask & STATX_MNT_ID))
		return true;
	return at_a.stx_mnt_id == at_b.stx_mnt_id;
}

/* One component as O_PATH: no device or fifo is touched before it is known what it is. */
static int probe(int dirfd, const char *name, bool link_wanted, bool across_mounts,
		 struct stat *st_ret)
{
	BR_AUTO_CLOSE int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, st_ret) != 0)
		return -1;
	if (S_ISLNK(st_ret->st_mode) && !link_wanted)
		errno = ELOOP;
	else if (!across_mounts && !is_same_mount(dirfd, fd))
		errno = EXDEV;
	else
		return br_take_fd(&fd);
	return -1;
}

/* What openat2 does, for one component. */
static int open_by_hand(int dirfd, const char *name, const struct request *request)
{
	int flags = request->flags | O_NOFOLLOW | O_CLOEXEC;
	bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);
	bool link_wanted = (flags & O_PATH) && (request->flags & O_NOFOLLOW);
	BR_AUTO_CLOSE int fd = -1;
	struct stat st;

	fd = probe(dirfd, name, link_wanted || exclusive, request->across_mounts, &st);
	if (fd < 0 && !(errno == ENOENT && (flags & O_CREAT)))
		return -1;
	if (!(flags & O_PATH))
		return openat(dirfd, name, flags, request->mode);
	if ((flags & O_DIRECTORY) && !S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return -1;
	}
	return br_take_fd(&fd);
}

/* openat2 has other reasons to fail with EPERM too; then the fallback says the same. */
static bool is_openat2_missing(int failed)
{
	return failed == ENOSYS || failed == EPERM;
}

/* A path on its way to being opened. */
struct walk {
	const char *rest;
	size_t length;
	bool by_hand; /* openat2 is not to be had: one component at a time */
};

/* Open the first piece of what is left. Moves the walk on when that succeeds. */
static int open_piece(int dirfd, struct walk *walk, const struct request *last)
{
	const struct request on_the_way = { .flags = O_PATH | O_DIRECTORY,
					    .across_mounts = last->across_mounts };
	size_t length = piece_length(walk->rest, walk->length, walk->by_hand);
	const struct request *request = length == walk->length ? last : &on_the_way;
	char piece[PATH_MAX];
	int fd;

	if (length >= sizeof(piece)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(piece, walk->rest, length);
	piece[length] = '\0';
	fd = walk->by_hand ? open_by_hand(dirfd, piece, request)
			   : open_kernel(dirfd, piece, request);
	if (fd < 0)
		return -1;
	if (length < walk->length)
		length++; /* the slash */
	walk->rest += length;
	walk->length -= length;
	return fd;
}

/* Open the first length bytes of path. Returns the descriptor, or -1 and errno. */
static int open_range(int dirfd, const char *path, size_t length, const struct request *request)
{
	struct walk walk = { .rest = path, .length = length };
	BR_AUTO_CLOSE int dir = -1;
	int fd;

	do {
		fd = open_piece(dir < 0 ? dirfd : dir, &walk, request);
		if (fd < 0 && !walk.by_hand && is_openat2_missing(errno)) {
			walk.by_hand = true;
			continue;
		}
		if (fd < 0)
			return -1;
		if (dir >= 0)
			(void)close(dir); /* O_PATH: nothing to lose */
		dir = fd;
	} while (walk.length > 0);
	return br_take_fd(&dir);
}

static int set_error(int failed, const char *path, struct br_error *err)
{
	switch (failed) {
	case ELOOP:
		return br_error_set(err, BR_ERR_SYMLINK, failed, path, NULL);
	case EXDEV:
		return br_error_set(err, BR_ERR_OPEN, failed, path,
				    "another file system is mounted there");
	default:
		return br_error_set(err, BR_ERR_OPEN, failed, path, NULL);
	}
}

static int refuse_path(const char *path, struct br_error *err)
{
	return br_error_set(err, BR_ERR_OPEN, EINVAL, path, "not a plain path");
}

int br_open_beneath(int dirfd, const char *path, int flags, mode_t mode, int *fd_ret,
		    struct br_error *err)
{
	const struct request request = { .flags = flags, .mode = mode };
	int fd;

	if (path[0] == '\0' || strcmp(path, ".") == 0)
		fd = openat(dirfd, ".", flags | O_CLOEXEC, mode);
	else if (is_normal(path))
		fd = open_range(dirfd, path, strlen(path), &request);
	else
		return refuse_path(path, err);
	if (fd < 0)
		return set_error(errno, path, err);
	*fd_ret = fd;
	return 0;
}

int br_open_real_directory(const char *path, int *fd_ret, struct br_error *err)
{
	const struct request request = { .flags = O_RDONLY | O_DIRECTORY, .across_mounts = true };
	BR_AUTO_CLOSE int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd;

	if (root < 0)
		return set_error(errno, "/", err);
	if (path[0] != '/' || (path[1] != '\0' && !is_normal(path + 1)))
		return refuse_path(path, err);
	if (path[1] == '\0')
		fd = openat(root, ".", request.flags | O_CLOEXEC);
	else
		fd = open_range(root, path + 1, strlen(path + 1), &request);
	if (fd < 0)
		return set_error(errno, path, err);
	*fd_ret = fd;
	return 0;
}

int br_open_parent(int dirfd, const char *path, int *fd_ret, const char **name_ret,
		   struct br_error *err)
{
	const struct request request = { .flags = O_PATH | O_DIRECTORY };
	const char *slash = strrchr(path, '/');
	int fd;

	if (path[0] != '\0' && !is_normal(path))
		return refuse_path(path, err);
	if (slash)
		fd = open_range(dirfd, path, (size_t)(slash - path), &request);
	else
		fd = openat(dirfd, ".", request.flags | O_CLOEXEC);
	if (fd < 0)
		return set_error(errno, path, err);
	*fd_ret = fd;
	*name_ret = slash ? slash + 1 : path;
	return 0;
}
