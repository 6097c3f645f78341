/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing trees that are too deep for any program that works with paths. One descriptor for each
 * tree at any depth: the way up is "..".
 */
#include "cleanup.h"
#include "facts-list.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A directory on the way down: the names in it that are still to be visited. */
struct level {
	char **name;
	size_t count, next;
};

struct walk {
	int a, b;
	struct level *level;
	size_t depth, room;
	FILE *out;
};

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct level read_names(int dirfd)
{
	struct level level = { .count = 0 };
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	ck_assert_msg(dir != NULL, "opening a directory: %s", strerror(errno));
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		level.name = reallocarray(level.name, level.count + 1, sizeof(*level.name));
		ck_assert_ptr_nonnull(level.name);
		level.name[level.count] = strdup(entry->d_name);
		ck_assert_ptr_nonnull(level.name[level.count++]);
	}
	(void)closedir(dir);
	if (level.count)
		qsort(level.name, level.count, sizeof(*level.name), compare_strings);
	return level;
}

static void free_names(struct level *level)
{
	for (size_t i = 0; i < level->count; i++)
		free(level->name[i]);
	free(level->name);
}

static void report(const struct walk *walk, const char *name, const char *what)
{
	text_escaped(walk->out, name, strlen(name), SIZE_MAX);
	fprintf(walk->out, ": at depth %zu: %s\n", walk->depth, what);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_content(const struct walk *walk, const char *name)
{
	BR_AUTO_CLOSE int a = tree_open(walk->a, name, false);
	BR_AUTO_CLOSE int b = tree_open(walk->b, name, false);
	ssize_t n;

	do {
		char x[4096], y[4096];

		n = read(a, x, sizeof(x));
		ck_assert_int_ge(n, 0);
		if (read(b, y, sizeof(y)) != n || memcmp(x, y, (size_t)n) != 0)
			return false;
	} while (n > 0);
	return true;
}

static bool same_target(const struct walk *walk, const char *name)
{
	char x[4097], y[4097];
	ssize_t n = readlinkat(walk->a, name, x, sizeof(x));

	return n >= 0 && readlinkat(walk->b, name, y, sizeof(y)) == n &&
	       memcmp(x, y, (size_t)n) == 0;
}

/* Both exist. Returns true when both are directories. */
static bool compare_object(const struct walk *walk, const char *name)
{
	struct stat x, y;

	ck_assert(fstatat(walk->a, name, &x, AT_SYMLINK_NOFOLLOW) == 0);
	ck_assert(fstatat(walk->b, name, &y, AT_SYMLINK_NOFOLLOW) == 0);
	if (x.st_mode != y.st_mode)
		report(walk, name, "mode or type");
	if (x.st_uid != y.st_uid || x.st_gid != y.st_gid)
		report(walk, name, "owner");
	if (x.st_size != y.st_size)
		report(walk, name, "size");
	if (x.st_rdev != y.st_rdev)
		report(walk, name, "device");
	if (!same_time(x.st_mtim, y.st_mtim) || !same_time(x.st_atim, y.st_atim))
		report(walk, name, "times");
	if (S_ISREG(x.st_mode) && S_ISREG(y.st_mode) && !same_content(walk, name))
		report(walk, name, "content");
	if (S_ISLNK(x.st_mode) && S_ISLNK(y.st_mode) && !same_target(walk, name))
		report(walk, name, "target");
	return S_ISDIR(x.st_mode) && S_ISDIR(y.st_mode);
}

/* Compare the names in both; what both have is left to visit. */
static void enter(struct walk *walk)
{
	struct level level = read_names(walk->a);
	struct level other = read_names(walk->b);
	size_t both = 0, j = 0;

	for (size_t i = 0; i < level.count; i++) {
		for (; j < other.count && strcmp(other.name[j], level.name[i]) < 0; j++)
			report(walk, other.name[j], "only in the second");
		if (j < other.count && strcmp(other.name[j], level.name[i]) == 0) {
			level.name[both++] = level.name[i];
			j++;
		} else {
			report(walk, level.name[i], "only in the first");
			free(level.name[i]);
		}
	}
	for (; j < other.count; j++)
		report(walk, other.name[j], "only in the second");
	free_names(&other);
	level.count = both;
	if (walk->depth == walk->room) {
		walk->room = walk->room ? walk->room * 2 : 64;
		walk->level = reallocarray(walk->level, walk->room, sizeof(*walk->level));
		ck_assert_ptr_nonnull(walk->level);
	}
	walk->level[walk->depth++] = level;
}

static void move(int *fd, const char *name)
{
	int next = tree_open(*fd, name, false);

	(void)close(*fd);
	*fd = next;
}

char *oracle_walk(int a, int b)
{
	struct walk walk = { .a = fcntl(a, F_DUPFD_CLOEXEC, 3), .b = fcntl(b, F_DUPFD_CLOEXEC, 3) };
	struct text text;

	text_begin(&text);
	walk.out = text.stream;
	ck_assert(walk.a >= 0 && walk.b >= 0);
	(void)compare_object(&walk, ".");
	enter(&walk);
	while (walk.depth > 0) {
		struct level *level = &walk.level[walk.depth - 1];
		const char *name = level->next < level->count ? level->name[level->next++] : "..";

		if (strcmp(name, "..") == 0) {
			free_names(level);
			if (--walk.depth == 0)
				break;
		} else if (!compare_object(&walk, name)) {
			continue;
		}
		move(&walk.a, name);
		move(&walk.b, name);
		if (strcmp(name, "..") != 0)
			enter(&walk);
	}
	free(walk.level);
	(void)close(walk.a);
	(void)close(walk.b);
	return text_end(&text);
}
