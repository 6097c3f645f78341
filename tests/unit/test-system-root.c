/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of another system: links stay in it, whatever else the machine does at the same time. */
#include "suite.h"
#include "system-root.h"
#include "tmpdir.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tmpdir dir;
static struct system_root root;
static atomic_bool done;

static void make_root(void)
{
	struct br_error err;

	tmpdir_make(&dir);
	ck_assert_int_eq(mkdirat(dir.fd, "etc", 0755), 0);
	ck_assert_int_eq(mkdirat(dir.fd, "usr", 0755), 0);
	ck_assert_int_eq(mkdirat(dir.fd, "usr/lib", 0755), 0);
	tmpdir_write_text(&dir, "usr/lib/os-release", "ID=of-the-other\n");
	ck_assert_int_eq(symlinkat("../usr/lib/os-release", dir.fd, "etc/os-release"), 0);
	ck_assert_int_eq(symlinkat("../../../../usr/lib/os-release", dir.fd, "etc/above"), 0);
	ck_assert_int_eq(symlinkat("/usr/lib/os-release", dir.fd, "etc/absolute"), 0);
	ck_assert_int_eq(mkdirat(dir.fd, "moved", 0755), 0);
	ck_assert_int_eq(system_root_open(dir.path, &root, &err), 0);
}

static void drop_root(void)
{
	system_root_close(&root);
	tmpdir_remove(&dir);
}

START_TEST(test_links)
{
	static const char *const names[] = { "/etc/os-release", "/etc/above", "/etc/absolute" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct br_error err;
		char *text;

		ck_assert_int_eq(system_root_read(&root, names[i], 4096, &text, NULL, &err), 0);
		ck_assert_str_eq(text, "ID=of-the-other\n");
		free(text);
	}
}
END_TEST

static void *move_all_the_time(void *unused)
{
	(void)unused;
	while (!done)
		if (renameat(dir.fd, "moved", dir.fd, "away") != 0 ||
		    renameat(dir.fd, "away", dir.fd, "moved") != 0)
			return &done;
	return NULL;
}

/* Without another try one in ten of these fails, with one processor or two. */
START_TEST(test_beside_renames)
{
	pthread_t mover;
	unsigned failed = 0;
	void *moved;

	done = false;
	ck_assert_int_eq(pthread_create(&mover, NULL, move_all_the_time, NULL), 0);
	for (unsigned i = 0; i < 50000; i++) {
		int fd = system_root_file(&root, "/etc/os-release", O_RDONLY);

		failed += fd < 0;
		if (fd >= 0)
			ck_assert_int_eq(close(fd), 0);
	}
	done = true;
	ck_assert_int_eq(pthread_join(mover, &moved), 0);
	ck_assert_ptr_null(moved);
	ck_assert_uint_eq(failed, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("system-root");
	TCase *tc = suite_add_case(suite, "files", make_root, drop_root, 120);

	tcase_add_test(tc, test_links);
	tcase_add_test(tc, test_beside_renames);
	return suite_run(suite, false);
}
