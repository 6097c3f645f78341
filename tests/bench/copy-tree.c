/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree copy on its own, for bench-copy:
 *
 *   copy-tree make DIR COUNT     make a tree of COUNT small files of mixed sizes and owners
 *   copy-tree copy SOURCE COPY   with br_copy_tree
 *   copy-tree remove DIR         with br_remove_tree
 *   copy-tree extents FILE COUNT   make a file of COUNT extents, with holes between them
 *
 * DIR, SOURCE and COPY are plain names in the working directory.
 */
#include "cleanup.h"
#include "copy.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define FILES_PER_DIRECTORY 100
#define DIRECTORIES_PER_GROUP 10
#define LARGEST 20480

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

	return sizes[number * 7 % COUNT_OF(sizes)];
}

/* Whom a service's files belong to, and who may read them. */
struct owner {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static const struct owner *owner_of(unsigned long number)
{
	static const struct owner owners[] = {
		{ 0, 0, 0644 },   { 0, 0, 0600 },     { 0, 42, 0640 },      { 33, 33, 0644 },
		{ 33, 33, 0755 }, { 101, 103, 0600 }, { 1000, 1000, 0664 }, { 65534, 65534, 0444 },
	};

	return &owners[number / FILES_PER_DIRECTORY % COUNT_OF(owners)];
}

/* One file of ten has an attribute: a label, a checksum or a capability. */
static int set_attribute(int fd, unsigned long number)
{
	static const char *const names[] = { "user.mime_type", "user.sha256", "trusted.origin" };

	static const char value[32];

	if (number % 10 != 0)
		return 0;
	return fsetxattr(fd, names[number / 10 % COUNT_OF(names)], value, sizeof(value), 0);
}

static int set_owner(int fd, unsigned long number)
{
	const struct owner *owner = owner_of(number);

	return fchown(fd, owner->uid, owner->gid) == 0 ? fchmod(fd, owner->mode) : -1;
}

static int set_times(int fd, unsigned long number)
{
	const struct timespec time = { .tv_sec = 1700000000 + (time_t)number,
				       .tv_nsec = (long)(number * 7919 % 1000000000) };

	return futimens(fd, (struct timespec[]){ time, time });
}

static int make_file(int dir, unsigned long number, const char *content)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "file-%06lu.dat", number);
	BR_AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t size = size_of_file(number);

	if (fd < 0 || write(fd, content, size) != (ssize_t)size || set_owner(fd, number) != 0 ||
	    set_attribute(fd, number) != 0 || set_times(fd, number) != 0)
		return -1;
	return 0;
}

/* Directories in groups, two levels deep. Returns the descriptor of one of them. */
static int make_directory(int top, unsigned long number)
{
	BR_AUTO_CLOSE int group = -1;
	char name[32];

	(void)snprintf(name, sizeof(name), "group-%04lu", number / DIRECTORIES_PER_GROUP);
	if (number % DIRECTORIES_PER_GROUP == 0 && mkdirat(top, name, 0755) != 0)
		return -1;
	group = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	(void)snprintf(name, sizeof(name), "directory-%05lu", number);
	if (group < 0 || mkdirat(group, name, 0755) != 0)
		return -1;
	return openat(group, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make_files(int top, unsigned long count)
{
	static char content[LARGEST];
	BR_AUTO_CLOSE int dir = -1;

	memset(content, 'x', sizeof(content));
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

static int make(const char *name, unsigned long count)
{
	BR_AUTO_CLOSE int top = -1;

	if (mkdir(name, 0755) != 0 || (top = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -1;
	return make_files(top, count);
}

static int make_extents(const char *name, unsigned long count)
{
	static const char block[4096] = "extent";
	BR_AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	for (unsigned long i = 0; fd >= 0 && i < count; i++)
		if (pwrite(fd, block, sizeof(block), (off_t)(i * 2 * sizeof(block))) !=
		    (ssize_t)sizeof(block))
			return -1;
	return fd < 0 ? -1 : fsync(fd);
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
	if (argc == 4 && strcmp(argv[1], "extents") == 0)
		return make_extents(argv[2], strtoul(argv[3], NULL, 10)) == 0
			       ? 0
			       : (perror(argv[2]), 1);
	if (argc == 3 && strcmp(argv[1], "remove") == 0)
		return br_remove_tree(here, argv[2], &err) == 0 ? 0 : fail(&err);
	(void)fprintf(stderr, "usage: copy-tree make DIR COUNT | copy SOURCE COPY | "
			      "remove DIR | extents FILE COUNT\n");
	return 2;
}
