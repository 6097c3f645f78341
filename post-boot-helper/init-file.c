/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot init: files of the root, replaced so that what was there is kept, and can be put back. The root may be that of
 * another system, and its links lead elsewhere there: none is followed.
 */
#include "init-look.h"

#include "beneath.h"
#include "cleanup.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LABEL "security.selinux"
#define LABEL_MAX 256
#define KEPT_MAX 100

/* A file, and that which keeps what it was, in one directory. */
struct place {
	int dir;
	const char *name, *kept; /* kept: NULL: nothing is kept */
};

static const char *last_of(const char *path)
{
	return strrchr(path, '/') + 1; /* paths here are absolute */
}

static int open_place(int root, const char *path, const char *kept, struct place *ret,
		      struct br_error *err)
{
	*ret = (struct place){ .dir = -1, .kept = kept && *kept ? last_of(kept) : NULL };
	return br_open_parent(root, path + 1, &ret->dir, &ret->name, err);
}

static void close_place(struct place *place)
{
	br_cleanup_close(&place->dir);
}

#define AUTO_PLACE __attribute__((cleanup(close_place)))

/* Two names of one file: it was not replaced yet. */
static bool is_one_file(int dir, const char *a, const char *b)
{
	struct stat st_a, st_b;

	return fstatat(dir, a, &st_a, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(dir, b, &st_b, AT_SYMLINK_NOFOLLOW) == 0 && st_a.st_ino == st_b.st_ino;
}

int init_file_read(int root, const char *path, char **text_ret, struct br_error *err)
{
	AUTO_PLACE struct place place;
	int r = open_place(root, path, NULL, &place, err);

	return r < 0 ? r : br_file_read(place.dir, place.name, INIT_TEXT_MAX, text_ret, NULL, err);
}

/* --- writing --- */

/* Can that name be taken for what is there? It has it already when a run was interrupted. */
static int look_at_kept(const struct place *place, const char *kept, bool *is_free_ret,
			struct br_error *err)
{
	struct stat st;

	*is_free_ret = is_one_file(place->dir, place->name, kept);
	if (*is_free_ret || fstatat(place->dir, kept, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	*is_free_ret = errno == ENOENT;
	return *is_free_ret ? 0 : br_error_set(err, BR_ERR_STAT, errno, kept, NULL);
}

int init_file_choose_kept(int root, const char *path, char **ret, struct br_error *err)
{
	AUTO_PLACE struct place place;
	int r = open_place(root, path, NULL, &place, err);

	for (unsigned n = 1; r == 0 && n < KEPT_MAX; n++) {
		char number[16] = "";
		BR_AUTO_FREE char *kept = NULL;
		bool is_free = false;

		if (n > 1)
			(void)snprintf(number, sizeof(number), "-%u", n); /* fits */
		if (asprintf(&kept, "%s" INIT_KEPT_SUFFIX "%s", path, number) < 0) {
			kept = NULL;
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		}
		r = look_at_kept(&place, last_of(kept), &is_free, err);
		if (r == 0 && is_free) {
			*ret = br_take_ptr(&kept);
			return 0;
		}
	}
	return r < 0 ? r
		     : br_error_set(err, BR_ERR_CREATE, EEXIST, path,
				    "too many former files are kept beside it");
}

/* With all its attributes: by a second name. */
static int keep_old(const struct place *place, struct br_error *err)
{
	if (is_one_file(place->dir, place->name, place->kept))
		return 0;
	if (linkat(place->dir, place->name, place->dir, place->kept, 0) != 0)
		return br_error_set(err, BR_ERR_LINK, errno, place->kept, NULL);
	return 0;
}

/* The next system may not read a file that has no label. */
static void copy_label(const struct place *place)
{
	BR_AUTO_CLOSE int from = openat(place->dir, place->kept, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	BR_AUTO_CLOSE int to = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char label[LABEL_MAX];
	ssize_t size = from >= 0 ? fgetxattr(from, LABEL, label, sizeof(label)) : -1;

	if (size > 0 && to >= 0)
		(void)!fsetxattr(to, LABEL, label, (size_t)size, 0); /* as good as without it */
}

int init_file_write(int root, const struct init_step *step, struct br_error *err)
{
	AUTO_PLACE struct place place;
	struct stat st = { .st_mode = 0644 };
	int r = open_place(root, step->path, step->kept, &place, err);

	if (r < 0)
		return r;
	if (place.kept) {
		if (fstatat(place.dir, place.name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return br_error_set(err, BR_ERR_STAT, errno, step->path, NULL);
		if ((r = keep_old(&place, err)) < 0)
			return r;
	}
	r = br_file_replace(place.dir, place.name, step->text, strlen(step->text),
			    st.st_mode & 07777, err);
	if (r == 0 && place.kept)
		copy_label(&place);
	return r;
}

/* --- putting back --- */

static bool is_as_written(const struct place *place, const char *wanted)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;
	char sum[INIT_SUM_SIZE];

	if (br_file_read(place->dir, place->name, INIT_TEXT_MAX, &text, NULL, &ignored) < 0)
		return false;
	init_sum(text, sum);
	return strcmp(sum, wanted) == 0;
}

enum init_file_state init_file_look(int root, const struct init_written *file)
{
	AUTO_PLACE struct place place;
	struct br_error ignored;

	if (open_place(root, file->path, file->kept, &place, &ignored) < 0 ||
	    !init_exists(place.dir, place.kept ? place.kept : place.name))
		return INIT_FILE_GONE;
	if (place.kept && is_one_file(place.dir, place.name, place.kept))
		return INIT_FILE_UNWRITTEN;
	return is_as_written(&place, file->sum) ? INIT_FILE_WRITTEN : INIT_FILE_CHANGED;
}

int init_file_put_back(int root, const struct init_written *file, struct br_error *err)
{
	AUTO_PLACE struct place place;
	int r = open_place(root, file->path, file->kept, &place, err);

	if (r < 0)
		return r;
	if (!place.kept)
		r = unlinkat(place.dir, place.name, 0);
	else if (is_one_file(place.dir, place.name, place.kept))
		r = unlinkat(place.dir, place.kept, 0); /* a rename to itself does nothing */
	else
		r = renameat(place.dir, place.kept, place.dir, place.name);
	return r == 0 ? 0 : br_error_set(err, BR_ERR_REMOVE, errno, file->path, NULL);
}
