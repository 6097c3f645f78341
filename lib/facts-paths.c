/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about the persistent paths of one ephemeral subvolume. */
#include "facts-paths.h"

#include "beneath.h"
#include "cleanup.h"

#include <fcntl.h>
#include <sys/stat.h>

static enum br_object object_of(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return st->st_ino == BR_SUBVOL_ROOT_INO ? BR_OBJECT_SUBVOLUME : BR_OBJECT_DIRECTORY;
	return S_ISREG(st->st_mode) ? BR_OBJECT_FILE : BR_OBJECT_OTHER;
}

/* A symbolic link as the last component is an object like others; before it, it is an error. */
static int look_at(int root, const char *path, enum br_object *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int parent = -1;
	const char *name;
	struct stat st;
	int r = br_open_parent(root, path, &parent, &name, err);

	if (r < 0 && err->sys_errno == ENOENT) {
		*ret = BR_OBJECT_ABSENT;
		return 0;
	}
	if (r < 0 && err->sys_errno == ENOTDIR)
		return br_error_set(err, BR_ERR_TYPE, ENOTDIR, path,
				    "a component of the path is not a directory");
	if (r < 0)
		return r;
	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		*ret = object_of(&st);
		return 0;
	}
	if (errno != ENOENT)
		return br_error_set(err, BR_ERR_STAT, errno, path, NULL);
	*ret = BR_OBJECT_ABSENT;
	return 0;
}

static int look_at_path(const struct br_persist *persist, int old, int source,
			struct br_path_facts *ret, struct br_error *err)
{
	int r = old < 0 ? 0 : look_at(old, persist->path, &ret->old, err);

	if (r < 0)
		return br_error_context(err, "persistent path, in the old root");
	r = look_at(source, persist->path, &ret->source, err);
	/* what stands in the way in the blank matters only when something is to be put there */
	if (r < 0 && (ret->old != BR_OBJECT_ABSENT || persist->create != BR_CREATE_NO))
		return br_error_context(err, "persistent path, in the blank");
	if (persist->method == BR_METHOD_SUBVOLUME &&
	    (ret->old == BR_OBJECT_FILE || ret->old == BR_OBJECT_OTHER))
		return br_error_set(
			err, BR_ERR_TYPE, 0, persist->path,
			"persistent path: method = subvolume needs a directory or a subvolume");
	return 0;
}

int br_facts_paths(const struct br_ephemeral *ephemeral, int old, int source,
		   struct br_path_facts **paths_ret, struct br_error *err)
{
	BR_AUTO_FREE struct br_path_facts *paths = NULL;

	if (ephemeral->persist_count > 0) {
		paths = calloc(ephemeral->persist_count, sizeof(*paths));
		if (!paths)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, ephemeral->name, NULL);
	}
	for (size_t i = 0; i < ephemeral->persist_count; i++) {
		int r = look_at_path(&ephemeral->persist[i], old, source, &paths[i], err);

		if (r < 0) {
			(void)br_error_prefix_path(err, ephemeral->name);
			return r;
		}
	}
	*paths_ret = br_take_ptr(&paths);
	return 0;
}
