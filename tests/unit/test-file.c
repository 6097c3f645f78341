/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole files: reading, replacing. */
#include "cleanup.h"
#include "file.h"
#include "suite.h"
#include "tmpdir.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tmpdir dir;

static void make_dir(void)
{
	tmpdir_make(&dir);
}

static void drop_dir(void)
{
	tmpdir_remove(&dir);
}

static void expect_content(const char *name, const char *expected, size_t expected_size)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error err;
	size_t size;

	ck_assert_int_eq(br_file_read(dir.fd, name, 10 << 20, &text, &size, &err), 0);
	ck_assert_uint_eq(size, expected_size);
	ck_assert_mem_eq(text, expected, expected_size);
	ck_assert_int_eq(text[size], '\0');
}

/* Sizes around those of the buffer. */
START_TEST(test_read)
{
	static const size_t sizes[] = { 0, 1, 4094, 4095, 4096, 4097, 8191, 8192, 1 << 20 };
	BR_AUTO_FREE char *text = malloc(1 << 20);

	for (size_t i = 0; i < COUNT(sizes); i++) {
		memset(text, 'a' + (int)i, sizes[i]);
		tmpdir_write(&dir, "file", text, sizes[i]);
		expect_content("file", text, sizes[i]);
	}
	tmpdir_write(&dir, "file", "a\0b\0", 4);
	expect_content("file", "a\0b\0", 4);
}
END_TEST

START_TEST(test_read_limit)
{
	struct br_error err;
	char *text = NULL;
	size_t size = 99;

	tmpdir_write_text(&dir, "file", "12345");
	ck_assert_int_eq(br_file_read(dir.fd, "file", 4, &text, &size, &err), BR_ERR_READ);
	ck_assert_int_eq(err.sys_errno, EFBIG);
	ck_assert_str_eq(err.path, "file");
	ck_assert_ptr_null(text);
	ck_assert_uint_eq(size, 99);
	ck_assert_int_eq(br_file_read(dir.fd, "file", 5, &text, NULL, &err), 0);
	ck_assert_str_eq(text, "12345");
	free(text);
}
END_TEST

START_TEST(test_read_proc)
{
	struct br_error err;
	char *text;
	size_t size;

	ck_assert_int_eq(br_file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &size, &err),
			 0);
	ck_assert_int_eq(strncmp(text, "Name:", 5), 0);
	ck_assert_uint_gt(size, 100);
	free(text);
	ck_assert_int_eq(br_file_read(AT_FDCWD, "/proc/self/mem", 10, &text, NULL, &err),
			 BR_ERR_READ);
	ck_assert_int_eq(err.sys_errno, EIO);
}
END_TEST

START_TEST(test_read_refuses)
{
	static const struct {
		const char *name;
		int code, sys_errno;
	} cases[] = {
		{ "nothing", BR_ERR_OPEN, ENOENT }, { "nothing/file", BR_ERR_OPEN, ENOENT },
		{ "link", BR_ERR_OPEN, ELOOP },     { "dangling", BR_ERR_OPEN, ELOOP },
		{ "directory", BR_ERR_TYPE, 0 },    { "fifo", BR_ERR_TYPE, 0 },
		{ "/dev/null", BR_ERR_TYPE, 0 },
	};
	struct br_error err;
	char *text = NULL;

	tmpdir_write_text(&dir, "file", "x");
	ck_assert_int_eq(mkdirat(dir.fd, "directory", 0755), 0);
	ck_assert_int_eq(mkfifoat(dir.fd, "fifo", 0600), 0);
	ck_assert_int_eq(symlinkat("file", dir.fd, "link"), 0);
	ck_assert_int_eq(symlinkat("nothing", dir.fd, "dangling"), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_int_eq(br_file_read(dir.fd, cases[i].name, 10, &text, NULL, &err),
				 cases[i].code);
		ck_assert_int_eq(err.sys_errno, cases[i].sys_errno);
		ck_assert_str_eq(err.path, cases[i].name);
		ck_assert_ptr_null(text);
	}
}
END_TEST

START_TEST(test_replace)
{
	struct br_error err;
	struct stat old, new;

	(void)umask(077);
	ck_assert_int_eq(br_file_replace(dir.fd, "new", "one", 3, 0666, &err), 0);
	expect_content("new", "one", 3);
	ck_assert_int_eq(fstatat(dir.fd, "new", &old, 0), 0);
	ck_assert_uint_eq(old.st_mode, S_IFREG | 0666);

	/* who has the old one open keeps it whole: another file takes its place */
	ck_assert_int_eq(linkat(dir.fd, "new", dir.fd, "other-name", 0), 0);
	ck_assert_int_eq(br_file_replace(dir.fd, "new", "", 0, 0600, &err), 0);
	expect_content("new", "", 0);
	expect_content("other-name", "one", 3);
	ck_assert_int_eq(fstatat(dir.fd, "new", &new, 0), 0);
	ck_assert_uint_eq(new.st_mode, S_IFREG | 0600);
	ck_assert_uint_ne(new.st_ino, old.st_ino);
	ck_assert_uint_eq(tmpdir_count(&dir, "."), 2);
}
END_TEST

START_TEST(test_replace_elsewhere)
{
	BR_AUTO_FREE char *path = tmpdir_path(&dir, "sub/absolute");
	struct br_error err;

	ck_assert_int_eq(mkdirat(dir.fd, "sub", 0755), 0);
	ck_assert_int_eq(br_file_replace(dir.fd, "sub/file", "x", 1, 0644, &err), 0);
	ck_assert_int_eq(br_file_replace(AT_FDCWD, path, "y", 1, 0644, &err), 0);
	ck_assert_int_eq(symlinkat("file", dir.fd, "sub/link"), 0);
	ck_assert_int_eq(br_file_replace(dir.fd, "sub/link", "z", 1, 0644, &err), 0);
	expect_content("sub/file", "x", 1);
	expect_content("sub/absolute", "y", 1);
	expect_content("sub/link", "z", 1); /* the link itself was replaced */
	ck_assert_uint_eq(tmpdir_count(&dir, "sub"), 3);
}
END_TEST

/* The directory part is only a slash. */
START_TEST(test_replace_below_the_root)
{
	struct br_error err = { 0 };
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		printf("skipped: chroot needs root\n");
		return;
	}
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(chroot(dir.path) != 0 ||
		      br_file_replace(AT_FDCWD, "/file", "x", 1, 0644, &err) != 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	expect_content("file", "x", 1);
}
END_TEST

/* A power cut may leave a sibling whose name is due again. */
START_TEST(test_replace_with_siblings_left)
{
	struct br_error err;
	char name[64];

	for (int i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), ".blankroot-%ld-%d", (long)getpid(), i);
		tmpdir_write_text(&dir, name, "left");
	}
	ck_assert_int_eq(br_file_replace(dir.fd, "file", "x", 1, 0644, &err), 0);
	expect_content("file", "x", 1);
	expect_content(name, "left", 4);
	ck_assert_uint_eq(tmpdir_count(&dir, "."), 4);
}
END_TEST

START_TEST(test_replace_refuses)
{
	static const struct {
		const char *path;
		int code, sys_errno;
	} cases[] = {
		{ "nothing/file", BR_ERR_OPEN, ENOENT },
		{ "file/x", BR_ERR_OPEN, ENOTDIR },
		{ "directory", BR_ERR_RENAME, EISDIR },
		{ "/proc/self/x", BR_ERR_CREATE, ENOENT },
	};
	struct br_error err;

	tmpdir_write_text(&dir, "file", "x");
	ck_assert_int_eq(mkdirat(dir.fd, "directory", 0755), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_int_eq(br_file_replace(dir.fd, cases[i].path, "new", 3, 0644, &err),
				 cases[i].code);
		ck_assert_int_eq(err.sys_errno, cases[i].sys_errno);
		ck_assert_str_eq(err.path, cases[i].path);
	}
	ck_assert_uint_eq(tmpdir_count(&dir, "."), 2);
	expect_content("file", "x", 1);
}
END_TEST

/* Writing fails half way: the limit on file sizes stands for a full disk. */
START_TEST(test_replace_cannot_write)
{
	const struct rlimit limit = { .rlim_cur = 5000, .rlim_max = RLIM_INFINITY };
	const struct rlimit none = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	char text[10000] = "";
	struct br_error err;
	int r;

	tmpdir_write_text(&dir, "file", "old");
	(void)signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	r = br_file_replace(dir.fd, "file", text, sizeof(text), 0644, &err);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(r, BR_ERR_WRITE);
	ck_assert_int_eq(err.sys_errno, EFBIG);
	expect_content("file", "old", 3);
	ck_assert_uint_eq(tmpdir_count(&dir, "."), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *tcase = suite_add_case(suite, "file", NULL, NULL, 60);

	tcase_add_checked_fixture(tcase, make_dir, drop_dir);
	tcase_add_test(tcase, test_read);
	tcase_add_test(tcase, test_read_limit);
	tcase_add_test(tcase, test_read_proc);
	tcase_add_test(tcase, test_read_refuses);
	tcase_add_test(tcase, test_replace);
	tcase_add_test(tcase, test_replace_elsewhere);
	tcase_add_test(tcase, test_replace_below_the_root);
	tcase_add_test(tcase, test_replace_with_siblings_left);
	tcase_add_test(tcase, test_replace_refuses);
	tcase_add_test(tcase, test_replace_cannot_write);
	return suite_run(suite, false);
}
