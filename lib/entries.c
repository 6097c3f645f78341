/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entries of one directory. */
#include "entries.h"

#include "cleanup.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

static bool is_self_or_parent(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *open_dir(int dirfd)
{
	BR_AUTO_CLOSE int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		(void)br_take_fd(&fd); /* closedir closes it */
	return dir;
}

static int visit_all(DIR *dir, br_entries_visitor visit, void *data, struct br_error *err)
{
	for (;;) {
		const struct dirent *entry;
		int r;

		errno = 0; /* the only way to tell a failure from the end */
		entry = readdir(dir);
		if (!entry)
			return errno ? br_error_set(err, BR_ERR_READ, errno, NULL, "directory") : 0;
		r = is_self_or_parent(entry->d_name)
			    ? 0
			    : visit(data, entry->d_name, entry->d_type, err);
		if (r < 0)
			return r;
	}
}

int br_entries_visit(int dirfd, br_entries_visitor visit, void *data, struct br_error *err)
{
	DIR *dir = open_dir(dirfd);
	int r;

	if (!dir)
		return br_error_set(err, BR_ERR_READ, errno, NULL, "directory");
	r = visit_all(dir, visit, data, err);
	(void)closedir(dir); /* read only */
	return r;
}
