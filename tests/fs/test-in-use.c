/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who has a subvolume mounted: the right file system, the right subvolume, whatever hides it. */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "mountinfo.h"
#include "suite.h"
#include "tree.h"

#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static struct image *image, *other;

static struct image *make_image_with_root(void)
{
	struct image *made = image_create(&(struct image_options){ .size = 128ULL << 20 });

	(void)image_mount(made, NULL);
	subvol_create(made->top, "root");
	(void)close(tree_mkdir(made->top, "root/etc"));
	subvol_create(made->top, "root/nested");
	subvol_create(made->top, "root2");
	image_unmount(made);
	return made;
}

static void make_images(void)
{
	image_private_mounts();
	image = make_image_with_root();
	other = make_image_with_root();
}

static void drop_images(void)
{
	image_free(image);
	image_free(other);
}

/* Both top levels are mounted, which is not in anybody's way. */
static void begin(void)
{
	image_private_mounts();
	(void)image_mount(image, NULL);
	(void)image_mount(other, NULL);
}

static bool is_in_use(const struct image *which, const char *subvolume)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo info = { 0 };
	struct br_error err = { 0 };

	ck_assert_msg(br_mountinfo_read(&info, &err) == 0, "%s", err.text);
	return br_mountinfo_find_btrfs(&info, which->top, subvolume) != NULL;
}

START_TEST(test_nobody)
{
	begin();
	ck_assert(!is_in_use(image, "root"));
	ck_assert(!is_in_use(image, "root2"));
	ck_assert(!is_in_use(image, ".blankroot"));
}
END_TEST

START_TEST(test_subvolume)
{
	begin();
	BR_AUTO_FREE char *mounted = image_mount_subvolume(image, "root", NULL);
	ck_assert(is_in_use(image, "root"));
	ck_assert(!is_in_use(image, "root2"));
	ck_assert(!is_in_use(image, "root/nested"));
	ck_assert(!is_in_use(other, "root"));
	ck_assert(umount2(mounted, 0) == 0);
	ck_assert(!is_in_use(image, "root"));
}
END_TEST

START_TEST(test_part_of_it)
{
	begin();
	BR_AUTO_FREE char *nested = image_mount_subvolume(image, "root/nested", NULL);
	ck_assert(is_in_use(image, "root") && is_in_use(image, "root/nested"));
	ck_assert(umount2(nested, 0) == 0);
	BR_AUTO_FREE char *another = image_mount_subvolume(image, "root2", NULL);
	ck_assert(umount2(another, 0) == 0);
	ck_assert(!is_in_use(image, "root"));
}
END_TEST

/* A directory of it, as containers get them. */
START_TEST(test_bind_mount)
{
	begin();
	BR_AUTO_FREE char *target = image_scratch_dir();
	BR_AUTO_FREE char *source = NULL;

	ck_assert(asprintf(&source, "%s/root/etc", image->mountpoint) > 0);
	ck_assert(mount(source, target, NULL, MS_BIND, NULL) == 0);
	ck_assert(is_in_use(image, "root"));
	ck_assert(!is_in_use(other, "root"));
	ck_assert(umount2(target, 0) == 0);
}
END_TEST

/* It cannot be asked for its file system any more: refusing is the safe side, for both. */
START_TEST(test_mounted_over)
{
	begin();
	BR_AUTO_FREE char *mounted = image_mount_subvolume(image, "root", NULL);
	ck_assert(mount("none", mounted, "tmpfs", 0, NULL) == 0);
	ck_assert(is_in_use(image, "root"));
	ck_assert(is_in_use(other, "root"));
	ck_assert(!is_in_use(image, "root2"));
	ck_assert(umount2(mounted, 0) == 0 && umount2(mounted, 0) == 0);
}
END_TEST

/* Over-mounted by the same subvolume of another file system: still one of each is seen. */
START_TEST(test_mounted_over_by_the_other)
{
	begin();
	BR_AUTO_FREE char *mounted = image_mount_subvolume(image, "root", NULL);
	ck_assert(mount(other->device[0], mounted, "btrfs", 0, "subvol=/root") == 0);
	ck_assert(is_in_use(other, "root"));
	ck_assert(is_in_use(image, "root"));
	ck_assert(umount2(mounted, 0) == 0 && umount2(mounted, 0) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("in-use");
	TCase *tcase = suite_add_case(suite, "in-use", make_images, drop_images, 60);

	tcase_add_test(tcase, test_nobody);
	tcase_add_test(tcase, test_subvolume);
	tcase_add_test(tcase, test_part_of_it);
	tcase_add_test(tcase, test_bind_mount);
	tcase_add_test(tcase, test_mounted_over);
	tcase_add_test(tcase, test_mounted_over_by_the_other);
	return suite_run(suite, true);
}
