/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files for booting, and what became of them. */
#include "boot-files.h"

#include "cleanup.h"
#include "entries.h"
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#define DEPTH_MAX 16
#define TEXT_MAX (4 * 1024 * 1024)

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- listing --- */

struct listing {
	struct boot_files *files;
	int dir;
	const char *below; /* path of it, with a slash behind; "" */
	unsigned depth;
};

static int add(struct boot_files *files, char *path, const struct stat *st, struct br_error *err)
{
	if (files->count == files->room) {
		size_t room = 2 * files->room + 64;
		struct boot_file *grown = reallocarray(files->list, room, sizeof(*grown));

		if (!grown)
			return no_memory(err);
		files->list = grown;
		files->room = room;
	}
	files->list[files->count++] = (struct boot_file){ path, st->st_size, st->st_mtim };
	return 0;
}

static int visit(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct listing *listing = data;
	BR_AUTO_FREE char *path = NULL;
	struct stat st;
	int r;

	(void)type;
	if (fstatat(listing->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0; /* gone meanwhile */
	if (asprintf(&path, "%s%s%s", listing->below, name, S_ISDIR(st.st_mode) ? "/" : "") < 0) {
		path = NULL;
		return no_memory(err);
	}
	if (S_ISREG(st.st_mode)) {
		r = add(listing->files, path, &st, err);
		if (r == 0)
			path = NULL;
		return r;
	}
	if (S_ISDIR(st.st_mode) && listing->depth < DEPTH_MAX) {
		BR_AUTO_CLOSE int dir = openat(listing->dir, name,
					       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct listing inner = { listing->files, dir, path, listing->depth + 1 };

		return dir < 0 ? 0 : br_entries_visit(dir, visit, &inner, err);
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct boot_file *)a)->path, ((const struct boot_file *)b)->path);
}

int boot_files_list(int dir, struct boot_files *ret, struct br_error *err)
{
	struct boot_files files = { 0 };
	struct listing listing = { .files = &files, .dir = dir, .below = "" };
	int r = dir < 0 ? 0 : br_entries_visit(dir, visit, &listing, err);

	if (r < 0) {
		boot_files_free(&files);
		return r;
	}
	if (files.count > 0)
		qsort(files.list, files.count, sizeof(*files.list), by_path);
	*ret = files;
	return 0;
}

void boot_files_free(struct boot_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < files->count; i++)
		free(files->list[i].path);
	free(files->list);
	*files = (struct boot_files){ 0 };
}

/* --- comparing --- */

/* Not by inode: those of FAT are made up anew when they are looked up again. */
static int is_same(const struct boot_file *a, const struct boot_file *b)
{
	return a->size == b->size && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

int boot_files_compare(const struct boot_files *before, const struct boot_files *after,
		       boot_files_visitor visitor, void *data, struct br_error *err)
{
	size_t i = 0, j = 0;
	int r = 0;

	while (r >= 0 && (i < before->count || j < after->count)) {
		int order = i == before->count  ? 1
			    : j == after->count ? -1
						: strcmp(before->list[i].path, after->list[j].path);

		if (order < 0)
			r = visitor(data, before->list[i++].path, err);
		else if (order > 0)
			r = visitor(data, after->list[j++].path, err);
		else if (!is_same(&before->list[i++], &after->list[j++]))
			r = visitor(data, after->list[j - 1].path, err);
	}
	return r;
}

/* --- mending --- */

/* Owned by the caller. */
static char *replace_all(const char *text, const char *wrong, const char *right, size_t *size_ret)
{
	char *mended = NULL;
	const char *at;
	FILE *out = open_memstream(&mended, size_ret);

	if (!out)
		return NULL;
	for (; (at = strstr(text, wrong)); text = at + strlen(wrong))
		(void)fprintf(out, "%.*s%s", (int)(at - text), text, right); /* see below */
	(void)fputs(text, out);
	if (ferror(out) | fclose(out)) {
		free(mended);
		return NULL;
	}
	return mended;
}

int boot_files_mend(int dir, const char *path, const char *wrong, const char *right,
		    struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *mended = NULL;
	struct stat st;
	size_t size;
	int r;

	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_size > TEXT_MAX)
		return 0;
	if ((r = br_file_read(dir, path, TEXT_MAX, &text, &size, err)) < 0)
		return r;
	if (strlen(text) != size || !strstr(text, wrong))
		return 0;
	mended = replace_all(text, wrong, right, &size);
	if (!mended)
		return no_memory(err);
	r = br_file_replace(dir, path, mended, size, st.st_mode & 07777, err);
	return r < 0 ? r : 1;
}
