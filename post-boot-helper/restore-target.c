/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where blankroot restore puts things: every path is looked at before anything is changed. */
#include "beneath.h"
#include "cleanup.h"
#include "given-path.h"
#include "mounted.h"
#include "name.h"
#include "restore.h"
#include "subvol.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- what is in the source --- */

static int check_source(const struct restore *restore, const struct restore_item *item,
			struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct stat st;

	if (!*item->inside)
		return br_error_set(err, BR_ERR_USAGE, 0, item->path,
				    "is all of it; name something in it, or see 'blankroot "
				    "rollback --help'");
	if (br_open_beneath(item->view->source->fd, item->inside, O_PATH | O_NOFOLLOW, 0, &fd,
			    err) < 0) {
		if (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR)
			return restore_explain_absent(restore, item, err);
		return br_error_context(err, "in %s", item->view->source->path);
	}
	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, item->path, NULL);
	if (S_ISDIR(st.st_mode) && st.st_ino == BR_SUBVOL_PLACEHOLDER_INO)
		return br_error_set(err, BR_ERR_UNSUPPORTED, 0, item->path,
				    "it was a subvolume of its own, which is not in %s",
				    item->view->source->path);
	return 0;
}

static int open_source_dir(const struct restore_item *item, size_t length, int *fd_ret,
			   struct br_error *err)
{
	BR_AUTO_FREE char *dir = strndup(item->inside, length);

	if (!dir)
		return no_memory(err);
	return br_open_beneath(item->view->source->fd, dir, O_RDONLY | O_DIRECTORY, 0, fd_ret, err);
}

/* --- where it goes --- */

/* As far down as there are directories. What is missing is made with what is restored. */
static int descend(struct restore_item *item, int *dir, struct br_error *err)
{
	const char *slash;

	while ((slash = strchr(item->rest, '/'))) {
		BR_AUTO_FREE char *name = strndup(item->rest, (size_t)(slash - item->rest));
		int next = -1;
		int r;

		if (!name)
			return no_memory(err);
		r = br_open_beneath(*dir, name, O_RDONLY | O_DIRECTORY, 0, &next, err);
		if (r < 0 && err->sys_errno == ENOENT)
			return 0;
		if (r < 0)
			return br_error_set(err, r, err->sys_errno, item->path,
					    "at \"%s\"; --to puts it elsewhere", name);
		br_cleanup_close(dir);
		*dir = next;
		item->rest = slash + 1;
	}
	return 0;
}

static int open_in_place(const struct restore *restore, struct restore_item *item, int *dir_ret,
			 struct br_error *err)
{
	struct restore_view *view = item->view;
	int r = 0;

	if (view->is_nowhere)
		return br_error_set(err, BR_ERR_USAGE, 0, item->path,
				    "%s is mounted nowhere; --to says where to put it",
				    view->source->subvolume);
	if (view->fd < 0)
		r = mounted_open(view->mountpoint, view->source->subvolume,
				 restore->filesystem->top, &view->fd, err);
	if (r < 0)
		return br_error_context(err, "--to puts it elsewhere");
	r = br_open_beneath(view->fd, "", O_RDONLY | O_DIRECTORY, 0, dir_ret, err);
	item->rest = item->inside;
	return r < 0 ? r : descend(item, dir_ret, err);
}

static int open_elsewhere(const struct restore *restore, struct restore_item *item, int *dir_ret,
			  struct br_error *err)
{
	BR_AUTO_FREE char *dir = NULL;
	const char *slash = strrchr(item->inside, '/');
	int r = given_path_normalize(restore->options->to, &dir, err);

	if (r == 0)
		r = br_open_real_directory(dir, dir_ret, err);
	item->rest = slash ? slash + 1 : item->inside;
	return r;
}

/* Path of the directory that is open, for messages. */
static char *describe_dir(const struct restore *restore, const struct restore_item *item)
{
	size_t length = (size_t)(item->rest - item->path);
	struct br_error ignored;
	char *dir = NULL;

	if (restore->options->to)
		return given_path_normalize(restore->options->to, &dir, &ignored) < 0 ? NULL : dir;
	return strndup(item->path, length > 1 ? length - 1 : 1);
}

/* --- placements --- */

/* What must not be moved is not touched: whoever has said so can take it back. */
static const char *find_obstacle(const struct restore_placement *placement, const struct statx *stx)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;
	struct br_subvol subvol;

	if (stx->stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return "something is mounted there; --to puts it elsewhere";
	if (stx->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND))
		return "what is there is immutable or append-only; chattr -i or -a first";
	if (br_subvol_open(placement->parent, placement->name, &fd, &subvol, &ignored) == 0 &&
	    subvol.read_only)
		return "what is there is a read-only subvolume";
	return NULL;
}

static int check_existing(const struct restore *restore, const struct restore_item *item,
			  struct restore_placement *placement, struct br_error *err)
{
	const char *obstacle;
	struct statx stx;

	if (strncmp(placement->name, BR_TEMP_DIR_PREFIX, strlen(BR_TEMP_DIR_PREFIX)) == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, item->path,
				    "such names are for what is being restored");
	if (statx(placement->parent, placement->name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS, &stx) != 0)
		return errno == ENOENT ? 0
				       : br_error_set(err, BR_ERR_STAT, errno, item->path, NULL);
	placement->exists = true;
	if (!restore->options->keep_old)
		return br_error_set(err, BR_ERR_CREATE, EEXIST, item->path,
				    "--keep-old keeps what is there under another name");
	obstacle = find_obstacle(placement, &stx);
	if (obstacle)
		return br_error_set(err, BR_ERR_EXCHANGE, 0, item->path, "%s", obstacle);
	if (strlen(placement->name) + strlen(".20261123T190501Z-9999") > NAME_MAX)
		return br_error_set(err, BR_ERR_RENAME, ENAMETOOLONG, item->path,
				    "with the time it is too long for what is there");
	return 0;
}

/* Returns the one with this directory and name; the count of them if there is none. */
static size_t find_placement(const struct restore *restore, const struct stat *st, const char *name,
			     size_t length)
{
	size_t i;

	for (i = 0; i < restore->placement_count; i++) {
		const struct restore_placement *placement = &restore->placements[i];

		if (placement->dev == st->st_dev && placement->ino == st->st_ino &&
		    strlen(placement->name) == length &&
		    strncmp(placement->name, name, length) == 0)
			break;
	}
	return i;
}

static int add_placement(struct restore *restore, const struct restore_item *item,
			 const struct stat *st, int dir, struct br_error *err)
{
	struct restore_placement *placement = &restore->placements[restore->placement_count++];

	*placement = (struct restore_placement){
		.parent = dir,
		.dev = st->st_dev,
		.ino = st->st_ino,
		.dir = describe_dir(restore, item),
		.name = strndup(item->rest, strcspn(item->rest, "/")),
		.temp = { .fd = -1 },
	};
	if (!placement->dir || !placement->name)
		return no_memory(err);
	return check_existing(restore, item, placement, err);
}

/*
 * Several paths whose parents are missing are put in place together, with these. All others have places
 * of their own.
 */
static int place(struct restore *restore, struct restore_item *item, int *dir, struct br_error *err)
{
	size_t length = strcspn(item->rest, "/");
	struct stat st;

	if (fstat(*dir, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, item->path, NULL);
	item->placement = find_placement(restore, &st, item->rest, length);
	if (item->placement == restore->placement_count)
		return add_placement(restore, item, &st, br_take_fd(dir), err);
	if (!item->rest[length])
		return br_error_set(err, BR_ERR_USAGE, 0, item->path,
				    "would come to the same place as another one");
	return 0;
}

static int find_target(struct restore *restore, struct restore_item *item, struct br_error *err)
{
	BR_AUTO_CLOSE int dir = -1;
	int r = restore->options->to ? open_elsewhere(restore, item, &dir, err)
				     : open_in_place(restore, item, &dir, err);
	size_t length = (size_t)(item->rest - item->inside);

	if (r < 0)
		return r;
	r = open_source_dir(item, length > 0 ? length - 1 : 0, &item->src_dir, err);
	return r < 0 ? r : place(restore, item, &dir, err);
}

/* --- all --- */

static bool is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Elsewhere, each is on its own. */
static int check_others(const struct restore *restore, const struct restore_item *item,
			struct br_error *err)
{
	for (size_t i = 0; !restore->options->to && i < restore->count; i++) {
		const char *other = restore->items[i].path;

		if (is_within(item->path, other) || is_within(other, item->path))
			return br_error_set(err, BR_ERR_USAGE, 0, item->path,
					    "overlaps with \"%s\", which is named too", other);
	}
	return 0;
}

static int add_item(struct restore *restore, const char *given, struct br_error *err)
{
	struct restore_item item = { .src_dir = -1 };
	int r = given_path_normalize(given, &item.path, err);

	if (r < 0)
		return r;
	r = check_others(restore, &item, err);
	restore->items[restore->count++] = item;
	return r;
}

static int find_item(struct restore *restore, struct restore_item *item, struct br_error *err)
{
	int r = restore_find_view(restore, item->path, &item->view, &item->inside, err);

	if (r == 0)
		r = check_source(restore, item, err);
	return r < 0 ? r : find_target(restore, item, err);
}

/* First what is wrong with the command line itself. */
int restore_find_items(struct restore *restore, struct br_error *err)
{
	size_t count = restore->options->count;
	int r = 0;

	restore->items = calloc(count + 1, sizeof(*restore->items));
	restore->placements = calloc(count + 1, sizeof(*restore->placements));
	if (!restore->items || !restore->placements)
		return no_memory(err);
	restore->count = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_item(restore, restore->options->paths[i], err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = find_item(restore, &restore->items[i], err);
	return r;
}
