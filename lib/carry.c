/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting one persistent path into the new subvolume. */
#include "carry.h"

#include "attributes.h"
#include "beneath.h"
#include "cleanup.h"
#include "owner.h"
#include "subvol.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A way down the same path in both subvolumes. src becomes -1 where the old one ends. An immutable
 * or append-only directory of the new one is released as long as it is the current one.
 */
struct descent {
	int src, dst;
	unsigned held;
};

static void descent_close(struct descent *d)
{
	br_cleanup_close(&d->src);
	br_cleanup_close(&d->dst);
}

static int descent_release(struct descent *d, const char *name, struct br_error *err)
{
	if (br_attributes_release(d->dst, &d->held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, "cannot make it changeable");
	return 0;
}

static int descent_hold(const struct descent *d, struct br_error *err)
{
	if (d->held && br_attributes_hold(d->dst, d->held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, NULL, "of a parent directory");
	return 0;
}

static int open_plain_dir(int parent, const char *name)
{
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A directory that only gains or loses an entry for our sake keeps the times of the blank. */
static int restore_times(int dir, const struct stat *before, struct br_error *err)
{
	if (futimens(dir, (struct timespec[]){ before->st_atim, before->st_mtim }) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, NULL,
				    "times of a parent directory");
	return 0;
}

static bool is_placeholder(int dir)
{
	struct stat st;

	return fstat(dir, &st) == 0 && st.st_ino == BR_SUBVOL_PLACEHOLDER_INO;
}

static int make_dir(int src, int parent, const char *name, struct br_error *err)
{
	struct stat before;
	int r = 0;

	if (fstat(parent, &before) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	if (src >= 0)
		r = br_copy_directory_only(src, parent, name, err);
	else if (mkdirat(parent, name, 0755) != 0 || fchmodat(parent, name, 0755, 0) != 0)
		r = br_error_set(err, BR_ERR_CREATE, errno, name, NULL);
	return r < 0 ? r : restore_times(parent, &before, err);
}

static int remove_placeholder(int parent, const char *name, struct br_error *err)
{
	struct stat before;

	if (fstat(parent, &before) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0)
		return br_error_set(err, BR_ERR_REMOVE, errno, name, NULL);
	return restore_times(parent, &before, err);
}

/*
 * Open the directory in the new subvolume; make it like that of the old one when it is not there.
 */
static int enter_dst(int src, int parent, const char *name, int *fd_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open_plain_dir(parent, name);
	int r;

	/* nothing can be created in the place-holder of a nested subvolume */
	if (fd >= 0 && is_placeholder(fd)) {
		r = remove_placeholder(parent, name, err);
		if (r < 0)
			return r;
		close(br_take_fd(&fd));
		errno = ENOENT;
	}
	if (fd < 0 && errno == ENOENT) {
		r = make_dir(src, parent, name, err);
		if (r < 0)
			return r;
		fd = open_plain_dir(parent, name);
	}
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return br_error_set(err, BR_ERR_TYPE, errno, name,
				    "the blank has something else than a directory here");
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, NULL);
	*fd_ret = br_take_fd(&fd);
	return 0;
}

static int enter(struct descent *d, const char *name, struct br_error *err)
{
	BR_AUTO_CLOSE int src = d->src < 0 ? -1 : open_plain_dir(d->src, name);
	int dst = -1, r;

	if (d->src >= 0 && src < 0 && errno != ENOENT)
		return br_error_set(err, errno == ELOOP ? BR_ERR_SYMLINK : BR_ERR_OPEN, errno, name,
				    "in the old root");
	if ((r = enter_dst(src, d->dst, name, &dst, err)) < 0 || (r = descent_hold(d, err)) < 0) {
		br_cleanup_close(&dst);
		return r;
	}
	descent_close(d);
	d->src = br_take_fd(&src);
	d->dst = dst;
	return descent_release(d, name, err);
}

/*
 * Go down to the directory that holds the last component, which is returned in name_ret (part of
 * path).
 */
static int descend(struct descent *d, char *path, const char **name_ret, struct br_error *err)
{
	char *slash;

	while ((slash = strchr(path, '/'))) {
		int r;

		*slash = '\0';
		r = enter(d, path, err);
		if (r < 0)
			return r;
		path = slash + 1;
	}
	*name_ret = path;
	return 0;
}

static int start_descent(int old, int staging, struct descent *ret, struct br_error *err)
{
	struct descent d = { .src = -1, .dst = open_plain_dir(staging, ".") };

	if (d.dst >= 0 && old >= 0)
		d.src = open_plain_dir(old, ".");
	if (d.dst < 0 || (old >= 0 && d.src < 0)) {
		descent_close(&d);
		return br_error_set(err, BR_ERR_OPEN, errno, ".", NULL);
	}
	*ret = d;
	return descent_release(ret, ".", err);
}

/* What is carried, and how. */
struct carriage {
	const struct br_persist *persist;
	struct br_copy_options options;
	struct br_copy_stats *stats;
};

static int copy_object(const struct descent *d, const char *name, struct carriage *carriage,
		       struct br_error *err)
{
	const struct br_persist *persist = carriage->persist;
	struct stat st;

	if (fstatat(d->src, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	/*
	 * a subvolume is carried by a snapshot whatever the method; a plain directory is converted
	 */
	carriage->options.as_subvolume = persist->method == BR_METHOD_SUBVOLUME &&
					 S_ISDIR(st.st_mode) && st.st_ino != BR_SUBVOL_ROOT_INO;
	return br_copy_tree(d->src, name, d->dst, name, &carriage->options, carriage->stats, err);
}

/* An error on the way down concerns the path as a whole. */
static int whole_path(struct br_error *err, const char *path)
{
	return br_error_set(err, err->code, err->sys_errno, path, "%s", err->text);
}

/* The walk knows paths from the last directory on; the message wants them from the subvolume on. */
static int below_parent(struct br_error *err, const char *path)
{
	const char *slash = strrchr(path, '/');
	char dir[BR_ERROR_PATH_MAX];

	if (err->path[0] == '\0')
		return whole_path(err, path);
	if (!slash || (size_t)(slash - path) >= sizeof(dir))
		return err->code;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return br_error_prefix_path(err, dir);
}

static int carry_from(struct descent *d, char *path, struct carriage *carriage,
		      struct br_error *err)
{
	const struct br_persist *persist = carriage->persist;
	const char *name;
	struct stat before;
	int r = descend(d, path, &name, err);

	if (r < 0)
		return whole_path(err, persist->path);
	if (fstat(d->dst, &before) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, persist->path, NULL);
	if (br_remove_tree(d->dst, name, err) < 0 || copy_object(d, name, carriage, err) < 0)
		return below_parent(err, persist->path);
	if (restore_times(d->dst, &before, err) < 0 || descent_hold(d, err) < 0)
		return whole_path(err, persist->path);
	return 0;
}

int br_carry_path(int old, int staging, const struct br_persist *persist,
		  const struct br_copy_options *options, struct br_copy_stats *stats,
		  struct br_error *err)
{
	struct carriage carriage = { .persist = persist, .stats = stats };
	__attribute__((cleanup(descent_close))) struct descent d = { -1, -1, 0 };
	BR_AUTO_FREE char *path = strdup(persist->path);
	int r;

	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, persist->path, NULL);
	if (options)
		carriage.options = *options;
	r = start_descent(old, staging, &d, err);
	if (r < 0)
		return whole_path(err, persist->path);
	return carry_from(&d, path, &carriage, err);
}

static int make_object(int parent, const char *name, const struct br_persist *persist, int *fd_ret,
		       struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = 0;

	if (persist->create == BR_CREATE_FILE)
		fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			    0600);
	else if (persist->method == BR_METHOD_SUBVOLUME)
		r = br_subvol_create(parent, name, err);
	else if (mkdirat(parent, name, 0700) != 0)
		r = br_error_set(err, BR_ERR_CREATE, errno, name, NULL);
	if (r < 0)
		return r;
	if (persist->create != BR_CREATE_FILE)
		fd = open_plain_dir(parent, name);
	if (fd < 0)
		return br_error_set(err, BR_ERR_CREATE, errno, name, NULL);
	*fd_ret = br_take_fd(&fd);
	return 0;
}

static int create_object(int staging, int parent, const char *name,
			 const struct br_persist *persist, struct br_error *err)
{
	mode_t mode = persist->create == BR_CREATE_FILE ? 0644 : 0755;
	BR_AUTO_CLOSE int fd = -1;
	struct stat before;
	uid_t uid;
	gid_t gid;
	int r;

	if (fstat(parent, &before) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, name, NULL);
	r = br_owner_resolve(staging, persist->owner, &uid, &gid, err);
	if (r < 0) /* two paths matter: this one, and the file that does not know the name */
		return br_error_context(err, "in /%s of the new root", err->path);
	r = make_object(parent, name, persist, &fd, err);
	if (r < 0)
		return r;
	/* the owner first: changing it clears setuid and setgid */
	if (fchown(fd, uid, gid) != 0 || fchmod(fd, persist->has_mode ? persist->mode : mode) != 0)
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, name, NULL);
	return restore_times(parent, &before, err);
}

int br_carry_create(int old, int staging, const struct br_persist *persist, struct br_error *err)
{
	__attribute__((cleanup(descent_close))) struct descent d = { -1, -1, 0 };
	BR_AUTO_FREE char *path = strdup(persist->path);
	const char *name;
	int r;

	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, persist->path, NULL);
	r = start_descent(old, staging, &d, err);
	if (r == 0)
		r = descend(&d, path, &name, err);
	if (r == 0)
		r = create_object(staging, d.dst, name, persist, err);
	if (r == 0)
		r = descent_hold(&d, err);
	return r < 0 ? whole_path(err, persist->path) : 0;
}
