/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree copy: directories, and which kind of object is copied how. */
#include "copy-internal.h"

#include "cleanup.h"
#include "subvol.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define OPEN_DIRECTORY (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC)

bool br_copy_is_foreign(const struct br_copy *copy, const struct br_copy_entry *entry,
			const struct statx *stx)
{
	if (stx->stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return true;
	return !entry->is_top && makedev(stx->stx_dev_major, stx->stx_dev_minor) !=
					 br_walk_dev(&copy->walk, BR_WALK_SOURCE);
}

static int open_directory(int dir, const char *name, int *fd_ret, struct br_error *err)
{
	int fd = openat(dir, name, OPEN_DIRECTORY);

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, name, NULL);
	*fd_ret = fd;
	return 0;
}

/*
 * Make a directory and take away what it inherits; as long as it is filled nothing in it inherits
 * either.
 */
static int make_directory(struct br_copy *copy, const struct br_copy_entry *entry, int *fd_ret,
			  struct br_error *err)
{
	bool as_subvolume = entry->is_top && copy->options->as_subvolume;
	BR_AUTO_CLOSE int fd = -1;
	int r = 0;

	if (as_subvolume)
		r = br_subvol_create(entry->dst_dir, entry->dst_name, err);
	else if (mkdirat(entry->dst_dir, entry->dst_name, S_IRWXU) != 0)
		r = br_error_set(err, BR_ERR_CREATE, errno, entry->dst_name, NULL);
	if (r == 0)
		r = open_directory(entry->dst_dir, entry->dst_name, &fd, err);
	if (r == 0 && entry->is_top) {
		const struct br_object dst = {
			.fd = fd, .dir = -1, .name = entry->dst_name, .is_foreign = copy->is_foreign
		};

		r = br_attributes_clear(&dst, copy->space, err);
	}
	if (r < 0)
		return r;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

/* What stands for something that is not copied has what can be seen from outside, nothing more. */
static int make_stand_in(struct br_copy *copy, const struct br_copy_entry *entry,
			 const struct statx *stx, struct br_error *err)
{
	const struct br_attributes from = { .stx = *stx };
	BR_AUTO_CLOSE int fd = -1;
	int r = make_directory(copy, entry, &fd, err);
	const struct br_object dst = { .fd = fd, .dir = -1, .name = entry->dst_name };

	if (r == 0)
		r = br_attributes_apply_basic(&from, &dst, err);
	copy->stats.directories += r == 0;
	return r;
}

static int enter_directory(struct br_copy *copy, const struct br_copy_entry *entry, int src,
			   struct br_error *err)
{
	BR_AUTO_CLOSE int src_fd = src;
	int dst = -1;
	int r = make_directory(copy, entry, &dst, err);

	if (r < 0)
		return r;
	if (entry->is_top)
		(void)fstat(dst, &copy->top); /* fails no more than the one of br_walk_push */
	r = br_walk_push(&copy->walk, entry->src_name, br_take_fd(&src_fd), dst, err);
	copy->stats.directories += r == 0;
	return r;
}

/* Such a walk would not end. */
static bool is_copy_itself(const struct br_copy *copy, const struct statx *stx)
{
	return stx->stx_ino == copy->top.st_ino &&
	       makedev(stx->stx_dev_major, stx->stx_dev_minor) == copy->top.st_dev;
}

/* There are no snapshots from one file system to another. Where it cannot be told, there is no copy at all. */
static int is_same_btrfs(const struct br_copy *copy, int src, int dst, bool *ret,
			 struct br_error *err)
{
	char src_id[BR_FSID_SIZE], dst_id[BR_FSID_SIZE];
	int r;

	*ret = false;
	if (copy->is_foreign)
		return 0;
	if ((r = br_subvol_fsid(src, src_id, err)) < 0 ||
	    (r = br_subvol_fsid(dst, dst_id, err)) < 0)
		return r;
	*ret = strcmp(src_id, dst_id) == 0;
	return 0;
}

static int copy_subvolume(struct br_copy *copy, const struct br_copy_entry *entry, int src,
			  struct br_error *err)
{
	int r = br_subvol_snapshot_tree(src, entry->dst_dir, entry->dst_name, true,
					&copy->stats.subvolumes, err);

	if (r == 0)
		return 0;
	if (err->path[0] != '\0' && strcmp(err->path, entry->dst_name) != 0) /* one nested in it */
		return br_error_prefix_path(err, entry->src_name);
	return br_error_set(err, r, err->sys_errno, entry->src_name, "%s", err->text);
}

/* Which of the things that look like a directory is it? */
static int copy_directory(struct br_copy *copy, const struct br_copy_entry *entry,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int src = -1;
	bool is_subvolume = false;
	bool is_same = false;
	struct statx stx;
	int r = open_directory(entry->src_dir, entry->src_name, &src, err);

	if (r < 0)
		return r;
	if (statx(src, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, entry->src_name, NULL);
	if (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT && entry->is_top)
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, entry->src_name,
				    "it is a mount point");
	if (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT || stx.stx_ino == BR_SUBVOL_PLACEHOLDER_INO)
		return make_stand_in(copy, entry, &stx, err);
	/* others are none, without another call */
	if (stx.stx_ino == BR_SUBVOL_ROOT_INO && br_subvol_is_root(src, &is_subvolume, err) < 0)
		return br_error_name(err, entry->src_name);
	if (is_subvolume && is_same_btrfs(copy, src, entry->dst_dir, &is_same, err) < 0)
		return br_error_name(err, entry->src_name);
	if (is_same)
		return copy_subvolume(copy, entry, src, err);
	if (is_subvolume && !entry->is_top)
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, entry->src_name,
				    "a nested subvolume cannot be carried to another file system "
				    "within a tree, only on its own");
	if (br_copy_is_foreign(copy, entry, &stx))
		return make_stand_in(copy, entry, &stx, err);
	if (!entry->is_top && is_copy_itself(copy, &stx))
		return br_error_set(err, BR_ERR_CREATE, EINVAL, entry->src_name,
				    "the copy would be inside of its source");
	return enter_directory(copy, entry, br_take_fd(&src), err);
}

/*
 * All is in it: now it may get owner, mode, times, immutability, and what new entries would have inherited. The top one
 * may have inherited something itself.
 */
static int apply_directory(const struct br_copy *copy, const struct br_object *src,
			   const struct br_object *dst, bool is_top, struct br_error *err)
{
	const struct stat fresh = { .st_uid = copy->uid,
				    .st_gid = copy->gid,
				    .st_mode = S_IFDIR | (S_IRWXU & ~copy->umask) };
	struct br_attributes from;
	int r = br_attributes_read(src, &from, err);

	if (r == 0)
		r = br_attributes_set_data_flags(dst, from.flags, 0, err); /* none was inherited */
	if (r == 0)
		r = br_attributes_apply(&from, src, dst, is_top ? NULL : &fresh, copy->space, err);
	return r;
}

static int leave_directory(struct br_copy *copy, struct br_error *err)
{
	const char *path = br_walk_path(&copy->walk);
	const struct br_object src = { .fd = br_walk_fd(&copy->walk, BR_WALK_SOURCE),
				       .dir = -1,
				       .name = path };
	const struct br_object dst = { .fd = br_walk_fd(&copy->walk, BR_WALK_COPY),
				       .dir = -1,
				       .name = path,
				       .is_foreign = copy->is_foreign };
	int r = apply_directory(copy, &src, &dst, br_walk_depth(&copy->walk) == 1, err);

	return r < 0 ? r : br_walk_pop(&copy->walk, err);
}

static int copy_entry(struct br_copy *copy, const struct br_copy_entry *entry, struct br_error *err)
{
	if (copy->options->as_subvolume && entry->is_top && entry->type != DT_DIR)
		return br_error_set(err, BR_ERR_TYPE, ENOTDIR, entry->src_name,
				    "only a directory can become a subvolume");
	switch (entry->type) {
	case DT_REG:
		return br_copy_file(copy, entry, err);
	case DT_DIR:
		return copy_directory(copy, entry, err);
	default:
		return br_copy_special(copy, entry, err);
	}
}

/* One step: the next entry of the deepest directory, or the end of it. */
static int copy_next(struct br_copy *copy, struct br_error *err)
{
	struct br_walk_entry found;
	struct br_copy_entry entry;
	int r = br_walk_next(&copy->walk, &found, err);

	if (r <= 0)
		return r < 0 ? r : leave_directory(copy, err);
	entry = (struct br_copy_entry){
		.src_dir = br_walk_fd(&copy->walk, BR_WALK_SOURCE),
		.dst_dir = br_walk_fd(&copy->walk, BR_WALK_COPY),
		.src_name = found.name,
		.dst_name = found.name,
		.type = found.type,
	};
	r = copy_entry(copy, &entry, err);
	return r < 0 ? br_error_prefix_path(err, br_walk_path(&copy->walk)) : 0;
}

void br_copy_tell_progress(const struct br_copy *copy)
{
	const struct br_copy_progress *progress = &copy->options->progress;

	if (progress->tell)
		progress->tell(progress->data, &copy->stats);
}

/*
 * Inode numbers are those of one subvolume, and links do not reach beyond one. A tree has no files of another
 * one than its top's: subvolumes in it are not walked through.
 */
static void choose_links(struct br_copy *copy, const struct br_copy_entry *top,
			 const struct stat *src)
{
	struct br_copy_links *links = copy->options->links;
	struct stat dst;

	if (!links || copy->options->as_subvolume || fstat(top->dst_dir, &dst) != 0)
		return;
	if (links->src == 0) {
		links->src = src->st_dev;
		links->dst = dst.st_dev;
	}
	if (links->src == src->st_dev && links->dst == dst.st_dev)
		copy->links = &links->map;
}

static int begin(struct br_copy *copy, const struct br_copy_options *options, struct br_error *err)
{
	static const struct br_copy_options defaults;

	*copy = (struct br_copy){ .options = options ? options : &defaults,
				  .uid = geteuid(),
				  .gid = getegid(),
				  .umask = umask(0) };
	copy->links = &copy->own_links;
	(void)umask(copy->umask); /* there is no other way to ask for it */
	copy->space = malloc(sizeof(*copy->space));
	if (!copy->space)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return br_walk_init(&copy->walk, 0, err);
}

static void end(struct br_copy *copy)
{
	br_walk_free(&copy->walk);
	br_hardlink_free(&copy->own_links);
	free(copy->space);
	free(copy->data);
}

static void add_stats(struct br_copy_stats *sum, const struct br_copy_stats *more)
{
	sum->files += more->files;
	sum->directories += more->directories;
	sum->others += more->others;
	sum->hard_links += more->hard_links;
	sum->subvolumes += more->subvolumes;
	sum->bytes_shared += more->bytes_shared;
	sum->bytes_copied += more->bytes_copied;
	sum->swap_files += more->swap_files;
}

static int copy_top(struct br_copy *copy, struct br_copy_entry *top, struct br_error *err)
{
	struct stat st;
	int r;

	if (fstatat(top->src_dir, top->src_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, top->src_name, NULL);
	top->type = IFTODT(st.st_mode);
	copy->is_foreign = !br_subvol_may_be_btrfs(top->dst_dir);
	choose_links(copy, top, &st);
	r = copy_entry(copy, top, err);
	while (r == 0 && br_walk_depth(&copy->walk) > 0) {
		br_copy_tell_progress(copy);
		r = copy_next(copy, err);
	}
	return r;
}

int br_copy_tree(int src_parent, const char *src_name, int dst_parent, const char *dst_name,
		 const struct br_copy_options *options, struct br_copy_stats *stats,
		 struct br_error *err)
{
	struct br_copy_entry top = {
		.src_dir = src_parent,
		.dst_dir = dst_parent,
		.src_name = src_name,
		.dst_name = dst_name,
		.is_top = true,
	};
	struct br_copy copy;
	int r;

	if (!br_walk_is_plain(src_name) || !br_walk_is_plain(dst_name))
		return br_error_set(err, BR_ERR_OPEN, EINVAL, src_name, "not a plain name");
	r = begin(&copy, options, err);
	if (r == 0)
		r = copy_top(&copy, &top, err);
	if (stats)
		add_stats(stats, &copy.stats);
	end(&copy);
	return r;
}

int br_copy_directory_only(int src, int dst_parent, const char *dst_name, struct br_error *err)
{
	const struct br_copy_entry top = {
		.dst_dir = dst_parent, .src_name = dst_name, .dst_name = dst_name, .is_top = true
	};
	BR_AUTO_CLOSE int fd = -1;
	struct br_copy copy;
	int r = begin(&copy, NULL, err);

	copy.is_foreign = !br_subvol_may_be_btrfs(dst_parent);
	if (r == 0)
		r = make_directory(&copy, &top, &fd, err);
	if (r == 0) {
		const struct br_object from = { .fd = src, .dir = -1, .name = dst_name };
		const struct br_object to = {
			.fd = fd, .dir = -1, .name = dst_name, .is_foreign = copy.is_foreign
		};

		r = apply_directory(&copy, &from, &to, true, err);
	}
	end(&copy);
	return r;
}
