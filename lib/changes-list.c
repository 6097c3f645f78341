/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of changes, and what is left out of it. */
#include "changes-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int br_changes_grow_to(void **array, size_t *room, size_t size, struct br_error *err)
{
	size_t wanted = *room ? 2 * *room : 64;
	void *grown = reallocarray(*array, wanted, size);

	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	*array = grown;
	*room = wanted;
	return 0;
}

static bool is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return length == 0 ||
	       (strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

static bool is_excluded(const struct br_changes_request *request, const char *path)
{
	for (size_t i = 0; i < request->exclude_count; i++)
		if (is_within(path, request->exclude[i]))
			return true;
	return false;
}

bool br_changes_is_wanted(const struct br_changes_request *request, const char *path)
{
	return path && !is_excluded(request, path) &&
	       (!request->only || is_within(path, request->only));
}

bool br_changes_is_visible(const struct br_changes_request *request, const char *path)
{
	return !is_excluded(request, path) &&
	       (!request->only || is_within(path, request->only) || is_within(request->only, path));
}

int br_changes_compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

char *br_changes_full_path(struct comparison *c, enum side side, const char *path)
{
	const char *root = c->subvols.path[side];
	char *full = *path ? br_tree_path_join(root, path, strlen(path)) : strdup(root);

	if (!full)
		(void)br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return full;
}

static uint64_t size_of(const struct br_inode *inode)
{
	return S_ISREG(inode->mode) || S_ISLNK(inode->mode) ? inode->size : 0;
}

struct br_change br_change_of(const struct br_inode *old, const struct br_inode *now)
{
	struct br_change change = { 0 };

	if (old) {
		change.old_mode = old->mode;
		change.old_size = size_of(old);
	}
	if (now) {
		change.mode = now->mode;
		change.size = size_of(now);
	}
	return change;
}

int br_changes_add(struct comparison *c, struct br_change change)
{
	struct br_changes *out = c->out;
	int r = 0;

	if (change.path && (br_changes_is_wanted(c->request, change.path) ||
			    br_changes_is_wanted(c->request, change.from))) {
		if (br_changes_grow(out->changes, out->count, out->room, c->err)) {
			out->changes[out->count++] = change;
			return 0;
		}
		r = BR_ERR_NOMEM;
	}
	if (!change.path)
		r = br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	free(change.path);
	free(change.from);
	return r;
}

void br_changes_free(struct br_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free(changes->changes[i].path);
		free(changes->changes[i].from);
	}
	free(changes->changes);
	*changes = (struct br_changes){ 0 };
}
