/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subvolumes nested in others, which a snapshot leaves out: carrying them along. */
#include "subvol.h"

#include "attributes.h"
#include "beneath.h"
#include "subvol-internal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A nested subvolume, and what the snapshot of the one around it has in its place. */
struct nested {
	int child;
	int src_parent, dst_parent; /* the directories that hold them */
	const char *name, *path;
};

static void nested_close(struct nested *nested)
{
	br_cleanup_close(&nested->child);
	br_cleanup_close(&nested->src_parent);
	br_cleanup_close(&nested->dst_parent);
}

static int nested_open(int src, int dst, struct nested *nested, struct br_subvol *subvol,
		       struct br_error *err)
{
	BR_AUTO_CLOSE int dst_parent = -1;
	int r;

	if ((r = br_subvol_open(src, nested->path, &nested->child, subvol, err)) < 0 ||
	    (r = br_open_parent(src, nested->path, &nested->src_parent, &nested->name, err)) < 0 ||
	    (r = br_open_parent(dst, nested->path, &dst_parent, &nested->name, err)) < 0)
		return r;
	nested->dst_parent = br_subvol_reopen(dst_parent);
	return nested->dst_parent < 0 ? br_error_set(err, BR_ERR_OPEN, errno, nested->path, NULL)
				      : 0;
}

static int nested_snapshot(const struct nested *nested, struct br_error *err)
{
	struct stat st;
	int r;

	if (unlinkat(nested->dst_parent, nested->name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return br_error_set(err, BR_ERR_REMOVE, errno, nested->path,
				    "place-holder of a nested subvolume");
	r = br_subvol_snapshot(nested->child, nested->dst_parent, nested->name, err);
	if (r < 0)
		return br_error_set(err, r, err->sys_errno, nested->path, "nested subvolume");
	/* the directory that holds it is that of the original: so are its times */
	if (fstatat(nested->src_parent, "", &st, AT_EMPTY_PATH) != 0 ||
	    futimens(nested->dst_parent, (struct timespec[]){ st.st_atim, st.st_mtim }) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, nested->path,
				    "times of its directory");
	return 0;
}

/* Put a snapshot of the nested subvolume at path in place of what the snapshot dst has there. */
static int replace_placeholder(int src, int dst, const char *path, bool *read_only_ret,
			       struct br_error *err)
{
	__attribute__((cleanup(nested_close))) struct nested nested = { -1, -1, -1, NULL, path };
	struct br_subvol subvol;
	unsigned held;
	int r = nested_open(src, dst, &nested, &subvol, err);

	if (r < 0)
		return r;
	if (br_attributes_release(nested.dst_parent, &held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, path,
				    "cannot make its directory changeable");
	r = nested_snapshot(&nested, err);
	if (r == 0 && held && br_attributes_hold(nested.dst_parent, held) != 0)
		r = br_error_set(err, BR_ERR_FLAGS, errno, path, "of its directory");
	if (r < 0)
		return r;
	*read_only_ret = subvol.read_only;
	return 0;
}

/* Paths of the carried subvolumes that become read-only once everything inside them is in place. */
struct seal_list {
	char **paths;
	size_t count;
};

static void seal_list_free(struct seal_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->paths[i]);
	free(list->paths);
}

static int seal_list_add(struct seal_list *list, const char *path, struct br_error *err)
{
	char **grown = reallocarray(list->paths, list->count + 1, sizeof(*grown));

	if (grown)
		list->paths = grown;
	if (!grown || !(list->paths[list->count] = strdup(path)))
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, path, NULL);
	list->count++;
	return 0;
}

static int seal_all(const struct seal_list *list, int dst, struct br_error *err)
{
	for (size_t i = 0; i < list->count; i++) {
		BR_AUTO_CLOSE int fd = -1;
		int r = br_subvol_open(dst, list->paths[i], &fd, NULL, err);

		if (r == 0)
			r = br_subvol_set_read_only(fd, true, err);
		if (r < 0)
			return br_error_context(err, "nested subvolume %s", list->paths[i]);
	}
	return 0;
}

/* Ends the search at the first that is in the directory. */
static int is_inside(void *data, const char *path, uint64_t id, struct br_error *err)
{
	const char *dir = *(const char *const *)data;
	size_t length = strlen(dir);

	(void)id;
	(void)err;
	return length == 0 || (strncmp(path, dir, length) == 0 && path[length] == '/');
}

int br_subvol_has_nested(int fd, const char *dir, bool *ret, struct br_error *err)
{
	int r = br_subvol_visit_nested(fd, is_inside, &dir, err);

	if (r < 0)
		return r;
	*ret = r > 0;
	return 0;
}

static void destroy_iterator(struct btrfs_util_subvolume_iterator **iter)
{
	btrfs_util_destroy_subvolume_iterator(*iter);
}

int br_subvol_visit_nested(int fd, br_subvol_visitor visit, void *data, struct br_error *err)
{
	__attribute__((
		cleanup(destroy_iterator))) struct btrfs_util_subvolume_iterator *iter = NULL;
	enum btrfs_util_error failed = btrfs_util_create_subvolume_iterator_fd(fd, 0, 0, &iter);
	int r = 0;

	while (!failed && r == 0) {
		BR_AUTO_FREE char *path = NULL;
		uint64_t id = 0;

		failed = btrfs_util_subvolume_iterator_next(iter, &path, &id);
		if (!failed)
			r = visit(data, path, id, err);
	}
	if (failed && failed != BTRFS_UTIL_ERROR_STOP_ITERATION)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "looking for nested subvolumes: %s",
				    btrfs_util_strerror(failed));
	return r;
}

struct nested_copy {
	int src, dst;
	const struct br_subvol_filter *filter;
	struct seal_list seal;
	uint64_t count;
};

static int copy_nested(void *data, const char *path, uint64_t id, struct br_error *err)
{
	struct nested_copy *copy = data;
	const struct br_subvol_filter *filter = copy->filter;
	bool read_only = false;
	int r;

	(void)id;
	if (filter && !filter->is_wanted(path, filter->data))
		return 0;
	r = replace_placeholder(copy->src, copy->dst, path, &read_only, err);
	if (r < 0)
		return r;
	copy->count++;
	return read_only ? seal_list_add(&copy->seal, path, err) : 0;
}

int br_subvol_snapshot_nested(int src, int dst, const struct br_subvol_filter *filter,
			      uint64_t *count, struct br_error *err)
{
	struct nested_copy copy = { .src = src, .dst = dst, .filter = filter };
	int r = br_subvol_visit_nested(src, copy_nested, &copy, err);

	if (r == 0)
		r = seal_all(&copy.seal, dst, err);
	if (r == 0 && count)
		*count += copy.count;
	seal_list_free(&copy.seal);
	return r;
}

int br_subvol_snapshot_tree(int src, int dst_parent, const char *name, bool keep_read_only,
			    uint64_t *count, struct br_error *err)
{
	BR_AUTO_CLOSE int dst = -1;
	struct br_subvol subvol = { 0 };
	int r;

	if ((r = br_subvol_stat(src, &subvol, err)) < 0 ||
	    (r = br_subvol_snapshot(src, dst_parent, name, err)) < 0)
		return r;
	if (count)
		(*count)++;
	if ((r = br_subvol_open(dst_parent, name, &dst, NULL, err)) < 0 ||
	    (r = br_subvol_snapshot_nested(src, dst, NULL, count, err)) < 0)
		return r;
	if (keep_read_only && subvol.read_only)
		return br_subvol_set_read_only(dst, true, err);
	return 0;
}
