/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One tree with everything, copied, and compared with its source by programs that know nothing of
 * us. That these notice each kind of difference is shown in test-copy-flips.c.
 */
#include "beneath.h"
#include "cleanup.h"
#include "copy.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "subvol.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct image *image;
static int top = -1, source = -1;

/* All tests of a case share one source: subvolume "source" with the tree in it. */
static void make_source(enum tree_parts parts)
{
	image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	top = image_mount(image, NULL);
	subvol_create(top, "source");
	source = tree_open(top, "source", false);
	BR_AUTO_CLOSE int tree = tree_mkdir(source, "everything");
	tree_everything(tree, parts);
}

static void make_whole_source(void)
{
	make_source(TREE_ALL);
}

/* Without what is large or deep, for tests to which that means nothing. */
static void make_small_source(void)
{
	make_source(TREE_SMALL);
}

static void drop_source(void)
{
	(void)close(source);
	image_free(image);
}

static void copy_everything(int dst_parent, const char *dst_name,
			    const struct br_copy_options *options, struct br_copy_stats *stats)
{
	struct br_error err;
	char message[2048];

	if (br_copy_tree(source, "everything", dst_parent, dst_name, options, stats, &err) == 0)
		return;
	br_error_format(&err, message, sizeof(message));
	ck_abort_msg("%s", message);
}

static char *compare(int dst_parent, const char *dst_name, const struct oracle_options *options)
{
	BR_AUTO_CLOSE int a = tree_open(source, "everything", false);
	BR_AUTO_CLOSE int b = tree_open(dst_parent, dst_name, false);

	ck_assert_msg(syncfs(top) == 0, "syncfs: %s",
		      strerror(errno)); /* so that blocks are counted */
	return oracle_compare(a, b, options);
}

static uint64_t count(int dirfd, const char *expression)
{
	BR_AUTO_FREE char *text = run_shell(dirfd, "find everything %s -printf x | wc -c",
					    expression);

	return strtoull(text, NULL, 10);
}

/* Objects inside of nested subvolumes are not counted: they are carried by snapshot. */
#define NOT_NESTED "-inum 256 -prune -o "

static void check_stats(const struct br_copy_stats *stats)
{
	ck_assert_uint_eq(stats->files, count(source, NOT_NESTED "-type f"));
	ck_assert_uint_eq(stats->directories, count(source, NOT_NESTED "-type d"));
	ck_assert_uint_eq(stats->others, count(source, NOT_NESTED "-not -type d -not -type f"));
	ck_assert_uint_eq(stats->hard_links, 3 + 1 + 1 + 1 + 1); /* see make_links */
	ck_assert_uint_eq(stats->subvolumes, 3);
	ck_assert_uint_eq(stats->bytes_copied, 0);
	ck_assert_uint_gt(stats->bytes_shared, 5ULL << 30);
}

static const char *const without_deep[] = { "deep", NULL };

/* rsync would read 10 GiB of holes; that "huge" consists of the same blocks, filefrag tells. */
static char *compare_whole(int copy)
{
	static const char *const not_for_rsync[] = { "deep", "huge", NULL };
	const struct oracle_options options = { .skip = without_deep };
	BR_AUTO_CLOSE int a = tree_open(source, "everything", false);
	BR_AUTO_CLOSE int b = tree_open(copy, "everything", false);
	struct facts *of_a = oracle_facts(a, &options);
	struct facts *of_b = oracle_facts(b, &options);
	BR_AUTO_FREE char *facts = oracle_diff(of_a, of_b);
	BR_AUTO_FREE char *rsync = oracle_rsync(a, b, not_for_rsync);
	BR_AUTO_CLOSE int deep_a = tree_open(a, "deep", false);
	BR_AUTO_CLOSE int deep_b = tree_open(b, "deep", false);
	BR_AUTO_FREE char *deep = oracle_walk(deep_a, deep_b);
	char *all = NULL;

	facts_free(of_a);
	facts_free(of_b);
	ck_assert(asprintf(&all, "%s%s%s", facts, rsync, deep) >= 0);
	return all;
}

START_TEST(test_everything)
{
	struct br_copy_stats stats = { .files = 0 };

	subvol_create(top, "copy");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy", false);
	copy_everything(copy, "everything", NULL, &stats);
	ck_assert(syncfs(top) == 0);
	assert_same(compare_whole(copy));
	check_stats(&stats);
}
END_TEST

/* Not one bit: inode numbers, access and change times included. */
START_TEST(test_source_is_untouched)
{
	const struct oracle_options options = { .flags = ORACLE_CTIME | ORACLE_CONTENT };
	BR_AUTO_CLOSE int tree = tree_open(source, "everything", false);
	struct facts *before = oracle_facts(tree, &options);

	subvol_create(top, "copy-2");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-2", false);
	copy_everything(copy, "everything", NULL, NULL);
	struct facts *after = oracle_facts(tree, &options);
	assert_same(oracle_diff(before, after));
	facts_free(before);
	facts_free(after);
}
END_TEST

/* What a new object gets from the directory it is made in must not be found in the copy. */
struct inheritance {
	const char *name;
	mode_t mode;
	unsigned flags;
	const char *compression, *acl;
};

static const struct inheritance inheritances[] = {
	{ .name = "setgid", .mode = 02777 },
	{ .name = "nodatacow", .mode = 0755, .flags = FS_NOCOW_FL },
	{ .name = "compressing", .mode = 0755, .compression = "zstd" },
	{ .name = "compress-flag", .mode = 0755, .flags = FS_COMPR_FL },
	{ .name = "no-compress", .mode = 0755, .flags = FS_NOCOMP_FL },
	{ .name = "other-flags",
	  .mode = 0755,
	  .flags = FS_SYNC_FL | FS_DIRSYNC_FL | FS_NOATIME_FL | FS_NODUMP_FL },
	{ .name = "default-acl", .mode = 0755, .acl = "u::rwx,u:4444:rwx,g::rwx,m::rwx,o::---" },
	{ .name = "acl-and-setgid", .mode = 02770, .acl = "u::r,g::-,o::rwx" },
};
#define INHERITANCES (sizeof(inheritances) / sizeof(inheritances[0]))

static int make_heritage(const struct inheritance *from)
{
	int dir = tree_mkdir(top, from->name);

	ck_assert(fchown(dir, 4444, 5555) == 0 && fchmod(dir, from->mode) == 0);
	if (from->flags)
		tree_change_flags(top, from->name, from->flags, 0);
	if (from->compression)
		tree_set_xattr(top, from->name, "btrfs.compression", from->compression,
			       strlen(from->compression));
	if (from->acl)
		run_ok(top, "setfacl", "-d", "--set", from->acl, from->name);
	return dir;
}

START_TEST(test_nothing_is_inherited)
{
	const struct inheritance *from = &inheritances[_i];
	BR_AUTO_CLOSE int dir = make_heritage(from);
	mode_t mask = umask(_i % 2 ? 0777 : 0);

	copy_everything(dir, "everything", NULL, NULL);
	(void)umask(mask);
	assert_same(compare(dir, "everything", NULL));
}
END_TEST

/* Facts about one object, with the content of files. */
static struct facts *facts_of(int dirfd, const char *name)
{
	return oracle_facts(dirfd,
			    &(struct oracle_options){ .flags = ORACLE_CONTENT, .only = name });
}

static void copy_single(const char *path, int dst)
{
	BR_AUTO_FREE char *parent = NULL;
	const char *name = strchr(path, '/') + 1;
	struct br_error err;

	ck_assert(asprintf(&parent, "everything/%.*s", (int)(name - path), path) > 0);
	BR_AUTO_CLOSE int src = tree_open(source, parent, false);
	ck_assert_msg(br_copy_tree(src, name, dst, name, NULL, NULL, &err) == 0, "%s: %s, %s", path,
		      br_code_name(err.code), strerror(err.sys_errno));
	ck_assert(syncfs(top) == 0);
	struct facts *before = facts_of(src, name);
	struct facts *after = facts_of(dst, name);
	ck_assert_uint_gt(before->count, 0);
	assert_same(oracle_diff(before, after));
	facts_free(before);
	facts_free(after);
}

/* One object at the top: no directory of ours stands between it and what it could inherit. */
START_TEST(test_single_objects_inherit_nothing)
{
	static const char *const path[] = {
		"modes/setuid-foreign",
		"modes/setgid-dir",
		"flags/immutable",
		"flags/append-only-dir",
		"special/fifo",
		"special/null",
		"special/socket",
		"symlinks/dangling",
		"capabilities/v2",
		"acls/file",
		"acls/both",
		"flags/nodatacow",
		"flags/no-compress",
		"compressed/lzo",
		"sparse/only-hole",
		"preallocated/half",
		"xattrs/many",
		"times/dir",
		"subvolumes/writable",
		"subvolumes/read-only",
	};
	struct inheritance from = inheritances[_i];
	char name[64];

	snprintf(name, sizeof(name), "single-%s", from.name);
	from.name = name;
	BR_AUTO_CLOSE int dir = make_heritage(&from);
	for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		copy_single(path[i], dir);
}
END_TEST

/* Where the kernel, or a filter, has no openat2. */
START_TEST(test_without_openat2)
{
	br_beneath_without_openat2();
	subvol_create(top, "copy-3");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-3", false);
	copy_everything(copy, "everything", NULL, NULL);
	assert_same(compare(copy, "everything", NULL));
}
END_TEST

/* The top becomes a subvolume, all else is the same. */
START_TEST(test_as_subvolume)
{
	const struct br_copy_options options = { .as_subvolume = true };

	copy_everything(top, "converted", &options, NULL);
	assert_differences(compare(top, "converted", NULL), ".: subvolume ro=false [+]\n");
}
END_TEST

/* Reading and writing gives the same but for the places on the disk; holes stay holes. */
START_TEST(test_without_reflink)
{
	const struct br_copy_options options = { .without_reflink = true };
	struct br_copy_stats stats = { .files = 0 };
	struct stat st;

	subvol_create(top, "copy-4");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-4", false);
	copy_everything(copy, "everything", &options, &stats);
	assert_same(compare(copy, "everything",
			    &(struct oracle_options){ .flags = ORACLE_NO_EXTENTS }));
	ck_assert_uint_eq(stats.bytes_shared, 0);
	ck_assert(fstatat(copy, "everything/sparse/only-hole", &st, 0) == 0 && st.st_blocks == 0);
	ck_assert(fstatat(copy, "everything/preallocated/all", &st, 0) == 0 &&
		  st.st_blocks == 1024);
}
END_TEST

/* What lies behind a mount point belongs to somebody else. */
START_TEST(test_mounts_are_not_entered)
{
	struct br_error err;
	struct stat st;

	char *view = image_mount_subvolume(image, "source", NULL);
	BR_AUTO_CLOSE int fd = tree_open(AT_FDCWD, view, false);
	BR_AUTO_FREE char *covered = NULL;
	ck_assert(asprintf(&covered, "%s/everything/mount-point", view) > 0);
	ck_assert(mount("tmpfs", covered, "tmpfs", 0, "mode=0711,uid=4") == 0);
	tree_write(fd, "everything/mount-point/canary", "not yours");
	subvol_create(top, "copy-5");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-5", false);
	ck_assert_int_eq(br_copy_tree(fd, "everything", copy, "everything", NULL, NULL, &err), 0);
	ck_assert(!tree_exists(copy, "everything/mount-point/canary"));
	ck_assert(fstatat(copy, "everything/mount-point", &st, 0) == 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0711);
	ck_assert_uint_eq(st.st_uid, 4);
	BR_AUTO_CLOSE int parent = tree_open(fd, "everything", false);
	ck_assert_int_eq(br_copy_tree(parent, "mount-point", copy, "x", NULL, NULL, &err),
			 BR_ERR_UNSUPPORTED);
	(void)close(br_take_fd(&parent));
	(void)close(br_take_fd(&fd));
	run_ok(0, "umount", "-n", "-R", view);
	free(view);
	const char *const skip[] = { "mount-point", NULL };
	assert_same(compare(copy, "everything", &(struct oracle_options){ .skip = skip }));
}
END_TEST

/* What test-copy-flips.c does, for the parts that it leaves out. */
START_TEST(test_flips_in_large_parts)
{
	static const char *const expected[] = { "huge: extent ",
						"many/f004999: f mode=", "many/f004999: rsync ",
						"leaf: at depth 3001: mode" };

	subvol_create(top, "copy-8");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-8", false);
	copy_everything(copy, "everything", NULL, NULL);
	BR_AUTO_CLOSE int huge = tree_open(copy, "everything/huge", true);
	ck_assert_int_eq(pwrite(huge, "X", 1, (off_t)4 << 30), 1);
	ck_assert_int_eq(unlinkat(copy, "everything/many/f004999", 0), 0);
	BR_AUTO_CLOSE int deep = tree_open(copy, "everything/deep", false);
	BR_AUTO_CLOSE int bottom = tree_open_deep(deep, TREE_DEEP_NAME, TREE_DEEP_LEVELS);
	ck_assert_int_eq(fchmodat(bottom, "leaf", 0600, 0), 0);
	ck_assert(syncfs(top) == 0);
	BR_AUTO_FREE char *differences = compare_whole(copy);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_msg(strstr(differences, expected[i]) != NULL, "not noticed: %s",
			      expected[i]);
}
END_TEST

/* 3,000 levels with far fewer descriptors. */
START_TEST(test_few_descriptors)
{
	struct rlimit limit = { .rlim_cur = 100, .rlim_max = 100 };

	subvol_create(top, "copy-6");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-6", false);
	ck_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	copy_everything(copy, "everything", NULL, NULL);
}
END_TEST

/* Only the directory itself, with what it has and without what it would inherit. */
START_TEST(test_directory_only)
{
	struct inheritance from = {
		.name = "parent", .mode = 02777, .compression = "zstd", .acl = "u::rwx,g::rwx,o::-"
	};
	BR_AUTO_CLOSE int parent = make_heritage(&from);
	BR_AUTO_CLOSE int original = tree_mkdir(top, "directory");
	struct br_error err;

	ck_assert(fchown(original, 7, 8) == 0 && fchmod(original, 03751) == 0);
	run_ok(top, "setfacl", "-m", "u:9:r,d:u:10:w", "directory");
	tree_set_xattr(top, "directory", "user.a", "b", 1);
	tree_change_flags(top, "directory",
			  (unsigned)(FS_NOATIME_FL | FS_NOCOW_FL | FS_IMMUTABLE_FL), 0);
	ck_assert(syncfs(top) == 0);
	tree_set_time(top, "source", (struct timespec){ 1, 2 });
	ck_assert_int_eq(br_copy_directory_only(original, parent, "copy", &err), 0);
	BR_AUTO_CLOSE int copy = tree_open(parent, "copy", false);
	struct facts *a = oracle_facts(original, NULL);
	struct facts *b = oracle_facts(copy, NULL);
	assert_same(oracle_diff(a, b));
	ck_assert_uint_ge(a->count, 5);
	facts_free(a);
	facts_free(b);
}
END_TEST

/* A directory with many entries, one with 3,000 levels, and what is immutable in between. */
START_TEST(test_remove)
{
	struct br_error err;

	subvol_create(top, "copy-7");
	BR_AUTO_CLOSE int copy = tree_open(top, "copy-7", false);
	copy_everything(copy, "everything", NULL, NULL);
	ck_assert_int_eq(br_remove_tree(copy, "everything", &err), BR_ERR_TYPE);
	ck_assert_ptr_nonnull(strstr(err.path, "everything/subvolumes/"));
	subvol_delete(copy, "everything/subvolumes/read-only");
	subvol_delete(copy, "everything/subvolumes/writable/inner");
	subvol_delete(copy, "everything/subvolumes/writable");
	ck_assert_int_eq(br_remove_tree(copy, "everything", &err), 0);
	ck_assert(!tree_exists(copy, "everything"));
	ck_assert(tree_exists(source, "everything/deep"));
}
END_TEST

/* A reset with the tree as persistent path; returns how old and new root differ there. */
static char *reset_and_compare(struct image *own, const char *config)
{
	BR_AUTO_FREE char *archive = NULL, *path = NULL;
	struct run_result result;

	ck_assert_msg(layout_reset(own, config, NULL, &result) == 0, "exit %d: %s%s", result.code,
		      result.out, result.err);
	run_free(&result);
	archive = layout_archive(own->top, NULL);
	ck_assert(asprintf(&path, "%s/var/everything", archive) > 0);
	BR_AUTO_CLOSE int a = tree_open(own->top, path, false);
	BR_AUTO_CLOSE int b = tree_open(own->top, "root/var/everything", false);
	BR_AUTO_CLOSE int deep_a = tree_open(a, "deep", false);
	BR_AUTO_CLOSE int deep_b = tree_open(b, "deep", false);
	assert_same(oracle_walk(deep_a, deep_b));
	char *text = oracle_compare(a, b, &(struct oracle_options){ .skip = without_deep });
	char name[24]; /* out of the way of the next; a read-only one cannot be moved */
	snprintf(name, sizeof(name), "compared-%u", (unsigned)subvol_id(own->top, archive));
	subvol_set_read_only(own->top, archive, false);
	ck_assert(renameat(own->top, archive, own->top, name) == 0);
	return text;
}

/* Everything through the tool: copied, then made a subvolume, then carried by a snapshot. */
START_TEST(test_through_the_tool)
{
	struct image *own = image_create(NULL);

	(void)image_mount(own, NULL);
	layout_make(own->top);
	BR_AUTO_CLOSE int tree = tree_mkdir(own->top, "root/var/everything");
	tree_everything(tree, TREE_DEEP);
	(void)close(br_take_fd(&tree));
	BR_AUTO_FREE char *by_copy = layout_config("\"/var/everything\"", NULL);
	BR_AUTO_FREE char *by_snapshot = layout_config(
		NULL, "path \"/var/everything\" { method = subvolume }");
	assert_same(reset_and_compare(own, by_copy));
	assert_differences(reset_and_compare(own, by_snapshot), ".: subvolume ro=false [+]\n");
	assert_same(reset_and_compare(own, by_snapshot));
	image_free(own);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("copy-fidelity");
	TCase *whole = suite_add_case(suite, "whole", make_whole_source, drop_source, 240);
	TCase *small = suite_add_case(suite, "small", make_small_source, drop_source, 120);
	TCase *tool = suite_add_case(suite, "tool", NULL, NULL, 120);

	tcase_add_test(whole, test_everything);
	tcase_add_test(whole, test_flips_in_large_parts);
	tcase_add_test(whole, test_few_descriptors);
	tcase_add_test(whole, test_remove);
	tcase_add_test(small, test_source_is_untouched);
	tcase_add_loop_test(small, test_nothing_is_inherited, 0, INHERITANCES);
	tcase_add_loop_test(small, test_single_objects_inherit_nothing, 0, INHERITANCES);
	tcase_add_test(small, test_without_openat2);
	tcase_add_test(small, test_as_subvolume);
	tcase_add_test(small, test_without_reflink);
	tcase_add_test(small, test_mounts_are_not_entered);
	tcase_add_test(small, test_directory_only);
	tcase_add_test(tool, test_through_the_tool);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
