/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One regular file of a tree copy. Metadata-bound: every system call here is made once per file. */
#include "copy-internal.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static int open_source(const struct br_copy_entry *entry, int *fd_ret, struct br_error *err)
{
	/* O_NONBLOCK: should it be a fifo by now, do not wait for its other end. */
	int fd = openat(entry->src_dir, entry->src_name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC);

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, entry->src_name, NULL);
	*fd_ret = fd;
	return 0;
}

static int check_source(const struct br_copy *copy, const struct br_copy_entry *entry,
			const struct br_attributes *from, struct br_error *err)
{
	if (!S_ISREG(from->stx.stx_mode))
		return br_error_set(err, BR_ERR_TYPE, 0, entry->src_name,
				    "no regular file any more");
	if (br_copy_is_foreign(copy, entry, &from->stx))
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, entry->src_name,
				    "another file is mounted on it");
	return 0;
}

/* Create the copy. now_ret: its owner and mode, which need not be looked up. */
static int create(const struct br_copy *copy, const struct br_copy_entry *entry,
		  const struct br_attributes *from, int *fd_ret, struct stat *now_ret,
		  struct br_error *err)
{
	/* Below the top one all directories are closed as long as they are filled: nobody else can open it. */
	mode_t mode = entry->is_top ? 0600 : from->stx.stx_mode & 0777;
	int fd = openat(entry->dst_dir, entry->dst_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			mode);

	if (fd < 0)
		return br_error_set(err, BR_ERR_CREATE, errno, entry->dst_name, NULL);
	*fd_ret = fd;
	*now_ret = (struct stat){ .st_uid = copy->uid,
				  .st_gid = copy->gid,
				  .st_mode = S_IFREG | (mode & ~copy->umask) };
	return 0;
}

/*
 * The top object may have got something from the directory that it is made in, and was cleared of
 * it. Below, directories have nothing to give as long as they are filled; the mount option nodatacow
 * gives all files the same flags, so one look at the first tells them.
 */
static int set_data_flags(struct br_copy *copy, const struct br_copy_entry *entry,
			  const struct br_object *dst, unsigned flags, struct br_error *err)
{
	int r;

	if (entry->is_top)
		return br_attributes_set_data_flags(dst, flags, 0, err);
	if (!copy->fresh_is_known) {
		if ((r = br_attributes_get_flags(dst, &copy->fresh_flags, err)) < 0)
			return r;
		copy->fresh_is_known = true;
	}
	return br_attributes_set_data_flags(dst, flags, copy->fresh_flags, err);
}

static int fill(struct br_copy *copy, const struct br_copy_entry *entry,
		const struct br_attributes *from, const struct br_object *src, struct br_error *err)
{
	struct br_object dst = { .dir = -1,
				 .name = entry->dst_name,
				 .is_foreign = copy->is_foreign };
	BR_AUTO_CLOSE int fd = -1;
	struct stat now;
	int r = create(copy, entry, from, &fd, &now, err);

	dst.fd = fd;
	if (r == 0 && entry->is_top)
		r = br_attributes_clear(&dst, copy->space, err);
	if (r == 0)
		r = set_data_flags(copy, entry, &dst, from->flags, err);
	if (r == 0)
		r = br_copy_content(copy, src, &dst, from, err);
	if (r == 0) /* the top one may have got a group, or a mode by an ACL */
		r = br_attributes_apply(from, src, &dst, entry->is_top ? NULL : &now, copy->space,
					err);
	if (r == 0 && from->stx.stx_nlink > 1)
		r = br_hardlink_add(copy->links, from->stx.stx_ino, from->stx.stx_nlink - 1,
				    entry->dst_dir, entry->dst_name, err);
	return r;
}

int br_copy_file(struct br_copy *copy, const struct br_copy_entry *entry, struct br_error *err)
{
	struct br_object src = { .dir = -1, .name = entry->src_name };
	struct br_attributes from = { .flags = 0 };
	BR_AUTO_CLOSE int fd = -1;
	int r = open_source(entry, &fd, err);

	src.fd = fd;
	if (r == 0)
		r = br_attributes_read(&src, &from, err);
	if (r == 0)
		r = check_source(copy, entry, &from, err);
	if (r < 0)
		return r;

	if (from.stx.stx_nlink > 1)
		r = br_hardlink_make(copy->links, from.stx.stx_ino, entry->dst_dir, entry->dst_name,
				     err);
	copy->stats.hard_links += r > 0;
	if (r == 0)
		r = fill(copy, entry, &from, &src, err);
	if (r < 0)
		return r;
	copy->stats.files++;
	return 0;
}
