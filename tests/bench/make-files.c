/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many small files, as fast as one process can make them:
 *
 *   make-files make DIR COUNT BYTES      COUNT files of BYTES bytes, 1,000 to a directory, in DIR, which exists
 *   make-files change DIR COUNT CHANGES  CHANGES of them, spread evenly: in turn one is made beside a file, a file
 *                                        gets longer, a file is removed. At most as many as there are files
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PER_DIRECTORY 1000
#define MOST_BYTES (1UL << 20)

static char content[MOST_BYTES];

static void write_file(const char *name, int flags, size_t bytes)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (fd < 0 || write(fd, content, bytes) != (ssize_t)bytes || close(fd) != 0)
		err(1, "%s", name);
}

static void name_of(unsigned long number, char name[64])
{
	(void)snprintf(name, 64, "d%05lu/f%07lu", number / PER_DIRECTORY, number);
}

static void make(unsigned long count, size_t bytes)
{
	char name[64];

	for (unsigned long i = 0; i < count; i++) {
		if (i % PER_DIRECTORY == 0) {
			(void)snprintf(name, sizeof(name), "d%05lu", i / PER_DIRECTORY);
			if (mkdir(name, 0755) != 0)
				err(1, "%s", name);
		}
		name_of(i, name);
		/* no two have the same content, so that nobody can share it */
		(void)snprintf(content, 32, "%031lu", i);
		write_file(name, O_EXCL, bytes);
	}
}

static void change(unsigned long count, unsigned long changes)
{
	char name[64 + sizeof(".new")];

	for (unsigned long i = 0; i < changes; i++) {
		name_of(i * (count / changes), name);
		if (i % 3 == 0)
			write_file(strcat(name, ".new"), O_EXCL, 4);
		else if (i % 3 == 1)
			write_file(name, O_APPEND, 5000);
		else if (unlink(name) != 0)
			err(1, "%s", name);
	}
}

int main(int argc, char *argv[])
{
	unsigned long count, number;

	if (argc != 5)
		errx(2, "usage: make-files make DIR COUNT BYTES | change DIR COUNT CHANGES");
	count = strtoul(argv[3], NULL, 10);
	number = strtoul(argv[4], NULL, 10);
	memset(content, 'x', sizeof(content));
	if (chdir(argv[2]) != 0)
		err(1, "%s", argv[2]);
	if (strcmp(argv[1], "make") == 0 && number >= 32 && number <= MOST_BYTES)
		make(count, number);
	else if (strcmp(argv[1], "change") == 0 && number > 0 && number <= count)
		change(count, number);
	else
		errx(2, "nothing can be done with %s, %s and %s", argv[1], argv[3], argv[4]);
	return 0;
}
