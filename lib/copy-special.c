/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Symbolic links, fifos, sockets, devices: whatever is copied without being opened. */
#include "copy-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int make_symlink(struct br_copy *copy, const struct br_copy_entry *entry,
			struct br_error *err)
{
	char *target = copy->space->value;
	ssize_t length = readlinkat(entry->src_dir, entry->src_name, target,
				    sizeof(copy->space->value));

	if (length < 0)
		return br_error_set(err, BR_ERR_READ, errno, entry->src_name, NULL);
	if ((size_t)length == sizeof(copy->space->value))
		return br_error_set(err, BR_ERR_READ, ENAMETOOLONG, entry->src_name, NULL);
	target[length] = '\0';
	if (symlinkat(target, entry->dst_dir, entry->dst_name) != 0)
		return br_error_set(err, BR_ERR_CREATE, errno, entry->dst_name, NULL);
	return 0;
}

static int make_node(const struct br_copy_entry *entry, const struct statx *stx,
		     struct br_error *err)
{
	dev_t dev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor);

	/* Nobody opens it before it has its owner. */
	if (mknodat(entry->dst_dir, entry->dst_name, stx->stx_mode & S_IFMT, dev) != 0)
		return br_error_set(err, BR_ERR_CREATE, errno, entry->dst_name, NULL);
	return 0;
}

static int make(struct br_copy *copy, const struct br_copy_entry *entry,
		const struct br_attributes *from, struct br_error *err)
{
	const struct br_object src = { .fd = -1, .dir = entry->src_dir, .name = entry->src_name };
	const struct br_object dst = { .fd = -1,
				       .dir = entry->dst_dir,
				       .name = entry->dst_name,
				       .is_foreign = copy->is_foreign };
	int r = S_ISLNK(from->stx.stx_mode) ? make_symlink(copy, entry, err)
					    : make_node(entry, &from->stx, err);

	if (r == 0 && entry->is_top)
		r = br_attributes_clear(&dst, copy->space, err);
	if (r == 0)
		r = br_attributes_apply(from, &src, &dst, NULL, copy->space, err);
	if (r == 0 && from->stx.stx_nlink > 1)
		r = br_hardlink_add(copy->links, from->stx.stx_ino, from->stx.stx_nlink - 1,
				    entry->dst_dir, entry->dst_name, err);
	return r;
}

static int look_at(const struct br_copy *copy, const struct br_copy_entry *entry,
		   struct br_attributes *from, struct br_error *err)
{
	if (statx(entry->src_dir, entry->src_name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS, &from->stx) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, entry->src_name, NULL);
	if (S_ISREG(from->stx.stx_mode) || S_ISDIR(from->stx.stx_mode))
		return br_error_set(err, BR_ERR_TYPE, 0, entry->src_name,
				    "no special file any more");
	if (br_copy_is_foreign(copy, entry, &from->stx))
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, entry->src_name,
				    "another file is mounted on it");
	return 0;
}

int br_copy_special(struct br_copy *copy, const struct br_copy_entry *entry, struct br_error *err)
{
	struct br_attributes from = { .flags = 0 };
	int r = look_at(copy, entry, &from, err);

	if (r < 0)
		return r;
	if (from.stx.stx_nlink > 1)
		r = br_hardlink_make(copy->links, from.stx.stx_ino, entry->dst_dir, entry->dst_name,
				     err);
	copy->stats.hard_links += r > 0;
	if (r == 0)
		r = make(copy, entry, &from, err);
	if (r < 0)
		return r;
	copy->stats.others++;
	return 0;
}
