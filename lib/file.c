/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole small files: read one, replace one atomically. */
#include "file.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BUFFER 4096
#define SIBLING_TRIES 1000

static int refuse_type(const char *path, struct br_error *err)
{
	return br_error_set(err, BR_ERR_TYPE, 0, path, "not a regular file");
}

/* The type is looked at before as well as after: opening a device can have effects. */
static int open_regular(int dirfd, const char *path, int *fd_ret, struct stat *st_ret,
			struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;

	if (fstatat(dirfd, path, st_ret, AT_SYMLINK_NOFOLLOW) != 0)
		return br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
	if (!S_ISREG(st_ret->st_mode) && !S_ISLNK(st_ret->st_mode))
		return refuse_type(path, err);
	fd = openat(dirfd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st_ret) != 0)
		return br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
	if (!S_ISREG(st_ret->st_mode))
		return refuse_type(path, err);
	*fd_ret = br_take_fd(&fd);
	return 0;
}

static ssize_t read_some(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n;
}

int br_file_read(int dirfd, const char *path, size_t max, char **text_ret, size_t *size_ret,
		 struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_CLOSE int fd = -1;
	size_t room = 0, size = 0;
	struct stat st;
	ssize_t n = 1;
	int r = open_regular(dirfd, path, &fd, &st, err);

	if (r < 0)
		return r;
	while (n > 0) {
		if (room - size < 2) { /* one for the NUL, one to see the end */
			room = room ? 2 * room : FIRST_BUFFER;
			char *grown = realloc(text, room);
			if (!grown)
				return br_error_set(err, BR_ERR_NOMEM, ENOMEM, path, NULL);
			text = grown;
		}
		n = read_some(fd, text + size, room - size - 1);
		if (n < 0)
			return br_error_set(err, BR_ERR_READ, errno, path, NULL);
		size += (size_t)n;
		if (size > max)
			return br_error_set(err, BR_ERR_READ, EFBIG, path, "more than %zu bytes",
					    max);
	}
	text[size] = '\0';
	*text_ret = br_take_ptr(&text);
	if (size_ret)
		*size_ret = size;
	return 0;
}

static int write_all(int fd, const char *text, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		size -= (size_t)n;
	}
	return 0;
}

struct replacement {
	const char *path; /* as the caller said it */
	const char *name; /* its last component */
	int dir;          /* the directory of both */
	char sibling[64];
};

/* A power cut may have left a sibling of that name. */
static int create_sibling(struct replacement *to)
{
	int fd = -1;

	for (int i = 0; fd < 0 && i < SIBLING_TRIES; i++) {
		(void)snprintf(to->sibling, sizeof(to->sibling), BR_FILE_SIBLING_PREFIX "%ld-%d",
			       (long)getpid(), i);
		fd = openat(to->dir, to->sibling, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

static int move_sibling(const struct replacement *to, int fd, mode_t mode, struct br_error *err)
{
	if (fchmod(fd, mode) != 0)
		return br_error_set(err, BR_ERR_WRITE, errno, to->path, NULL);
	if (fsync(fd) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, to->path, NULL);
	if (renameat(to->dir, to->sibling, to->dir, to->name) != 0)
		return br_error_set(err, BR_ERR_RENAME, errno, to->path, NULL);
	return 0;
}

/* The directory part of path; what follows it is in *name_ret. */
static int open_directory_of(int dirfd, const char *path, const char **name_ret)
{
	const char *slash = strrchr(path, '/');
	BR_AUTO_FREE char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

	if (!dir)
		return -1;
	*name_ret = slash ? slash + 1 : path;
	return openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int br_file_replace(int dirfd, const char *path, const char *text, size_t size, mode_t mode,
		    struct br_error *err)
{
	struct replacement to = { .path = path };
	BR_AUTO_CLOSE int dir = -1;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	dir = to.dir = open_directory_of(dirfd, path, &to.name);
	if (dir < 0)
		return br_error_set(err, errno == ENOMEM ? BR_ERR_NOMEM : BR_ERR_OPEN, errno, path,
				    "its directory");
	fd = create_sibling(&to);
	if (fd < 0)
		return br_error_set(err, BR_ERR_CREATE, errno, path, NULL);
	if (write_all(fd, text, size) != 0)
		r = br_error_set(err, BR_ERR_WRITE, errno, path, NULL);
	else
		r = move_sibling(&to, fd, mode, err);
	if (r < 0) {
		(void)unlinkat(dir, to.sibling, 0); /* the first failure is the one to report */
		return r;
	}
	if (fsync(dir) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, path, "its directory");
	return 0;
}
