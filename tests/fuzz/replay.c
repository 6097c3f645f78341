/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main of fuzz targets without libFuzzer: runs the input of each file, and of each file of a directory, that is
 * named on the command line.
 */
#include "fuzz.h"

#include "cleanup.h"
#include "file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define INPUT_MAX (16u << 20)

static unsigned inputs;

static void replay_file(int dirfd, const char *path)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error err;
	size_t size = 0;

	if (br_file_read(dirfd, path, INPUT_MAX, &text, &size, &err) < 0) {
		(void)fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(err.sys_errno));
		exit(1);
	}
	/* on the way: the one that a crash is about is the last one */
	(void)printf("%s\n", path);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)text, size);
	inputs++;
}

static void replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir) {
		replay_file(AT_FDCWD, path);
		return;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			replay_file(dirfd(dir), entry->d_name);
	(void)closedir(dir);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		(void)fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	(void)printf("%u inputs\n", inputs);
	return inputs > 0 ? 0 : 1;
}
