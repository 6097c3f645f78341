/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree as text. */
#include "fingerprint.h"

#include "cleanup.h"
#include "facts-list.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define SUBVOLUME_INODE 256
/* Stands where a subvolume was nested in the original; its times are those of the look-up. */
#define PLACEHOLDER_INODE 2

struct printer {
	FILE *out;
	enum fingerprint_flags flags;
	size_t prefix; /* bytes of a path that name the top */
};

/* FNV-1a, 64 bits: differences by accident, not by an opponent. */
static void digest(uint64_t *state, const void *bytes, size_t size)
{
	for (const unsigned char *byte = bytes; size > 0; byte++, size--)
		*state = (*state ^ *byte) * UINT64_C(1099511628211);
}

static uint64_t digest_file(const char *path)
{
	BR_AUTO_CLOSE int fd = tree_open(AT_FDCWD, path, false);
	uint64_t state = UINT64_C(14695981039346656037);
	char data[16384];
	ssize_t n;

	while ((n = read(fd, data, sizeof(data))) > 0)
		digest(&state, data, (size_t)n);
	ck_assert_msg(n == 0, "%s: %s", path, strerror(errno));
	return state;
}

/* The order of a list of attributes says nothing: their digests are added. */
static uint64_t digest_xattrs(const char *path)
{
	char names[4096], value[4096];
	ssize_t size = llistxattr(path, names, sizeof(names));
	uint64_t sum = 0;

	ck_assert_msg(size >= 0, "%s: %s", path, strerror(errno));
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		uint64_t state = UINT64_C(14695981039346656037);
		ssize_t length = lgetxattr(path, name, value, sizeof(value));

		ck_assert_msg(length >= 0, "%s: %s: %s", path, name, strerror(errno));
		digest(&state, name, strlen(name) + 1);
		digest(&state, value, (size_t)length);
		sum += state;
	}
	return sum;
}

static void print_flags(const struct printer *printer, const char *path, const struct stat *st)
{
	BR_AUTO_CLOSE int fd = tree_open(AT_FDCWD, path, false);
	uint64_t subvolume = 0;
	unsigned flags = 0;

	ck_assert(ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 || errno == ENOTTY);
	fprintf(printer->out, " flags=%x", flags);
	if (S_ISDIR(st->st_mode) && st->st_ino == SUBVOLUME_INODE) {
		ck_assert(ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &subvolume) == 0);
		fprintf(printer->out, " subvolume%s",
			subvolume & BTRFS_SUBVOL_RDONLY ? " read-only" : "");
	}
}

static void print_details(const struct printer *printer, const char *path, const struct stat *st)
{
	char target[4096] = "";

	fprintf(printer->out, " mtime=%lld.%09ld xattrs=%" PRIx64, (long long)st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec, digest_xattrs(path));
	if (S_ISREG(st->st_mode))
		fprintf(printer->out, " size=%lld content=%" PRIx64, (long long)st->st_size,
			digest_file(path));
	if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
		print_flags(printer, path, st);
	if (S_ISLNK(st->st_mode)) {
		ck_assert(readlink(path, target, sizeof(target) - 1) >= 0);
		fprintf(printer->out, " target=%s", target);
	}
	if (printer->flags & FINGERPRINT_IDENTITY)
		fprintf(printer->out, " inode=%llu atime=%lld.%09ld ctime=%lld.%09ld",
			(unsigned long long)st->st_ino, (long long)st->st_atim.tv_sec,
			st->st_atim.tv_nsec, (long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static void print_object(const struct printer *printer, const FTSENT *entry)
{
	const char *path = entry->fts_path + printer->prefix;
	const struct stat *st = entry->fts_statp;

	text_escaped(printer->out, *path ? path + 1 : ".", strlen(*path ? path + 1 : "."),
		     SIZE_MAX);
	fprintf(printer->out, ": mode=%o owner=%u:%u", st->st_mode, st->st_uid, st->st_gid);
	if (S_ISDIR(st->st_mode) && st->st_ino == PLACEHOLDER_INODE)
		fputs(" place-holder", printer->out);
	else if (entry->fts_level > 0 || !(printer->flags & FINGERPRINT_NO_TOP))
		print_details(printer, entry->fts_accpath, st);
	(void)fputc('\n', printer->out);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

char *fingerprint(int dirfd, const char *path, enum fingerprint_flags flags, const char *skip)
{
	BR_AUTO_FREE char *top = NULL;
	struct printer printer = { .flags = flags };
	struct text text;
	FTSENT *entry;

	ck_assert(asprintf(&top, "/proc/self/fd/%d/%s", dirfd, path) > 0);
	text_begin(&text);
	printer.out = text.stream;
	printer.prefix = strlen(top);
	FTS *fts = fts_open((char *[]){ top, NULL }, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	ck_assert_ptr_nonnull(fts);
	while (errno = 0, (entry = fts_read(fts))) {
		ck_assert_msg(entry->fts_info != FTS_ERR && entry->fts_info != FTS_DNR &&
				      entry->fts_info != FTS_NS,
			      "%s: %s", entry->fts_path, strerror(entry->fts_errno));
		if (entry->fts_level == 1 && skip && strcmp(entry->fts_name, skip) == 0)
			(void)fts_set(fts, entry, FTS_SKIP);
		else if (entry->fts_info != FTS_DP)
			print_object(&printer, entry);
	}
	ck_assert_int_eq(errno, 0);
	(void)fts_close(fts);
	return text_end(&text);
}

void assert_same_fingerprint(const char *expected, const char *actual, const char *what)
{
	size_t same = 0;

	if (strcmp(expected, actual) == 0)
		return;
	while (expected[same] == actual[same])
		same++;
	while (same > 0 && expected[same - 1] != '\n')
		same--;
	ck_abort_msg("%s is not what it must be\nexpected: %.*s\nfound:    %.*s", what,
		     (int)strcspn(expected + same, "\n"), expected + same,
		     (int)strcspn(actual + same, "\n"), actual + same);
}
