/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The map of files with several names: against a model, and with each kind of object. */
#include "cleanup.h"
#include "hardlink.h"
#include "image.h"
#include "layout.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static struct image *image;
static int top = -1;

static void make_image(void)
{
	image = image_create(NULL);
	top = image_mount(image, NULL);
}

static void drop_image(void)
{
	image_free(image);
}

static ino_t inode_of(int dir, const char *name)
{
	struct stat st;

	ck_assert_msg(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s: %s", name,
		      strerror(errno));
	return st.st_ino;
}

static void add(struct br_hardlink_map *map, uint64_t ino, uint32_t others, int dir,
		const char *name)
{
	struct br_error err;

	ck_assert_msg(br_hardlink_add(map, ino, others, dir, name, &err) == 0, "%s: %s", err.text,
		      strerror(err.sys_errno));
}

#define FILES 3000

struct model_file {
	uint64_t ino;    /* of the source, so to speak */
	unsigned others; /* names still to come */
	ino_t copy;
};

/* Numbers as they come in a tree, and such that fall on the same place of the table again and again. */
static uint64_t source_inode(unsigned number, bool colliding)
{
	return colliding ? ((uint64_t)number << 40) + 257 : number + 257;
}

static unsigned make_model(struct br_hardlink_map *map, struct model_file *file, int dir,
			   bool colliding)
{
	unsigned links = 0;

	for (unsigned i = 0; i < FILES; i++) {
		char name[24];

		snprintf(name, sizeof(name), "file-%u", i);
		tree_write(dir, name, "");
		file[i] = (struct model_file){ .ino = source_inode(i, colliding),
					       .others = i % 4,
					       .copy = inode_of(dir, name) };
		add(map, file[i].ino, file[i].others, dir, name);
		links += file[i].others;
	}
	return links;
}

static void link_one(struct br_hardlink_map *map, struct model_file *file, int dir, unsigned number)
{
	struct br_error err;
	char name[24];
	int r;

	snprintf(name, sizeof(name), "link-%u", number);
	r = br_hardlink_make(map, file->ino, dir, name, &err);
	ck_assert_msg(r >= 0, "%s: %s", err.text, strerror(err.sys_errno));
	ck_assert_int_eq(r, file->others > 0);
	if (r == 0)
		return;
	ck_assert_uint_eq(inode_of(dir, name), file->copy);
	file->others--;
}

/* Names are met in any order; each file is known until its last name was seen, and then no more. */
START_TEST(test_against_model)
{
	static struct model_file file[FILES];
	struct br_hardlink_map map = { .used = 0 };
	BR_AUTO_CLOSE int dir = tree_mkdir(top, _i ? "colliding" : "dense");
	unsigned links = make_model(&map, file, dir, _i);
	uint32_t random = 12345;

	ck_assert_uint_eq(br_hardlink_count(&map), FILES / 4 * 3);
	for (unsigned i = 0; links > 0; i++) {
		struct model_file *next;

		random = random * 1664525 + 1013904223;
		next = &file[(random >> 8) % FILES];
		links -= next->others > 0;
		link_one(&map, next, dir, i);
	}
	ck_assert_uint_eq(br_hardlink_count(&map), 0);
	for (unsigned i = 0; i < FILES; i++)
		link_one(&map, &file[i], dir, 1000000 + i);
	br_hardlink_free(&map);
}
END_TEST

static unsigned flags_of(int dir, const char *name)
{
	BR_AUTO_CLOSE int fd = tree_open(dir, name, false);
	unsigned flags = 0;

	ck_assert(ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0);
	return flags;
}

/* Deep below, and in another subvolume than the one that is mounted: handles do not care. */
START_TEST(test_each_kind)
{
	static const char *const name[] = {
		"file", "fifo", "symlink", "null", "immutable", "append"
	};
	struct br_hardlink_map map = { .used = 0 };
	struct br_error err;

	subvol_create(top, "kinds");
	BR_AUTO_CLOSE int dir = tree_open(top, "kinds", false);
	free(run_shell(dir, "touch file immutable append; mkfifo fifo; ln -s dangling symlink;"
			    "mknod null c 1 3; chattr +i immutable; chattr +aA append; mkdir to"));
	BR_AUTO_CLOSE int to = tree_open(dir, "to", false);
	for (unsigned i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		add(&map, i, 1, dir, name[i]);
		ck_assert_msg(br_hardlink_make(&map, i, to, name[i], &err) == 1, "%s: %s", name[i],
			      strerror(err.sys_errno));
		ck_assert_uint_eq(inode_of(to, name[i]), inode_of(dir, name[i]));
	}
	ck_assert_uint_eq(flags_of(dir, "immutable"), FS_IMMUTABLE_FL);
	ck_assert_uint_eq(flags_of(dir, "append"), FS_APPEND_FL | FS_NOATIME_FL);
	ck_assert_uint_eq(br_hardlink_count(&map), 0);
	br_hardlink_free(&map);
}
END_TEST

START_TEST(test_failures)
{
	struct br_hardlink_map map = { .used = 0 };
	struct br_error err;

	BR_AUTO_CLOSE int dir = tree_mkdir(top, "failures");
	ck_assert_int_eq(br_hardlink_make(&map, 1, dir, "any", &err), 0);
	add(&map, 1, 0, dir, "does not matter");
	ck_assert_uint_eq(br_hardlink_count(&map), 0);
	ck_assert_int_eq(br_hardlink_add(&map, 1, 1, dir, "missing", &err), BR_ERR_LINK);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	tree_write(dir, "file", "");
	tree_write(dir, "taken", "");
	add(&map, 1, 1, dir, "file");
	ck_assert_int_eq(br_hardlink_make(&map, 2, dir, "any", &err), 0);
	ck_assert_int_eq(br_hardlink_make(&map, 1, dir, "taken", &err), BR_ERR_LINK);
	ck_assert_int_eq(err.sys_errno, EEXIST);
	ck_assert_str_eq(err.path, "taken");
	ck_assert_uint_eq(br_hardlink_count(&map), 1);
	run_ok(dir, "rm", "file");
	ck_assert_int_eq(br_hardlink_make(&map, 1, dir, "late", &err), BR_ERR_LINK);
	ck_assert_int_eq(err.sys_errno, ESTALE);
	br_hardlink_free(&map);
	ck_assert_int_eq(br_hardlink_make(&map, 1, dir, "late", &err), 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("hardlink");
	TCase *tcase = suite_add_case(suite, "hardlink", make_image, drop_image, 60);

	tcase_add_loop_test(tcase, test_against_model, 0, 2);
	tcase_add_test(tcase, test_each_kind);
	tcase_add_test(tcase, test_failures);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
