/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ways a file's bytes get into its copy: shared; read and written because that was asked for, or
 * because one of the two files has no checksums. And copies that must not begin, or not end.
 */
#include "cleanup.h"
#include "copy.h"
#include "image.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define CHUNK ((uint64_t)256 * 1024) /* what the copy reads at once */

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

static void copy(int src_parent, const char *src, int dst_parent, const char *dst,
		 const struct br_copy_options *options, struct br_copy_stats *stats)
{
	struct br_error err;
	char message[2048];

	if (br_copy_tree(src_parent, src, dst_parent, dst, options, stats, &err) == 0)
		return;
	br_error_format(&err, message, sizeof(message));
	ck_abort_msg("%s", message);
}

static void assert_copy(const char *src, const char *dst, enum oracle_flags flags)
{
	BR_AUTO_CLOSE int a = tree_open(top, src, false);
	BR_AUTO_CLOSE int b = tree_open(top, dst, false);

	ck_assert(syncfs(top) == 0);
	assert_same(oracle_compare(a, b, &(struct oracle_options){ .flags = flags }));
}

static void remount(const char *option)
{
	ck_assert_msg(mount(NULL, image->mountpoint, NULL, MS_REMOUNT | MS_NOATIME, option) == 0,
		      "%s: %s", option, strerror(errno));
}

static const struct tree_range around_chunks[] = {
	{ 0, 1 },
	{ CHUNK - 4096, 8192 },
	{ 3 * CHUNK - 1, 1 },
	{ 4 * CHUNK, CHUNK },
	{ 6 * CHUNK + 4095, 1 },
	{ 0, 0 },
};

static const struct tree_node content[] = {
	{ .path = "content", .type = TREE_DIRECTORY },
	{ .path = "content/empty", .type = TREE_FILE },
	{ .path = "content/chunk-1", .type = TREE_FILE, .size = CHUNK - 1 },
	{ .path = "content/chunk", .type = TREE_FILE, .size = CHUNK },
	{ .path = "content/chunk+1", .type = TREE_FILE, .size = CHUNK + 1 },
	{ .path = "content/chunks", .type = TREE_FILE, .size = 5 * CHUNK + 7 },
	{ .path = "content/holes",
	  .type = TREE_FILE,
	  .size = 9 * CHUNK + 1,
	  .ranges = around_chunks },
	{ .path = "content/setuid",
	  .type = TREE_FILE,
	  .size = 100,
	  .mode = 06755,
	  .uid = 1,
	  .gid = 2 },
	{ .path = "content/read-only", .type = TREE_FILE, .size = 5000, .mode = 0400 },
};

/* More preallocated ranges than are asked for at once, each with a hole or data behind it. */
static void make_preallocated(int dir)
{
	BR_AUTO_CLOSE int fd = openat(dir, "preallocated", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ck_assert(fd >= 0);
	for (off_t i = 0; i < 100; i++)
		ck_assert(fallocate(fd, 0, i * 65536, 16384) == 0);
	for (off_t i = 0; i < 100; i += 2)
		ck_assert(pwrite(fd, "data", 4, i * 65536 + 32768) == 4);
	ck_assert(ftruncate(fd, 100 * 65536 - 50000) == 0);
}

static void make_content(void)
{
	if (tree_exists(top, "content"))
		return;
	TREE_BUILD(top, content);
	BR_AUTO_CLOSE int dir = tree_open(top, "content", false);
	make_preallocated(dir);
	free(run_shell(dir, "setcap cap_net_raw+ep chunks;"
			    "for c in zlib lzo zstd none; do touch $c empty-$c;"
			    "  setfattr -n btrfs.compression -v $c $c empty-$c;"
			    "  yes same | head -c 300000 >$c;"
			    "done;"
			    "touch incompressible; chattr +m incompressible; touch nodatacow;"
			    "chattr +C nodatacow; cat chunks >nodatacow"));
	ck_assert(syncfs(top) == 0);
}

START_TEST(test_read_and_written)
{
	const struct br_copy_options options = { .without_reflink = true };
	struct br_copy_stats stats = { .files = 0 };
	struct stat st, copied;

	make_content();
	copy(top, "content", top, "written", &options, &stats);
	assert_copy("content", "written", ORACLE_NO_EXTENTS);
	ck_assert_uint_eq(stats.bytes_shared, 0);
	ck_assert(fstatat(top, "content/preallocated", &st, 0) == 0);
	ck_assert(fstatat(top, "written/preallocated", &copied, 0) == 0);
	ck_assert_int_eq(st.st_blocks, copied.st_blocks);
	ck_assert(fstatat(top, "content/holes", &st, 0) == 0);
	ck_assert(fstatat(top, "written/holes", &copied, 0) == 0);
	ck_assert_int_eq(st.st_blocks, copied.st_blocks);
}
END_TEST

/* New files get flags from the mount that forbid to share data with the old ones, or to compress. */
START_TEST(test_shared_under_mount_options)
{
	static const char *const option[] = { "nodatasum", "nodatacow", "compress-force=zstd" };
	struct br_copy_stats stats = { .files = 0 };

	make_content();
	remount(option[_i]);
	copy(top, "content", top, option[_i], NULL, &stats);
	remount("datacow,datasum,compress=no");
	assert_copy("content", option[_i], ORACLE_ALL);
	ck_assert_uint_eq(stats.bytes_copied, 0);
}
END_TEST

/* A file without checksums, but copy-on-write, is what the kernel makes only with that mount option. */
START_TEST(test_source_without_checksums)
{
	struct br_copy_stats stats = { .files = 0 };

	BR_AUTO_CLOSE int dir = tree_mkdir(top, "unchecked");
	remount("nodatasum");
	TREE_BUILD(dir, content);
	make_preallocated(dir);
	remount("datasum");
	ck_assert(syncfs(top) == 0);
	copy(top, "unchecked", top, "checked", NULL, &stats);
	assert_copy("unchecked", "checked", ORACLE_NO_EXTENTS);
	ck_assert_uint_eq(stats.bytes_shared, 0);
	ck_assert_uint_gt(stats.bytes_copied, 6 * CHUNK);
}
END_TEST

/* Symbolic links and fifos have no descriptor: without /proc they are reached through the working directory. */
START_TEST(test_without_proc)
{
	BR_AUTO_CLOSE int dir = tree_mkdir(top, "special");
	BR_AUTO_FREE char *before = NULL;
	BR_AUTO_FREE char *after = NULL;

	free(run_shell(
		dir,
		"ln -s nowhere link; mkfifo -m 0666 fifo; mknod -m 0640 null c 1 3; touch file;"
		"setfattr -h -n trusted.a -v b link fifo null; setfacl -m u:9:r fifo;"
		"chown -h 3:4 link null"));
	image_private_mounts();
	before = getcwd(NULL, 0);
	ck_assert(mount("none", "/proc", "tmpfs", 0, NULL) == 0);
	ck_assert(access("/proc/self", F_OK) != 0);
	copy(top, "special", top, "special-copy", NULL, NULL);
	ck_assert(umount("/proc") == 0);
	after = getcwd(NULL, 0);
	ck_assert_str_eq(before, after);
	assert_copy("special", "special-copy", ORACLE_ALL);
}
END_TEST

/* 5,000 levels of the longest names: a path of 1.2 MiB. */
START_TEST(test_very_deep)
{
	struct rlimit few = { .rlim_cur = 90, .rlim_max = 90 };
	char name[NAME_MAX + 1];
	struct br_error err;

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	BR_AUTO_CLOSE int deep = tree_mkdir(top, "deep");
	tree_make_deep(deep, name, 5000);
	ck_assert(setrlimit(RLIMIT_NOFILE, &few) == 0);
	copy(top, "deep", top, "deep-copy", NULL, NULL);
	BR_AUTO_CLOSE int copied = tree_open(top, "deep-copy", false);
	assert_same(oracle_walk(deep, copied));
	BR_AUTO_CLOSE int bottom = tree_open_deep(copied, name, 4000);
	run_ok(bottom, "btrfs", "-q", "subvolume", "create", "nested");
	ck_assert_int_eq(br_remove_tree(top, "deep-copy", &err), BR_ERR_TYPE);
	ck_assert_str_eq(err.path + strlen(err.path) - strlen("n/nested"), "n/nested");
	ck_assert_msg(strncmp(err.path, "...", 3) == 0, "%s", err.path);
	ck_assert(unlinkat(bottom, "nested", AT_REMOVEDIR) ==
		  0); /* what only an empty one allows */
	ck_assert_int_eq(br_remove_tree(top, "deep-copy", &err), 0);
	ck_assert(!tree_exists(top, "deep-copy"));
}
END_TEST

/* A walk that finds what it makes would go on until the disk is full. */
START_TEST(test_into_itself)
{
	struct br_error err;

	free(run_shell(
		top,
		"mkdir -p itself/a/b itself/c; touch itself/file itself/a/file itself/a/b/file"));
	BR_AUTO_CLOSE int inside = tree_open(top, "itself/a/b", false);
	(void)alarm(10); /* what has become deep by then the kernel can still unmount */
	ck_assert_int_eq(br_copy_tree(top, "itself", inside, "copy", NULL, NULL, &err),
			 BR_ERR_CREATE);
	ck_assert_str_eq(err.path, "itself/a/b/copy");
	ck_assert_int_eq(br_remove_tree(inside, "copy", &err), 0);
	ck_assert_int_eq(br_copy_tree(top, "itself", inside, "again", NULL, NULL, &err),
			 BR_ERR_CREATE);
}
END_TEST

struct refusal {
	const char *src, *dst;
	bool as_subvolume;
	enum br_code code;
	int sys_errno;
	const char *path;
};

static const struct refusal refusals[] = {
	{ "..", "new", false, BR_ERR_OPEN, EINVAL, ".." },
	{ ".", "new", false, BR_ERR_OPEN, EINVAL, "." },
	{ "", "new", false, BR_ERR_OPEN, EINVAL, "" },
	{ "dir/file", "new", false, BR_ERR_OPEN, EINVAL, "dir/file" },
	{ "dir", "../new", false, BR_ERR_OPEN, EINVAL, "dir" },
	{ "missing", "new", false, BR_ERR_STAT, ENOENT, "missing" },
	{ "dir", "other", false, BR_ERR_CREATE, EEXIST, "other" },
	{ "file", "other", false, BR_ERR_CREATE, EEXIST, "other" },
	{ "link", "other", false, BR_ERR_CREATE, EEXIST, "other" },
	{ "file", "link", false, BR_ERR_CREATE, EEXIST, "link" },
	{ "dir", "other", true, BR_ERR_SUBVOLUME, EEXIST, "other" },
	{ "file", "new", true, BR_ERR_TYPE, ENOTDIR, "file" },
	{ "link", "new", true, BR_ERR_TYPE, ENOTDIR, "link" },
};

START_TEST(test_refusals)
{
	BR_AUTO_CLOSE int dir = tree_mkdir(top, "refusals");

	free(run_shell(dir, "mkdir dir other; touch file dir/file; ln -s dir link"));
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];
		const struct br_copy_options options = { .as_subvolume = refusal->as_subvolume };
		struct br_error err;
		int r = br_copy_tree(dir, refusal->src, dir, refusal->dst, &options, NULL, &err);

		ck_assert_msg(r == (int)refusal->code && err.sys_errno == refusal->sys_errno &&
				      strcmp(err.path, refusal->path) == 0,
			      "%s to %s: %s, %s, %s", refusal->src, refusal->dst, br_code_name(r),
			      err.path, strerror(err.sys_errno));
		ck_assert(!tree_exists(dir, "new") && !tree_exists(dir, "../new"));
	}
}
END_TEST

/* A subvolume is never emptied, at the top or inside; its place-holder, and what is immutable, is removed. */
START_TEST(test_remove)
{
	struct br_error err;

	BR_AUTO_CLOSE int dir = tree_mkdir(top, "remove");
	free(run_shell(
		dir,
		"btrfs -q subvolume create original; cd original; mkdir -p tree/a/b;"
		"touch tree/a/immutable tree/a/append tree/file; mkfifo tree/fifo; ln -s / tree/link;"
		"btrfs -q subvolume create tree/a/b/nested; touch tree/a/b/nested/file;"
		"chattr +i tree/a/immutable tree/a/b; chattr +a tree/a/append tree/a; chattr +i tree;"
		"btrfs -q subvolume snapshot . ../snapshot"));
	BR_AUTO_CLOSE int original = tree_open(dir, "original", false);
	BR_AUTO_CLOSE int snapshot = tree_open(dir, "snapshot", false);
	ck_assert_int_eq(br_remove_tree(dir, "original", &err), BR_ERR_TYPE);
	ck_assert_str_eq(err.path, "original");
	ck_assert_int_eq(br_remove_tree(original, "tree", &err), BR_ERR_TYPE);
	ck_assert_str_eq(err.path, "tree/a/b/nested");
	ck_assert(tree_exists(original, "tree/a/b/nested/file"));
	ck_assert_int_eq(br_remove_tree(dir, "missing", &err), 0);
	ck_assert_int_eq(br_remove_tree(dir, "..", &err), BR_ERR_REMOVE);
	ck_assert_int_eq(br_remove_tree(dir, "snapshot/tree", &err), BR_ERR_REMOVE);
	ck_assert(tree_exists(snapshot, "tree/file"));
	ck_assert_msg(br_remove_tree(snapshot, "tree", &err) == 0, "%s: %s", err.path,
		      strerror(err.sys_errno));
	ck_assert(!tree_exists(snapshot, "tree"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("copy-content");
	TCase *tcase = suite_add_case(suite, "content", make_image, drop_image, 120);

	tcase_add_test(tcase, test_read_and_written);
	tcase_add_loop_test(tcase, test_shared_under_mount_options, 0, 3);
	tcase_add_test(tcase, test_source_without_checksums);
	tcase_add_test(tcase, test_without_proc);
	tcase_add_test(tcase, test_very_deep);
	tcase_add_test(tcase, test_into_itself);
	tcase_add_test(tcase, test_refusals);
	tcase_add_test(tcase, test_remove);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
