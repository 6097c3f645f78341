/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where an open subvolume is: its path, its file system. */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "subvol.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>

static struct image *image;

static void make_image(void)
{
	image = image_create(NULL);
}

static void drop_image(void)
{
	image_free(image);
}

static void assert_path(int fd, const char *expected)
{
	BR_AUTO_FREE char *path = NULL;
	struct br_error err = { 0 };

	ck_assert_msg(br_subvol_path(fd, &path, &err) == 0, "%s", err.text);
	ck_assert_str_eq(path, expected);
}

/* As it is named now, in directories and in other subvolumes, whatever it was mounted by. */
START_TEST(test_path)
{
	int top = image_mount(image, NULL);

	assert_path(top, "");
	subvol_create(top, "root");
	(void)close(tree_mkdir(top, "dir"));
	subvol_create(top, "dir/a b");
	subvol_create(top, "dir/a b/nested");
	BR_AUTO_CLOSE int root = tree_open(top, "root", false);
	assert_path(root, "root");
	BR_AUTO_CLOSE int nested = tree_open(top, "dir/a b/nested", false);
	assert_path(nested, "dir/a b/nested");
	BR_AUTO_FREE char *mounted = image_mount_subvolume(image, "root", NULL);
	BR_AUTO_CLOSE int by_mount = open(mounted, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_path(by_mount, "root");
	ck_assert_int_eq(renameat(top, "root", top, "dir/renamed"), 0);
	assert_path(by_mount, "dir/renamed");
	assert_path(root, "dir/renamed");
}
END_TEST

START_TEST(test_fsid)
{
	char fsid[BR_FSID_SIZE];
	struct br_error err = { 0 };
	int top = image_mount(image, NULL);

	ck_assert_msg(br_subvol_fsid(top, fsid, &err) == 0, "%s", err.text);
	ck_assert_str_eq(fsid, image->uuid);
}
END_TEST

START_TEST(test_not_btrfs)
{
	BR_AUTO_CLOSE int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BR_AUTO_FREE char *path = NULL;
	char fsid[BR_FSID_SIZE] = "untouched";
	struct br_error err = { 0 };

	ck_assert_int_ge(proc, 0);
	ck_assert_int_eq(br_subvol_fsid(proc, fsid, &err), BR_ERR_LAYOUT);
	ck_assert_str_eq(fsid, "untouched");
	ck_assert_int_eq(br_subvol_path(proc, &path, &err), BR_ERR_SUBVOLUME);
	ck_assert_ptr_null(path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("subvol-where");
	TCase *tcase = suite_add_case(suite, "subvol-where", make_image, drop_image, 60);

	tcase_add_test(tcase, test_path);
	tcase_add_test(tcase, test_fsid);
	tcase_add_test(tcase, test_not_btrfs);
	return suite_run(suite, true);
}
