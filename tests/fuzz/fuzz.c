/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POISON 0x5a

void fuzz_fail(const char *file, int line, const char *what)
{
	(void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

char *fuzz_text(const uint8_t *data, size_t size)
{
	size_t length = size > 0 ? strnlen((const char *)data, size) : 0;
	char *text = malloc(length + 1);

	FUZZ_CHECK(text);
	if (length > 0)
		memcpy(text, data, length);
	text[length] = '\0';
	return text;
}

void fuzz_split(const uint8_t *data, size_t size, char **parts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = size > 0 ? strnlen((const char *)data, size) : 0;

		parts[i] = fuzz_text(data, size);
		if (length < size)
			length++;
		data = length > 0 ? data + length : data;
		size -= length;
	}
}

void fuzz_check_printable(const char *text)
{
	for (const unsigned char *s = (const unsigned char *)text; *s; s++) {
		FUZZ_CHECK(*s >= ' ' || *s == '\n' || *s == '\t');
		FUZZ_CHECK(*s != 0x7f);
		/* the control characters U+0080 to U+009f */
		FUZZ_CHECK(*s != 0xc2 || s[1] > 0x9f);
		if (*s < 0x80)
			continue;
		/* as for what is behind a first byte: never a lone one, never cut off */
		FUZZ_CHECK(*s >= 0xc2 && *s <= 0xf4);
		for (int more = *s >= 0xf0 ? 3 : *s >= 0xe0 ? 2 : 1; more > 0; more--, s++)
			FUZZ_CHECK((s[1] & 0xc0) == 0x80);
	}
}

void fuzz_check_error(const struct br_error *err, int code)
{
	char message[2 * (BR_ERROR_PATH_MAX + BR_ERROR_TEXT_MAX)];

	FUZZ_CHECK(code < 0 && code >= BR_ERR_LAST && (int)err->code == code);
	br_error_format(err, message, sizeof(message));
	FUZZ_CHECK(*message && !strpbrk(message, "\n\t"));
	fuzz_check_printable(message);
}

void fuzz_poison(void *out, size_t size)
{
	memset(out, POISON, size);
}

void fuzz_check_poisoned(const void *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		FUZZ_CHECK(((const unsigned char *)out)[i] == POISON);
}

static char dir_path[64];
static int dir_fd = -1;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_dir(void)
{
	(void)nftw(dir_path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	(void)close(dir_fd);
}

static void make_dir(void)
{
	/* in memory, if there is such a place */
	const char *above = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	(void)snprintf(dir_path, sizeof(dir_path), "%s/blankroot-fuzz.XXXXXX", above);
	FUZZ_CHECK(mkdtemp(dir_path));
	dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	FUZZ_CHECK(dir_fd >= 0 && atexit(remove_dir) == 0);
}

const char *fuzz_dir(void)
{
	if (dir_fd < 0)
		make_dir();
	return dir_path;
}

int fuzz_dir_fd(void)
{
	(void)fuzz_dir();
	return dir_fd;
}

/* Files that were written stay open: what is cheap is done more often. */
static struct {
	const char *name;
	int fd;
	size_t size;
} open_files[8];

void fuzz_write(const char *name, const void *data, size_t size)
{
	size_t i = 0;

	while (open_files[i].name && strcmp(open_files[i].name, name) != 0)
		FUZZ_CHECK(++i < sizeof(open_files) / sizeof(open_files[0]));
	if (!open_files[i].name) {
		open_files[i].name = name;
		open_files[i].fd = openat(fuzz_dir_fd(), name,
					  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		FUZZ_CHECK(open_files[i].fd >= 0);
	}
	if (size < open_files[i].size)
		FUZZ_CHECK(ftruncate(open_files[i].fd, (off_t)size) == 0);
	FUZZ_CHECK(size == 0 || pwrite(open_files[i].fd, data, size, 0) == (ssize_t)size);
	open_files[i].size = size;
}
