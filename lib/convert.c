/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Turning a directory into a subvolume. */
#include "convert.h"

#include "beneath.h"
#include "cleanup.h"
#include "record.h"
#include "subvol.h"
#include "tree-path.h"
#include "unchanged.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/*
 * On BR_CONVERT_DIR: "<transaction> <nanoseconds> <path from the subvolume's root>", of the conversion that is under way;
 * later NOTE_REMOVE: what is in it was looked at, and is being removed.
 */
#define BR_XATTR_CONVERTING BR_XATTR_PREFIX "converting"
#define NOTE_REMOVE "remove"

#define NOTE_MAX 8192

/* The directory of ours in the subvolume. */
struct work {
	int fd; /* locked; -1: there is none */
	const struct br_conversion *conversion;
	struct br_error *err;
};

static void work_close(struct work *work)
{
	br_cleanup_close(&work->fd);
}

/* What is there and is not root's alone was not made by us. */
static int work_lock(struct work *work)
{
	struct stat st;

	if (fstat(work->fd, &st) != 0)
		return br_error_set(work->err, BR_ERR_STAT, errno, BR_CONVERT_DIR, NULL);
	if (st.st_uid != 0 || (st.st_mode & 07777) != 0700)
		return br_error_set(work->err, BR_ERR_LAYOUT, 0, BR_CONVERT_DIR,
				    "is not a directory that blankroot made: owner or mode differ");
	if (flock(work->fd, LOCK_EX | LOCK_NB) != 0)
		return br_error_set(work->err, BR_ERR_LOCKED, errno, BR_CONVERT_DIR,
				    "another conversion is running");
	return 0;
}

/* Whoever had the lock when this one was opened may have removed it: then it is another one, or none. */
static bool work_is_gone(const struct work *work)
{
	struct stat st;

	return fstat(work->fd, &st) == 0 && st.st_nlink == 0;
}

static int work_open(struct work *work)
{
	int r;

	do {
		br_cleanup_close(&work->fd);
		work->fd = openat(work->conversion->root, BR_CONVERT_DIR,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (work->fd < 0)
			return errno == ENOENT ? 0
					       : br_error_set(work->err, BR_ERR_OPEN, errno,
							      BR_CONVERT_DIR, NULL);
		r = work_lock(work);
	} while (r == 0 && work_is_gone(work));
	return r;
}

static int work_make(struct work *work)
{
	int r;

	do {
		/* the mode is as asked for, whatever the umask: it has no other bits */
		if (mkdirat(work->conversion->root, BR_CONVERT_DIR, 0700) != 0 && errno != EEXIST)
			return br_error_set(work->err, BR_ERR_CREATE, errno, BR_CONVERT_DIR, NULL);
		r = work_open(work);
	} while (r == 0 && work->fd < 0);
	return r;
}

static int work_remove(const struct work *work)
{
	if (unlinkat(work->conversion->root, BR_CONVERT_DIR, AT_REMOVEDIR) != 0)
		return br_error_set(work->err, BR_ERR_REMOVE, errno, BR_CONVERT_DIR, NULL);
	return 0;
}

static int set_note(const struct work *work, const char *text)
{
	if (fsetxattr(work->fd, BR_XATTR_CONVERTING, text, strlen(text), 0) != 0)
		return br_error_set(work->err, BR_ERR_XATTR, errno, BR_CONVERT_DIR,
				    BR_XATTR_CONVERTING);
	return 0;
}

static int note_moment(const struct work *work, const struct br_moment *moment)
{
	const struct br_conversion *c = work->conversion;
	__attribute__((cleanup(
		br_tree_paths_free))) struct br_tree_paths paths = br_tree_paths_begin(c->root);
	BR_AUTO_FREE char *text = NULL;
	const char *path;
	int r = br_tree_path_of_dir(&paths, c->ino, &path, work->err);

	if (r < 0)
		return r;
	if (asprintf(&text, "%" PRIu64 " %" PRIu64 " %s", moment->transid, moment->nsec, path) <
	    0) {
		text = NULL; /* undefined after a failure */
		return br_error_set(work->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	return set_note(work, text);
}

struct note {
	struct br_moment
		moment; /* zeroed where the note cannot be understood: before all changes */
	bool is_removed;
	char path
		[NOTE_MAX]; /* of the directory, from the root directory of the subvolume around it */
};

static void read_note(const struct work *work, struct note *note)
{
	char text[NOTE_MAX] = "", *end;

	*note = (struct note){ 0 };
	if (fgetxattr(work->fd, BR_XATTR_CONVERTING, text, sizeof(text) - 1) <= 0)
		return;
	note->is_removed = strcmp(text, NOTE_REMOVE) == 0;
	note->moment.transid = strtoull(text, &end, 10);
	if (*end == ' ')
		note->moment.nsec = strtoull(end + 1, &end, 10);
	if (*end == ' ')
		memcpy(note->path, end + 1, strlen(end + 1) + 1);
	else
		note->moment = (struct br_moment){ 0 };
}

static int discard_subvolume(const struct work *work, int fd)
{
	struct br_subvol subvol;
	int r = br_subvol_stat(fd, &subvol, work->err);

	return r < 0 ? r : br_subvol_delete_tree(work->fd, BR_CONVERT_NAME, subvol.id, work->err);
}

/* To whoever goes on with it, a directory that was removed from is one that was changed. */
static int remove_directory(const struct work *work)
{
	int r = set_note(work, NOTE_REMOVE);

	return r < 0 ? r : br_remove_tree(work->fd, BR_CONVERT_NAME, work->err);
}

/* A snapshot that was taken meanwhile, and became what is in use, has the directory and not the subvolume. */
static int check_replaced(const struct work *work, const char *path)
{
	BR_AUTO_CLOSE int fd = -1;
	bool is_root = false;
	int r = br_open_beneath(work->conversion->root, path,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME, 0, &fd, work->err);

	if (r == 0)
		r = br_subvol_is_root(fd, &is_root, work->err);
	else if (work->err->sys_errno == ENOENT || work->err->sys_errno == ENOTDIR)
		r = 0;
	if (r < 0 || is_root)
		return r;
	return br_error_set(
		work->err, BR_ERR_IN_USE, 0, BR_CONVERT_DIR "/" BR_CONVERT_NAME,
		"may be the only copy of %s, where there is no subvolume: see to it, then "
		"remove " BR_CONVERT_DIR " in the root directory of the subvolume around it",
		path);
}

/* The directory that was replaced goes, unless it has what the subvolume does not have. */
static int discard_directory(const struct work *work)
{
	BR_AUTO_FREE char *changed = NULL;
	struct note note;
	int r = 0;

	read_note(work, &note);
	if (!note.is_removed)
		r = br_unchanged_since(work->fd, BR_CONVERT_NAME, &note.moment, true, &changed,
				       work->err);
	if (r < 0)
		return r;
	if (!changed && !note.is_removed && (r = check_replaced(work, note.path)) < 0)
		return r;
	if (!changed)
		return remove_directory(work);
	(void)br_error_set(work->err, BR_ERR_IN_USE, 0, changed,
			   "was changed while %s became a subvolume, which may not have that: see "
			   "to it, then remove " BR_CONVERT_DIR
			   " in the root directory of the subvolume around it",
			   note.path[0] ? note.path : "a directory");
	return br_error_prefix_path(work->err, BR_CONVERT_DIR);
}

/* What a snapshot has in place of an unfinished subvolume. */
static int discard_stub(const struct work *work)
{
	if (unlinkat(work->fd, BR_CONVERT_NAME, AT_REMOVEDIR) != 0)
		return br_error_set(work->err, BR_ERR_REMOVE, errno,
				    BR_CONVERT_DIR "/" BR_CONVERT_NAME, NULL);
	return 0;
}

static int discard(const struct work *work)
{
	BR_AUTO_CLOSE int fd = openat(work->fd, BR_CONVERT_NAME,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	bool is_root = false;
	struct stat st;
	int r;

	if (fd < 0)
		return errno == ENOENT
			       ? 0
			       : br_error_set(work->err, BR_ERR_OPEN, errno, BR_CONVERT_NAME, NULL);
	if (fstat(fd, &st) != 0)
		return br_error_set(work->err, BR_ERR_STAT, errno, BR_CONVERT_NAME, NULL);
	if (st.st_ino == BR_SUBVOL_PLACEHOLDER_INO)
		return discard_stub(work);
	if ((r = br_subvol_is_root(fd, &is_root, work->err)) < 0)
		return r;
	return is_root ? discard_subvolume(work, fd) : discard_directory(work);
}

int br_conversion_finish(const struct br_conversion *conversion, struct br_error *err)
{
	__attribute__((cleanup(work_close))) struct work work = { -1, conversion, err };
	int r = conversion->root < 0 ? 0 : work_open(&work);

	if (r == 0 && work.fd >= 0 && (r = discard(&work)) == 0)
		r = work_remove(&work);
	return r;
}

/* --- converting --- */

static int fail_changed(const struct work *work, const char *path)
{
	return br_error_set(work->err, BR_ERR_IN_USE, 0, path,
			    "was changed while it was copied; stop what writes to it");
}

/* Until the lock was had, another run may have converted it, or something in it. */
static int check_again(const struct work *work)
{
	const struct br_conversion *c = work->conversion;
	struct stat st;

	if (fstatat(c->parent, c->name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_ino != c->ino)
		return br_error_set(work->err, BR_ERR_IN_USE, 0, c->path,
				    "was replaced meanwhile; try again");
	return br_conversion_check_nested(c, work->err);
}

/* Copied, flushed, and nobody has changed anything meanwhile. */
static int copy(const struct work *work, const struct br_moment *moment,
		const struct br_conversion_options *how, struct br_copy_stats *stats)
{
	const struct br_copy_options options = { .as_subvolume = true, .progress = how->progress };
	const struct br_conversion *c = work->conversion;
	BR_AUTO_FREE char *changed = NULL;
	int r;

	if ((r = br_copy_tree(c->parent, c->name, work->fd, BR_CONVERT_NAME, &options, stats,
			      work->err)) < 0 ||
	    (r = br_unchanged_since(c->parent, c->name, moment, false, &changed, work->err)) < 0)
		return r;
	return changed && !how->force ? fail_changed(work, changed) : 0;
}

static int exchange(const struct work *work)
{
	const struct br_conversion *c = work->conversion;

	if (renameat2(c->parent, c->name, work->fd, BR_CONVERT_NAME, RENAME_EXCHANGE) != 0)
		return br_error_set(work->err, BR_ERR_EXCHANGE, errno, c->path, NULL);
	return 0;
}

/* The parent may belong to somebody who put something else there. */
static int exchange_checked(const struct work *work)
{
	struct stat st;
	int r = exchange(work);

	if (r < 0)
		return r;
	if (fstatat(work->fd, BR_CONVERT_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino == work->conversion->ino)
		return 0;
	r = exchange(work);
	return r < 0 ? r
		     : br_error_set(work->err, BR_ERR_IN_USE, 0, work->conversion->path,
				    "was replaced while it was copied");
}

/* From here on the subvolume is in place; whatever fails leaves the directory to the next call. */
static int replace(const struct work *work, const struct br_moment *moment, bool *changed_ret)
{
	BR_AUTO_FREE char *changed = NULL;
	int r;

	if ((r = br_subvol_commit(work->fd, work->err)) < 0 ||
	    (r = br_unchanged_since(work->fd, BR_CONVERT_NAME, moment, true, &changed, work->err)) <
		    0)
		return r;
	*changed_ret = changed;
	if (changed)
		return 0;
	r = remove_directory(work);
	return r < 0 ? r : work_remove(work);
}

static int convert(struct work *work, const struct br_conversion_options *options,
		   struct br_conversion_result *ret)
{
	struct br_moment moment;
	int r;

	if ((r = br_moment_take(work->conversion->dir, &moment, work->err)) < 0 ||
	    (r = work_make(work)) < 0 || (r = note_moment(work, &moment)) < 0)
		return r;
	r = check_again(work);
	if (r == 0)
		r = copy(work, &moment, options, &ret->stats);
	if (r == 0)
		r = exchange_checked(work);
	if (r == 0)
		return replace(work, &moment, &ret->is_changed);
	/* what went wrong first is what counts; what cannot be removed is left to the next call */
	struct br_error none = { 0 };
	const struct work cleaning = { work->fd, work->conversion, &none };

	if (discard(&cleaning) == 0)
		(void)work_remove(&cleaning);
	return r;
}

int br_conversion_run(const struct br_conversion *conversion,
		      const struct br_conversion_options *options, struct br_conversion_result *ret,
		      struct br_error *err)
{
	__attribute__((cleanup(work_close))) struct work work = { -1, conversion, err };
	int r = br_conversion_finish(conversion, err);

	*ret = (struct br_conversion_result){ 0 };
	return r < 0 ? r : convert(&work, options, ret);
}
