/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file system without space left. */
#include "full.h"

#include "cleanup.h"
#include "layout.h"
#include "run.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define TINY 2000ULL

/*
 * An extended attribute: content, even if it ends up among the metadata, needs data space while it
 * is written.
 */
static bool make_tiny_file(int dirfd, unsigned number)
{
	char name[32], content[TINY];

	snprintf(name, sizeof(name), "%u", number);
	BR_AUTO_CLOSE int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	memset(content, (int)(number & 0xff), sizeof(content));
	if (fd >= 0 && fsetxattr(fd, "user.content", content, sizeof(content), 0) == 0)
		return true;
	ck_assert_msg(errno == ENOSPC, "%s: %s", name, strerror(errno));
	return false;
}

void full_make_tiny_files(int dirfd, const char *dir, unsigned long long size)
{
	BR_AUTO_CLOSE int fd = tree_mkdir(dirfd, dir);
	unsigned number = 0, before;

	/* what an earlier transaction freed can be had once it is committed */
	do {
		before = number;
		while ((size == 0 || number * TINY < size) && make_tiny_file(fd, number))
			number++;
		(void)syncfs(fd); /* no space for that either: so be it */
	} while (number > before);
	ck_assert_msg(number * TINY >= size, "no space after %u files", number);
}

void full_take_data(int dirfd, const char *dir)
{
	BR_AUTO_CLOSE int fd = tree_mkdir(dirfd, dir);
	unsigned number = 0;

	for (off_t size = 1 << 30; size >= 4096; size /= 2) {
		for (;;) {
			char name[32];

			snprintf(name, sizeof(name), "%u", number++);
			BR_AUTO_CLOSE int file = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC,
							0600);
			ck_assert_msg(file >= 0, "%s: %s", name, strerror(errno));
			if (fallocate(file, 0, 0, size) != 0)
				break;
		}
		ck_assert_msg(errno == ENOSPC, "fallocate: %s", strerror(errno));
	}
	ck_assert_msg(syncfs(fd) == 0, "syncfs: %s", strerror(errno));
}

void full_make_unshareable(int top, const char *path, unsigned long long size)
{
	BR_AUTO_CLOSE int fd = -1;

	run_ok(top, "mount", "-i", "-n", "-o", "remount,nodatasum", ".");
	fd = openat(top, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	tree_fill(fd, 0, size, 1, false);
	ck_assert(fsync(fd) == 0);
	run_ok(top, "mount", "-i", "-n", "-o", "remount,datasum", ".");
}

static void make_data(int dirfd, const char *path)
{
	BR_AUTO_CLOSE int fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	tree_fill(fd, 0, FULL_ARCHIVE_DATA, (unsigned)path[strlen(path) - 1], false);
}

const char *full_archive(unsigned n)
{
	static const char *const names[FULL_ARCHIVES] = {
		"root.20260909T090909Z", "root.20250808T080808Z", "root.20240707T070707Z",
		"root.20230606T060606Z", "root.20220505T050505Z",
	};

	return names[n];
}

void full_make_archives(int top)
{
	BR_AUTO_CLOSE int old_roots = tree_open(top, "old_roots", false);

	for (unsigned n = 0; n < FULL_ARCHIVES; n++) {
		const char *name = full_archive(n);

		subvol_snapshot(old_roots, "../root", name, false);
		BR_AUTO_CLOSE int archive = tree_open(old_roots, name, false);
		make_data(archive, "own");
		full_make_tiny_files(archive, "own-tiny", FULL_ARCHIVE_METADATA);
		tree_set_time(old_roots, name,
			      (struct timespec){ 2000000000 - 100000000 * (time_t)n, 0 });
		subvol_set_read_only(old_roots, name, true);
	}
}

void full_make_bystanders(int top)
{
	BR_AUTO_CLOSE int old_roots = tree_open(top, "old_roots", false);

	(void)close(tree_mkdir(old_roots, "root.20010101T000000Z"));
	make_data(old_roots, "root.20010101T000000Z/data");
	make_data(old_roots, "root.20020202T000000Z");
	subvol_create(old_roots, "root.20030303T000000Z");
	make_data(old_roots, "root.20030303T000000Z/data");
	subvol_create(old_roots, "root.before-the-upgrade");
	make_data(old_roots, "root.before-the-upgrade/data");
	subvol_set_read_only(old_roots, "root.before-the-upgrade", true);
}
