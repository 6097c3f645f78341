/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of a system, which may be another one than that which runs. */
#include "system-root.h"

#include "cleanup.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int system_root_open(const char *path, struct system_root *ret, struct br_error *err)
{
	if (!path || strcmp(path, "/") == 0) {
		*ret = (struct system_root){ -1, "" };
		return 0;
	}
	ret->path = path;
	ret->fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return ret->fd < 0 ? br_error_set(err, BR_ERR_OPEN, errno, path, NULL) : 0;
}

void system_root_close(struct system_root *root)
{
	br_cleanup_close(&root->fd);
	root->fd = -1;
}

/*
 * With "..", as in the link etc/os-release has, the kernel gives up with EAGAIN where anything was
 * renamed or mounted anywhere while it walked: openat2(2) leaves it to the caller to try again. The
 * walk takes microseconds, so a busy machine hits some, not this many in a row. A lease another
 * program holds is EAGAIN too, and stays that.
 */
static int open_in_root(int root_fd, const char *path, const struct open_how *how)
{
	int fd = -1;

	for (unsigned tries = 0; tries < 1000; tries++) {
		fd = (int)syscall(SYS_openat2, root_fd, path, how, sizeof(*how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

int system_root_file(const struct system_root *root, const char *path, int flags)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC | O_NONBLOCK),
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	if (flags & O_PATH)
		how.flags &= ~(unsigned)O_NONBLOCK; /* openat2 refuses what has no meaning */
	return root->fd < 0 ? open(path, (int)how.flags) : open_in_root(root->fd, path, &how);
}

static int read_all(int fd, char *text, size_t max, size_t *size_ret)
{
	*size_ret = 0;
	for (;;) {
		ssize_t n = read(fd, text + *size_ret, max + 1 - *size_ret);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		*size_ret += (size_t)n;
		if (*size_ret > max) {
			errno = EFBIG;
			return -1;
		}
	}
}

/* Files of /proc have no size. */
static size_t room_for(const struct stat *st, size_t max)
{
	if (st->st_size == 0)
		return max < 65536 ? max : 65536;
	return (size_t)st->st_size + 4096 < max ? (size_t)st->st_size + 4096
						: max; /* it may grow */
}

int system_root_read(const struct system_root *root, const char *path, size_t max, char **text_ret,
		     size_t *size_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = system_root_file(root, path, O_RDONLY);
	BR_AUTO_FREE char *text = NULL;
	struct stat st;
	size_t size;

	if (fd < 0 || fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
	if (!S_ISREG(st.st_mode))
		return br_error_set(err, BR_ERR_TYPE, 0, path, "is no regular file");
	max = room_for(&st, max);
	text = malloc(max + 2);
	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, path, NULL);
	if (read_all(fd, text, max, &size) < 0)
		return br_error_set(err, BR_ERR_READ, errno, path, NULL);
	text[size] = '\0';
	*text_ret = br_take_ptr(&text);
	if (size_ret)
		*size_ret = size;
	return 0;
}

bool system_root_has(const struct system_root *root, const char *path)
{
	BR_AUTO_CLOSE int fd = system_root_file(root, path, O_PATH);

	return fd >= 0;
}

char *system_root_name(const struct system_root *root, const char *path)
{
	char *name = NULL;

	return asprintf(&name, "%s%s", root->path, path) < 0 ? NULL : name;
}
