/* SPDX-License-Identifier: GPL-2.0-or-later */
/* btrfs subvolumes: properties, snapshots, deletion, the default, commits. */
#include "subvol.h"

#include "attributes.h"
#include "beneath.h"
#include "cleanup.h"

#include <btrfsutil.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

bool br_subvol_is_root(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_ino != BR_SUBVOL_ROOT_INO)
		return false;
	return fstatfs(fd, &fs) == 0 && fs.f_type == BTRFS_SUPER_MAGIC;
}

int br_subvol_stat(int fd, struct br_subvol *subvol_ret, struct br_error *err)
{
	struct btrfs_util_subvolume_info info;
	enum btrfs_util_error failed;

	if (!br_subvol_is_root(fd))
		return br_error_set(err, BR_ERR_LAYOUT, 0, NULL,
				    "not the root of a btrfs subvolume");
	failed = btrfs_util_subvolume_info_fd(fd, 0, &info);
	if (failed)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL, "%s",
				    btrfs_util_strerror(failed));

	*subvol_ret = (struct br_subvol){
		.id = info.id,
		.parent_id = info.parent_id,
		.generation = info.generation,
		.otransid = info.otransid,
		.read_only = info.flags & 1, /* BTRFS_ROOT_SUBVOL_RDONLY */
	};
	memcpy(subvol_ret->uuid, info.uuid, BR_UUID_SIZE);
	memcpy(subvol_ret->parent_uuid, info.parent_uuid, BR_UUID_SIZE);
	return 0;
}

int br_subvol_open(int dirfd, const char *path, int *fd_ret, struct br_subvol *subvol_ret,
		   struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (r < 0)
		return r;
	r = br_subvol_stat(fd, &subvol, err);
	if (r < 0) {
		(void)br_error_set(err, err->code, err->sys_errno, path, "%s", err->text);
		return r;
	}
	if (subvol_ret)
		*subvol_ret = subvol;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

/* The ioctls do not take an O_PATH descriptor. Returns one that they take, -1 with errno. */
static int reopen(int dirfd)
{
	return openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int br_subvol_create(int parent, const char *name, struct br_error *err)
{
	BR_AUTO_CLOSE int dirfd = reopen(parent);

	if (dirfd < 0 || btrfs_util_create_subvolume_fd(dirfd, name, 0, NULL, NULL))
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, name,
				    "cannot create the subvolume");
	return 0;
}

int br_subvol_snapshot(int src, int dst_parent, const char *name, struct br_error *err)
{
	BR_AUTO_CLOSE int dirfd = reopen(dst_parent);

	if (!br_subvol_is_root(src))
		return br_error_set(err, BR_ERR_LAYOUT, 0, name, "its source is not a subvolume");
	if (dirfd < 0 || btrfs_util_create_snapshot_fd2(src, dirfd, name, 0, NULL, NULL))
		return br_error_set(err, BR_ERR_SNAPSHOT, errno, name, NULL);
	return 0;
}

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
	nested->dst_parent = reopen(dst_parent);
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

/* Takes path over, also on failure. */
static int seal_list_add(struct seal_list *list, char *path, struct br_error *err)
{
	char **grown = reallocarray(list->paths, list->count + 1, sizeof(*grown));

	if (!grown) {
		(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, path, NULL);
		free(path);
		return BR_ERR_NOMEM;
	}
	list->paths = grown;
	list->paths[list->count++] = path;
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

static void destroy_iterator(struct btrfs_util_subvolume_iterator **iter)
{
	btrfs_util_destroy_subvolume_iterator(*iter);
}

struct nested_copy {
	int src, dst;
	const struct br_subvol_filter *filter;
	struct seal_list seal;
	uint64_t count;
};

static int copy_nested(struct nested_copy *copy, char **path, struct br_error *err)
{
	const struct br_subvol_filter *filter = copy->filter;
	bool read_only = false;
	int r;

	if (filter && !filter->is_wanted(*path, filter->data))
		return 0;
	r = replace_placeholder(copy->src, copy->dst, *path, &read_only, err);
	if (r < 0)
		return r;
	copy->count++;
	return read_only ? seal_list_add(&copy->seal, br_take_ptr(path), err) : 0;
}

static int copy_each_nested(struct nested_copy *copy, struct br_error *err)
{
	__attribute__((
		cleanup(destroy_iterator))) struct btrfs_util_subvolume_iterator *iter = NULL;
	enum btrfs_util_error failed;

	/* pre-order: a nested subvolume exists before those inside it are put there */
	failed = btrfs_util_create_subvolume_iterator_fd(copy->src, 0, 0, &iter);
	if (failed)
		return br_error_set(err, BR_ERR_SNAPSHOT, errno, NULL, "%s",
				    btrfs_util_strerror(failed));
	for (;;) {
		BR_AUTO_FREE char *path = NULL;
		int r;

		failed = btrfs_util_subvolume_iterator_next(iter, &path, NULL);
		if (failed == BTRFS_UTIL_ERROR_STOP_ITERATION)
			return 0;
		if (failed)
			return br_error_set(err, BR_ERR_SNAPSHOT, errno, NULL,
					    "looking for nested subvolumes: %s",
					    btrfs_util_strerror(failed));
		r = copy_nested(copy, &path, err);
		if (r < 0)
			return r;
	}
}

int br_subvol_snapshot_nested(int src, int dst, const struct br_subvol_filter *filter,
			      uint64_t *count, struct br_error *err)
{
	struct nested_copy copy = { .src = src, .dst = dst, .filter = filter };
	int r = copy_each_nested(&copy, err);

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

int br_subvol_set_read_only(int fd, bool read_only, struct br_error *err)
{
	enum btrfs_util_error failed = btrfs_util_set_subvolume_read_only_fd(fd, read_only);

	if (failed)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "cannot make the subvolume %s",
				    read_only ? "read-only" : "writable");
	return 0;
}

int br_subvol_get_default(int fd, uint64_t *id_ret, struct br_error *err)
{
	uint64_t id;
	enum btrfs_util_error failed = btrfs_util_get_default_subvolume_fd(fd, &id);

	if (failed)
		return br_error_set(err, BR_ERR_DEFAULT, errno, NULL, "%s",
				    btrfs_util_strerror(failed));
	*id_ret = id;
	return 0;
}

int br_subvol_set_default(int fd, uint64_t id, struct br_error *err)
{
	enum btrfs_util_error failed = btrfs_util_set_default_subvolume_fd(fd, id);

	if (failed)
		return br_error_set(err, BR_ERR_DEFAULT, errno, NULL, "%s",
				    btrfs_util_strerror(failed));
	return 0;
}

/*
 * An immutable or append-only root directory cannot be deleted; in a read-only subvolume it cannot
 * be changed.
 */
static int release_root(int fd, const char *path, struct br_error *err)
{
	int r;

	if (br_attributes_release(fd, NULL) == 0)
		return 0;
	if (errno == EROFS) {
		r = br_subvol_set_read_only(fd, false, err);
		if (r < 0 || br_attributes_release(fd, NULL) == 0)
			return r;
	}
	return br_error_set(err, BR_ERR_FLAGS, errno, path, "cannot make it removable");
}

/*
 * Make a nested subvolume removable: itself, and the directory that holds it. Those around it have
 * been before.
 */
static int unseal_one(int fd, const char *path, struct br_error *err)
{
	BR_AUTO_CLOSE int nested = -1;
	BR_AUTO_CLOSE int parent = -1;
	BR_AUTO_CLOSE int dirfd = -1;
	const char *name;
	int r;

	if ((r = br_open_parent(fd, path, &parent, &name, err)) < 0 ||
	    (r = br_subvol_open(fd, path, &nested, NULL, err)) < 0 ||
	    (r = br_subvol_set_read_only(nested, false, err)) < 0 ||
	    (r = release_root(nested, path, err)) < 0)
		return r;
	dirfd = reopen(parent);
	if (dirfd < 0 || br_attributes_release(dirfd, NULL) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, path,
				    "cannot make its directory changeable");
	return 0;
}

/*
 * Make a subvolume with nested ones, and those, writable: an entry of a read-only one cannot be
 * removed.
 */
static int unseal_nested(int fd, bool read_only, struct br_error *err)
{
	__attribute__((
		cleanup(destroy_iterator))) struct btrfs_util_subvolume_iterator *iter = NULL;
	bool first = true;

	if (btrfs_util_create_subvolume_iterator_fd(fd, 0, 0, &iter))
		return br_error_set(err, BR_ERR_DELETE, errno, NULL,
				    "looking for nested subvolumes");
	for (;; first = false) {
		BR_AUTO_FREE char *path = NULL;
		enum btrfs_util_error failed = btrfs_util_subvolume_iterator_next(iter, &path,
										  NULL);
		int r;

		if (failed == BTRFS_UTIL_ERROR_STOP_ITERATION)
			return 0;
		if (failed)
			return br_error_set(err, BR_ERR_DELETE, errno, NULL,
					    "looking for nested subvolumes: %s",
					    btrfs_util_strerror(failed));
		if (first && read_only && (r = br_subvol_set_read_only(fd, false, err)) < 0)
			return r;
		r = unseal_one(fd, path, err);
		if (r < 0)
			return r;
	}
}

int br_subvol_delete_tree(int parent, const char *name, uint64_t id, struct br_error *err)
{
	BR_AUTO_CLOSE int dirfd = reopen(parent);
	enum btrfs_util_error failed;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(parent, name, &fd, &subvol, err);

	if (r < 0)
		return r;
	if (subvol.id != id)
		return br_error_set(err, BR_ERR_LAYOUT, 0, name,
				    "is subvolume %llu, not %llu as expected: not deleted",
				    (unsigned long long)subvol.id, (unsigned long long)id);
	if ((r = unseal_nested(fd, subvol.read_only, err)) < 0 ||
	    (r = release_root(fd, name, err)) < 0)
		return r;
	if (dirfd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, "its directory");
	failed = btrfs_util_delete_subvolume_fd(dirfd, name, BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE);
	if (failed)
		return br_error_set(err, BR_ERR_DELETE, errno, name, "%s",
				    btrfs_util_strerror(failed));
	return 0;
}

static int is_being_cleaned(int fd, uint64_t id, bool *ret, struct br_error *err)
{
	BR_AUTO_FREE uint64_t *ids = NULL;
	enum btrfs_util_error failed;
	size_t count = 0;

	failed = btrfs_util_deleted_subvolumes_fd(fd, &ids, &count);
	if (failed)
		return br_error_set(err, BR_ERR_SUBVOLUME, errno, NULL,
				    "listing deleted subvolumes: %s", btrfs_util_strerror(failed));
	*ret = false;
	for (size_t i = 0; i < count; i++)
		*ret |= ids[i] == id;
	return 0;
}

int br_subvol_wait_cleaned(int fd, uint64_t id, unsigned seconds, struct br_error *err)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	struct timespec start, now;

	(void)clock_gettime(CLOCK_MONOTONIC, &start); /* cannot fail for this clock */
	for (;;) {
		bool pending = false;
		int r = is_being_cleaned(fd, id, &pending, err);

		if (r < 0 || !pending)
			return r;
		/* the ioctl behind it wakes the kernel thread that frees deleted subvolumes */
		if (btrfs_util_sync_fd(fd))
			return br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
		(void)nanosleep(&pause, NULL);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec >= (time_t)seconds)
			return 0;
	}
}

int br_subvol_commit(int fd, struct br_error *err)
{
	uint64_t transid;

	if (syncfs(fd) != 0)
		return br_error_set(err, BR_ERR_SYNC, errno, NULL, NULL);
	/*
	 * syncfs reports what happened to file data since the descriptor was opened; the
	 * transaction itself may have been aborted by an earlier failure, which only the ioctls
	 * tell.
	 */
	if (btrfs_util_start_sync_fd(fd, &transid) || btrfs_util_wait_sync_fd(fd, transid))
		return br_error_set(err, BR_ERR_SYNC, errno, NULL,
				    "the transaction was not committed");
	return 0;
}
