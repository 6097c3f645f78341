/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of test trees that are many or deep. */
#include "cleanup.h"
#include "run.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FAIL(path, what) ck_abort_msg("%s: %s: %s", (path), (what), strerror(errno))

void tree_make_deep(int dirfd, const char *name, unsigned depth)
{
	BR_AUTO_CLOSE int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);

	ck_assert(fd >= 0);
	for (unsigned i = 0; i < depth; i++) {
		int child = tree_mkdir(fd, name);

		(void)close(fd);
		fd = child;
	}
	tree_write(fd, "leaf", "at the bottom\n");
}

int tree_open_deep(int dirfd, const char *name, unsigned depth)
{
	int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);

	ck_assert(fd >= 0);
	for (unsigned i = 0; i < depth; i++) {
		int child = tree_open(fd, name, false);

		(void)close(fd);
		fd = child;
	}
	return fd;
}

static void make_small_file(int dirfd, unsigned number, unsigned size)
{
	char name[24];

	snprintf(name, sizeof(name), "f%06u", number);
	BR_AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		FAIL(name, "create");
	if (size)
		tree_fill(fd, 0, size, number, false);
}

void tree_make_many(int dirfd, const char *name, unsigned count, unsigned per_dir, unsigned size)
{
	BR_AUTO_CLOSE int top = tree_mkdir(dirfd, name);
	BR_AUTO_CLOSE int sub = -1;

	for (unsigned i = 0; i < count; i++) {
		if (per_dir < count && i % per_dir == 0) {
			char subname[24];

			snprintf(subname, sizeof(subname), "d%05u", i / per_dir);
			if (sub >= 0)
				(void)close(sub);
			sub = tree_mkdir(top, subname);
		}
		make_small_file(sub >= 0 ? sub : top, i, size);
	}
}

unsigned tree_many_entries(void)
{
	return run_tool_is_sanitized() ? 5000 : 50000;
}
