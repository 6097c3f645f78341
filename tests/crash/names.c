/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of names, one a line, as text. */
#include "names.h"

#include "cleanup.h"
#include "tree.h"

#include <check.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>

#define ENTRIES_MAX 512

struct entry {
	uint64_t id;
	char *name;
};

static uint64_t id_in(int dirfd, const char *name)
{
	BR_AUTO_CLOSE int fd = tree_open(dirfd, name, false);
	struct btrfs_ioctl_ino_lookup_args args = { .objectid = BTRFS_FIRST_FREE_OBJECTID };

	ck_assert_msg(ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) == 0, "%s: %s", name, strerror(errno));
	return args.treeid;
}

static int by_id_and_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Sort and join; releases the names. */
static char *join(struct entry *entries, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(stream);
	qsort(entries, count, sizeof(*entries), by_id_and_name);
	for (size_t i = 0; i < count; i++) {
		fprintf(stream, "%s\n", entries[i].name);
		free(entries[i].name);
	}
	ck_assert_int_eq(fclose(stream), 0);
	return text;
}

static char *list(int parent, const char *path, bool with_id)
{
	struct entry entries[ENTRIES_MAX] = { 0 };
	BR_AUTO_DIR DIR *dir = fdopendir(tree_open(parent, path, false));
	const struct dirent *found;
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((found = readdir(dir))) {
		if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
			continue;
		ck_assert_uint_lt(count, ENTRIES_MAX);
		entries[count].id = with_id ? id_in(dirfd(dir), found->d_name) : 0;
		entries[count].name = strdup(found->d_name);
		ck_assert_ptr_nonnull(entries[count++].name);
	}
	return join(entries, count);
}

char *names_in(int dirfd, const char *path)
{
	return list(dirfd, path, false);
}

char *names_by_id(int dirfd, const char *path)
{
	return list(dirfd, path, true);
}

char *names_first(const char *text)
{
	char *name = strndup(text, strcspn(text, "\n"));

	ck_assert_ptr_nonnull(name);
	return name;
}

char *names_last(const char *text)
{
	const char *last = text;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		last = text;
	return names_first(last);
}

bool names_contain(const char *text, const char *name)
{
	size_t length = strlen(name);

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		if ((size_t)(end - text) == length && memcmp(text, name, length) == 0)
			return true;
	}
	return false;
}

bool names_contain_all(const char *text, const char *others)
{
	for (; *others; others += strcspn(others, "\n") + 1) {
		BR_AUTO_FREE char *name = names_first(others);

		if (!names_contain(text, name))
			return false;
	}
	return true;
}

bool names_keep_newest(const char *text, const char *now)
{
	bool is_kept = false;

	for (; *text; text += strcspn(text, "\n") + 1) {
		BR_AUTO_FREE char *name = names_first(text);
		bool is_there = names_contain(now, name);

		if (is_kept && !is_there)
			return false;
		is_kept = is_there;
	}
	return is_kept;
}

char *names_without(const char *text, const char *path)
{
	char *rest = calloc(1, strlen(text) + 1);
	size_t length = path ? strlen(path) : 0, size = 0;

	ck_assert_ptr_nonnull(rest);
	while (*text) {
		size_t line = strcspn(text, "\n") + 1;
		bool is_below = path && strncmp(text, path, length) == 0 &&
				(text[length] == ':' || text[length] == '/');

		if (!is_below) {
			memcpy(rest + size, text, line);
			size += line;
		}
		text += line;
	}
	return rest;
}
