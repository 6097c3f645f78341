/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening beneath a directory: every test with openat2, with our own fallback, and with the fallback that a
 * kernel or a seccomp filter without openat2 brings about.
 */
#include "beneath.h"
#include "cleanup.h"
#include "suite.h"
#include "tmpdir.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tmpdir dir;

static void make_tree(void)
{
	tmpdir_make(&dir);
	ck_assert_int_eq(mkdirat(dir.fd, "d", 0755), 0);
	ck_assert_int_eq(mkdirat(dir.fd, "d/e", 0755), 0);
	tmpdir_write_text(&dir, "file", "file");
	tmpdir_write_text(&dir, "d/e/file", "inner");
	ck_assert_int_eq(symlinkat("file", dir.fd, "link"), 0);
	ck_assert_int_eq(symlinkat("d", dir.fd, "dirlink"), 0);
	ck_assert_int_eq(symlinkat("nothing", dir.fd, "dangling"), 0);
	ck_assert_int_eq(symlinkat("..", dir.fd, "d/up"), 0);
	ck_assert_int_eq(mkfifoat(dir.fd, "fifo", 0600), 0);
}

static void drop_tree(void)
{
	tmpdir_remove(&dir);
}

static void deny_openat2(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = COUNT(code), .filter = code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	ck_assert_int_eq(syscall(SYS_openat2, -1, NULL, NULL, 0), -1);
	ck_assert_int_eq(errno, error);
}

/* The ways of opening; each test is run in all of them, in a process of its own. */
enum way { WAY_OPENAT2, WAY_FALLBACK, WAY_ENOSYS, WAY_EPERM, WAY_COUNT };

static void go(int way)
{
	if (way == WAY_FALLBACK)
		br_beneath_without_openat2();
	else if (way != WAY_OPENAT2)
		deny_openat2(way == WAY_ENOSYS ? ENOSYS : EPERM);
}

static const struct {
	const char *path;
	int flags;
	int code, sys_errno; /* code 0: succeeds */
} opens[] = {
	{ "file", O_RDONLY, 0, 0 },
	{ "d/e/file", O_RDONLY, 0, 0 },
	{ "d/e", O_RDONLY | O_DIRECTORY, 0, 0 },
	{ "d", O_PATH, 0, 0 },
	{ "", O_RDONLY | O_DIRECTORY, 0, 0 },
	{ ".", O_PATH, 0, 0 },
	{ "fifo", O_PATH, 0, 0 },
	{ "link", O_PATH | O_NOFOLLOW, 0, 0 },
	{ "d/up", O_PATH | O_NOFOLLOW, 0, 0 },
	/* missing, and not a directory */
	{ "nothing", O_RDONLY, BR_ERR_OPEN, ENOENT },
	{ "d/nothing", O_RDONLY, BR_ERR_OPEN, ENOENT },
	{ "nothing/file", O_RDONLY, BR_ERR_OPEN, ENOENT },
	{ "file/file", O_RDONLY, BR_ERR_OPEN, ENOTDIR },
	{ "file", O_RDONLY | O_DIRECTORY, BR_ERR_OPEN, ENOTDIR },
	{ "file", O_PATH | O_DIRECTORY, BR_ERR_OPEN, ENOTDIR },
	{ "d", O_WRONLY, BR_ERR_OPEN, EISDIR },
	/* symbolic links anywhere */
	{ "link", O_RDONLY, BR_ERR_SYMLINK, ELOOP },
	{ "link", O_RDONLY | O_NOFOLLOW, BR_ERR_SYMLINK, ELOOP },
	{ "link", O_PATH, BR_ERR_SYMLINK, ELOOP },
	{ "link", O_WRONLY | O_TRUNC, BR_ERR_SYMLINK, ELOOP },
	{ "dirlink", O_RDONLY | O_DIRECTORY, BR_ERR_SYMLINK, ELOOP },
	{ "dirlink/e/file", O_RDONLY, BR_ERR_SYMLINK, ELOOP },
	{ "d/up/file", O_RDONLY, BR_ERR_SYMLINK, ELOOP },
	{ "dangling", O_RDONLY, BR_ERR_SYMLINK, ELOOP },
	{ "dangling", O_WRONLY | O_CREAT, BR_ERR_SYMLINK, ELOOP },
	{ "dangling", O_WRONLY | O_CREAT | O_EXCL, BR_ERR_OPEN, EEXIST },
	{ "file", O_WRONLY | O_CREAT | O_EXCL, BR_ERR_OPEN, EEXIST },
	{ "nothing/file", O_WRONLY | O_CREAT, BR_ERR_OPEN, ENOENT },
	/* not below, or not in normal form */
	{ "..", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "d/..", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "d/../file", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "../x", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "/", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "/etc", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "d/", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "d//e", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "./file", O_RDONLY, BR_ERR_OPEN, EINVAL },
	{ "d/./e", O_RDONLY, BR_ERR_OPEN, EINVAL },
};

START_TEST(test_open)
{
	struct br_error err;
	int fd;

	go(_i);
	for (size_t i = 0; i < COUNT(opens); i++) {
		int r;

		fd = -5;
		r = br_open_beneath(dir.fd, opens[i].path, opens[i].flags, 0600, &fd, &err);
		ck_assert_msg(r == opens[i].code, "%zu: \"%s\": %d, errno %d", i, opens[i].path, r,
			      r ? err.sys_errno : 0);
		if (r == 0) {
			ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
			ck_assert_int_eq(close(fd), 0);
			continue;
		}
		ck_assert_int_eq(fd, -5);
		ck_assert_msg(err.sys_errno == opens[i].sys_errno, "%zu: \"%s\": errno %d", i,
			      opens[i].path, err.sys_errno);
		ck_assert_str_eq(err.path, opens[i].path);
	}
	ck_assert_int_eq(faccessat(dir.fd, "nothing", F_OK, 0), -1);
}
END_TEST

START_TEST(test_right_object)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error err;
	char text[10] = "";
	struct stat st;

	go(_i);
	ck_assert_int_eq(br_open_beneath(dir.fd, "d/e/file", O_RDONLY, 0, &fd, &err), 0);
	ck_assert_int_eq(read(fd, text, sizeof(text) - 1), 5);
	ck_assert_str_eq(text, "inner");
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(br_open_beneath(dir.fd, "link", O_PATH | O_NOFOLLOW, 0, &fd, &err), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(test_create)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error err;
	char name[30];
	struct stat st;

	go(_i);
	(void)umask(0);
	(void)snprintf(name, sizeof(name), "d/created-%d", _i);
	ck_assert_int_eq(
		br_open_beneath(dir.fd, name, O_WRONLY | O_CREAT | O_EXCL, 0640, &fd, &err), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	ck_assert_int_eq(write(fd, "x", 1), 1);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(br_open_beneath(dir.fd, "d", O_WRONLY | O_TMPFILE, 0600, &fd, &err), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_uint_eq(st.st_nlink, 0);
}
END_TEST

/* Deeper than the kernel takes in one call. Its pieces end between components of these lengths. */
static const size_t lengths[] = { 3, 250, 255 };

static char *long_paths[COUNT(lengths)];

static char *make_long_path(size_t length, char letter)
{
	int at = openat(dir.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *path = calloc(3 * PATH_MAX, 1);
	char name[NAME_MAX + 1] = "";
	size_t depth, used = 0;
	int next;

	memset(name, letter, length);
	for (depth = 0; used < 2 * PATH_MAX + 100; depth++) {
		ck_assert_int_eq(mkdirat(at, name, 0755), 0);
		next = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ck_assert_int_ge(next, 0);
		ck_assert_int_eq(close(at), 0);
		at = next;
		used += (size_t)sprintf(path + used, "%s%s", depth ? "/" : "", name);
	}
	next = openat(at, "end", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(next, 0);
	ck_assert_int_eq(close(next), 0);
	ck_assert_int_eq(close(at), 0);
	return path;
}

static void make_long_paths(void)
{
	make_tree();
	for (size_t i = 0; i < COUNT(lengths); i++)
		long_paths[i] = make_long_path(lengths[i], (char)('A' + i));
}

static void drop_long_paths(void)
{
	for (size_t i = 0; i < COUNT(lengths); i++)
		free(long_paths[i]);
	drop_tree();
}

START_TEST(test_long_path)
{
	struct br_error err;
	const char *name;
	int fd;

	go(_i);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		char *path = long_paths[i];

		ck_assert_int_eq(br_open_beneath(dir.fd, path, O_PATH, 0, &fd, &err), 0);
		ck_assert_int_eq(faccessat(fd, "end", F_OK, 0), 0);
		ck_assert_int_eq(close(fd), 0);
		strcat(path, "/end");
		ck_assert_int_eq(br_open_parent(dir.fd, path, &fd, &name, &err), 0);
		ck_assert_str_eq(name, "end");
		ck_assert_int_eq(faccessat(fd, "end", F_OK, 0), 0);
		ck_assert_int_eq(close(fd), 0);
		strcat(path, "/x");
		ck_assert_int_eq(br_open_beneath(dir.fd, path, O_PATH, 0, &fd, &err), BR_ERR_OPEN);
		ck_assert_int_eq(err.sys_errno, ENOTDIR);
		ck_assert_str_eq(err.path + strlen(err.path) - 6, "/end/x");
	}
}
END_TEST

START_TEST(test_long_component)
{
	static const size_t too_long[] = { NAME_MAX + 1, PATH_MAX - 1, PATH_MAX, 3 * PATH_MAX };
	BR_AUTO_FREE char *path = malloc(4 * PATH_MAX);
	struct br_error err;
	int fd;

	go(_i);
	for (size_t i = 0; i < COUNT(too_long); i++) {
		memset(path, 'x', too_long[i]);
		strcpy(path + too_long[i], "/file");
		ck_assert_int_eq(br_open_beneath(dir.fd, path, O_RDONLY, 0, &fd, &err),
				 BR_ERR_OPEN);
		ck_assert_int_eq(err.sys_errno, ENAMETOOLONG);
	}
}
END_TEST

START_TEST(test_parent)
{
	static const struct {
		const char *path, *name, *child;
	} cases[] = {
		{ "file", "file", "d" },
		{ "d/e/file", "file", "file" },
		{ "d/nothing", "nothing", "e" },
		{ "d/up", "up", "e" },
		{ "", "", "d" },
	};
	struct br_error err;
	const char *name;
	int fd;

	go(_i);
	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_int_eq(br_open_parent(dir.fd, cases[i].path, &fd, &name, &err), 0);
		ck_assert_str_eq(name, cases[i].name);
		ck_assert_ptr_eq(name, cases[i].path + strlen(cases[i].path) - strlen(name));
		ck_assert_int_eq(faccessat(fd, cases[i].child, F_OK, 0), 0);
		ck_assert_int_eq(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(close(fd), 0);
	}
}
END_TEST

START_TEST(test_parent_refuses)
{
	static const struct {
		const char *path;
		int code, sys_errno;
	} cases[] = {
		{ "dirlink/e", BR_ERR_SYMLINK, ELOOP }, { "d/up/x", BR_ERR_SYMLINK, ELOOP },
		{ "file/x", BR_ERR_OPEN, ENOTDIR },     { "nothing/x", BR_ERR_OPEN, ENOENT },
		{ "d/", BR_ERR_OPEN, EINVAL },          { "d/..", BR_ERR_OPEN, EINVAL },
		{ "..", BR_ERR_OPEN, EINVAL },          { ".", BR_ERR_OPEN, EINVAL },
		{ "/etc", BR_ERR_OPEN, EINVAL },
	};
	const char *name = "untouched";
	struct br_error err;
	int fd = -5;

	go(_i);
	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_int_eq(br_open_parent(dir.fd, cases[i].path, &fd, &name, &err),
				 cases[i].code);
		ck_assert_int_eq(err.sys_errno, cases[i].sys_errno);
		ck_assert_int_eq(fd, -5);
		ck_assert_str_eq(name, "untouched");
	}
}
END_TEST

/* A mount on the way, at the end, and on a file. */
START_TEST(test_mounts)
{
	static const char *const paths[] = { "d/e", "d/e/below", "file" };
	BR_AUTO_FREE char *directory = tmpdir_path(&dir, "d/e");
	BR_AUTO_FREE char *file = tmpdir_path(&dir, "file");
	BR_AUTO_CLOSE int at = -1;
	struct br_error err;
	int fd;

	if (geteuid() != 0) {
		printf("skipped: mounting needs root\n");
		return;
	}
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", directory, "tmpfs", 0, NULL), 0);
	at = open(dir.path, O_PATH | O_CLOEXEC); /* dir.fd still is in the name space we left */
	ck_assert_int_eq(mkdirat(at, "d/e/below", 0755), 0);
	ck_assert_int_eq(mount(file, file, NULL, MS_BIND, NULL), 0);

	go(_i);
	for (size_t i = 0; i < COUNT(paths); i++) {
		ck_assert_int_eq(br_open_beneath(at, paths[i], O_RDONLY, 0, &fd, &err),
				 BR_ERR_OPEN);
		ck_assert_int_eq(err.sys_errno, EXDEV);
		ck_assert_int_eq(br_open_beneath(at, paths[i], O_PATH, 0, &fd, &err), BR_ERR_OPEN);
		ck_assert_int_eq(err.sys_errno, EXDEV);
	}
	ck_assert_int_eq(br_open_beneath(at, "d", O_RDONLY, 0, &fd, &err), 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("beneath");
	TCase *tcase = suite_add_case(suite, "beneath", make_tree, drop_tree, 60);

	tcase_add_loop_test(tcase, test_open, 0, WAY_COUNT);
	tcase_add_loop_test(tcase, test_right_object, 0, WAY_COUNT);
	tcase_add_loop_test(tcase, test_create, 0, WAY_COUNT);
	tcase_add_loop_test(tcase, test_long_component, 0, WAY_COUNT);
	tcase_add_loop_test(tcase, test_parent, 0, WAY_COUNT);
	tcase_add_loop_test(tcase, test_parent_refuses, 0, WAY_COUNT);
	tcase_add_loop_test(tcase, test_mounts, 0, WAY_COUNT);
	tcase = suite_add_case(suite, "long paths", make_long_paths, drop_long_paths, 60);
	tcase_add_loop_test(tcase, test_long_path, 0, WAY_COUNT);
	return suite_run(suite, false);
}
