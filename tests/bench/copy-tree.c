/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree copy on its own, for bench-copy:
 *
 *   copy-tree make DIR COUNT     make a tree of COUNT small files of mixed sizes, 100 in each directory
 *   copy-tree copy SOURCE COPY   with br_copy_tree
 *   copy-tree remove DIR         with br_remove_tree
 *
 * DIR, SOURCE and COPY are plain names in the working directory.
 */
#include "cleanup.h"
#include "copy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_PER_DIRECTORY 100
#define LARGEST 30000

static int fail(const struct br_error *err)
{
	char message[2048];

	br_error_format(err, message, sizeof(message));
	(void)fprintf(stderr, "copy-tree: %s\n", message);
	return 1;
}

/* Some empty, many small enough to be inline, the rest of a few blocks: as in /etc and /var/lib. */
static size_t size_of_file(unsigned long number)
{
	static const size_t sizes[] = { 0,    200,  500,  1000, 1500,  2500,
					4000, 4096, 6000, 9000, 16000, LARGEST };

	return sizes[number * 7 % (sizeof(sizes) / sizeof(sizes[0]))];
}

static int make_file(int dir, unsigned long number, const char *content)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "file-%06lu.dat", number);
	BR_AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t size = size_of_file(number);

	return fd >= 0 && write(fd, content, size) == (ssize_t)size ? 0 : -1;
}

static int make_directory(int top, unsigned long number)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "directory-%05lu", number);
	if (mkdirat(top, name, 0755) != 0)
		return -1;
	return openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make(const char *name, unsigned long count)
{
	static char content[LARGEST];
	BR_AUTO_CLOSE int top = -1;
	BR_AUTO_CLOSE int dir = -1;

	memset(content, 'x', sizeof(content));
	if (mkdir(name, 0755) != 0 || (top = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	for (unsigned long i = 0; i < count; i++) {
		if (i % FILES_PER_DIRECTORY == 0) {
			br_cleanup_close(&dir);
			dir = make_directory(top, i / FILES_PER_DIRECTORY);
		}
		if (dir < 0 || make_file(dir, i, content) != 0)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	BR_AUTO_CLOSE int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct br_error err;

	if (here < 0)
		return perror("."), 1;
	if (argc == 4 && strcmp(argv[1], "make") == 0)
		return make(argv[2], strtoul(argv[3], NULL, 10)) == 0 ? 0 : (perror(argv[2]), 1);
	if (argc == 4 && strcmp(argv[1], "copy") == 0)
		return br_copy_tree(here, argv[2], here, argv[3], NULL, NULL, &err) == 0
			       ? 0
			       : fail(&err);
	if (argc == 3 && strcmp(argv[1], "remove") == 0)
		return br_remove_tree(here, argv[2], &err) == 0 ? 0 : fail(&err);
	(void)fprintf(stderr, "usage: copy-tree make DIR COUNT | copy SOURCE COPY | remove DIR\n");
	return 2;
}
