/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scratch directory of its own for a test. */
#include "tmpdir.h"

#include "run.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void tmpdir_make(struct tmpdir *dir)
{
	const char *base = getenv("BLANKROOT_BUILD");

	ck_assert_int_ge(asprintf(&dir->path, "%s/unit-XXXXXX", base && *base ? base : "/tmp"), 0);
	ck_assert_msg(mkdtemp(dir->path), "%s: %s", dir->path, strerror(errno));
	dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir->fd, 0);
}

/* In an unchecked teardown check keeps a failure's message to itself. */
static void remove_tree(const char *path)
{
	const char *const argv[] = { "rm", "-rf", "--one-file-system", path, NULL };
	struct run_result result;

	run(&(struct run_options){ .argv = argv }, &result);
	if (result.code != 0)
		fprintf(stderr, "rm of %s: exit %d: %s\n", path, result.code, result.err);
	ck_assert_int_eq(result.code, 0);
	run_free(&result);
}

void tmpdir_remove(struct tmpdir *dir)
{
	const char *keep = getenv("KEEP");

	ck_assert_int_eq(close(dir->fd), 0);
	if (!keep || strcmp(keep, "1") != 0)
		remove_tree(dir->path);
	free(dir->path);
	*dir = (struct tmpdir){ .fd = -1 };
}

char *tmpdir_path(const struct tmpdir *dir, const char *name)
{
	char *path;

	ck_assert_int_ge(asprintf(&path, "%s/%s", dir->path, name), 0);
	return path;
}

void tmpdir_write(const struct tmpdir *dir, const char *name, const char *text, size_t size)
{
	int fd;

	(void)unlinkat(dir->fd, name, 0); /* ext4 flushes a file that was truncated */
	fd = openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	ck_assert_int_eq(close(fd), 0);
}

void tmpdir_write_text(const struct tmpdir *dir, const char *name, const char *text)
{
	tmpdir_write(dir, name, text, strlen(text));
}

size_t tmpdir_count(const struct tmpdir *dir, const char *name)
{
	int fd = openat(dir->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fdopendir(fd);
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(stream);
	while ((entry = readdir(stream)))
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	ck_assert_int_eq(closedir(stream), 0);
	return count;
}
