/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot init: looking at what may not be there. What cannot be looked at for another reason is an error: whoever took it
 * for absent would lose it at the first reset.
 */
#include "init-look.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static bool is_absence(int number)
{
	return number == ENOENT || number == ENOTDIR || number == ELOOP;
}

bool init_is_missing(const struct br_error *err)
{
	return err->code == BR_ERR_SYMLINK || err->code == BR_ERR_TYPE ||
	       (err->code == BR_ERR_OPEN && is_absence(err->sys_errno));
}

bool init_exists(int dir, const char *path)
{
	struct stat st;

	return fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

static int stop(void *data, const char *name, unsigned char type, struct br_error *err)
{
	(void)name;
	(void)type;
	*(bool *)data = false;
	return br_error_set(err, BR_ERR_LAYOUT, 0, NULL, NULL); /* one is enough */
}

int init_look_empty(int dir, const char *path, bool *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	bool is_empty = true;
	int r = br_open_beneath(dir, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (r < 0 && !init_is_missing(err))
		return r;
	if (r == 0 && br_entries_visit(fd, stop, &is_empty, err) < 0 && is_empty)
		return br_error_prefix_path(err, path);
	*ret = is_empty;
	return 0;
}

int init_look_there(int root, const char *path, bool is_awaited, bool *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct stat st;
	bool is_empty = false;
	int r = br_open_beneath(root, path + 1, O_PATH | O_NOFOLLOW, 0, &fd, err);

	*ret = false;
	if (r < 0)
		return init_is_missing(err) ? 0 : r;
	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, path, NULL);
	if (S_ISDIR(st.st_mode) && !is_awaited &&
	    (r = init_look_empty(root, path + 1, &is_empty, err)) < 0)
		return r;
	*ret = S_ISREG(st.st_mode) || (S_ISDIR(st.st_mode) && !is_empty);
	return 0;
}

int init_open_directory(const struct system_root *root, const char *path, int *fd_ret,
			struct br_error *err)
{
	*fd_ret = system_root_file(root, path, O_RDONLY | O_DIRECTORY);
	return *fd_ret >= 0 || is_absence(errno)
		       ? 0
		       : br_error_set(err, BR_ERR_OPEN, errno, path, NULL);
}

int init_read_text(const struct system_root *root, const char *path, char **ret,
		   struct br_error *err)
{
	int r;

	*ret = NULL;
	r = system_root_read(root, path, INIT_TEXT_MAX, ret, NULL, err);
	return r < 0 && init_is_missing(err) ? 0 : r;
}
