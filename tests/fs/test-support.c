/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do the tools that the tests rely on work themselves? */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct image *image;

static void make_image(void)
{
	image = image_create(NULL);
}

static void drop_image(void)
{
	image_free(image);
}

START_TEST(test_run_captures)
{
	struct run_result result;
	const char *const argv[] = { "sh", "-c", "cat; echo error >&2; exit 7", NULL };

	run(&(struct run_options){ .argv = argv, .input = "a\0b", .input_size = 3 }, &result);
	ck_assert_int_eq(result.code, 7);
	ck_assert(!result.timed_out);
	ck_assert_uint_eq(result.out_size, 3);
	ck_assert_mem_eq(result.out, "a\0b", 4);
	ck_assert_str_eq(result.err, "error\n");
	run_free(&result);
}
END_TEST

START_TEST(test_run_signal)
{
	struct run_result result;

	run(&(struct run_options){ .argv = (const char *const[]){ "sh", "-c", "kill -TERM $$",
								  NULL } },
	    &result);
	ck_assert_int_eq(result.code, 128 + SIGTERM);
	run_free(&result);
}
END_TEST

/* What the program has started ends with it. */
START_TEST(test_run_timeout)
{
	struct run_result result;
	const char *const argv[] = { "sh", "-c", "sleep 1000 & echo $!; wait", NULL };

	run(&(struct run_options){ .argv = argv, .timeout = 1 }, &result);
	ck_assert(result.timed_out);
	ck_assert_int_eq(result.code, 128 + SIGKILL);
	pid_t sleeper = atoi(result.out);
	ck_assert_int_gt(sleeper, 1);
	for (int i = 0; i < 200 && kill(sleeper, 0) == 0; i++)
		usleep(10000);
	ck_assert_int_eq(kill(sleeper, 0), -1);
	run_free(&result);
}
END_TEST

START_TEST(test_run_failure_is_noticed)
{
	run_ok(0, "sh", "-c", "exit 1");
}
END_TEST

START_TEST(test_run_measures_the_program_alone)
{
	struct run_result result;
	size_t size = 200 << 20;
	char *ballast = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			     0);
	long peak = 0;

	ck_assert(ballast != MAP_FAILED);
	memset(ballast, 1, size);
	ck_assert(setenv("BLANKROOT_INITRD", "/bin/true", 1) == 0);
	run_tool_measured((const char *const[]){ NULL }, &result, &peak);
	ck_assert_int_eq(result.code, 0);
	ck_assert_int_lt(peak, 50 << 10);
	ck_assert(!run_tool_is_sanitized());
	run_free(&result);
}
END_TEST

static bool has_backing_file(const char *device)
{
	BR_AUTO_FREE char *path = NULL;

	ck_assert(asprintf(&path, "/sys/block/%s/loop/backing_file", device + strlen("/dev/")) > 0);
	return access(path, F_OK) == 0;
}

/* The hardest case: the process that made and mounted an image is killed. */
START_TEST(test_image_dies_with_its_process)
{
	char device[24] = "";
	int pipefd[2];

	ck_assert(pipe2(pipefd, O_CLOEXEC) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct image *own = image_create(NULL);

		(void)image_mount(own, NULL);
		ck_assert(write(pipefd[1], own->device[0], sizeof(device)) == sizeof(device));
		(void)kill(getpid(), SIGKILL);
	}
	(void)close(pipefd[1]);
	ck_assert_int_eq(read(pipefd[0], device, sizeof(device)), sizeof(device));
	(void)close(pipefd[0]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 200 && has_backing_file(device); i++)
		usleep(10000);
	ck_assert_msg(!has_backing_file(device), "%s is still attached", device);
}
END_TEST

START_TEST(test_image_free_detaches)
{
	struct image *own = image_create(&(struct image_options){ .size = 200 << 20 });
	BR_AUTO_FREE char *device = strdup(own->device[0]);

	ck_assert(has_backing_file(device));
	image_mount(own, NULL);
	image_free(own);
	for (int i = 0; i < 200 && has_backing_file(device); i++)
		usleep(10000);
	ck_assert_msg(!has_backing_file(device), "%s is still attached", device);
}
END_TEST

START_TEST(test_image_is_as_asked)
{
	struct image *own = image_create(&(struct image_options){
		.size = 256 << 20,
		.devices = 2,
		.nodesize = 4096,
		.label = "a label",
		.mkfs_args = (const char *const[]){ "-O", "^no-holes", NULL } });
	int top = image_mount(own, "noatime,compress=zstd");
	BR_AUTO_FREE char *super = run_shell(0, "btrfs inspect-internal dump-super %s",
					     own->device[1]);
	BR_AUTO_FREE char *usage = run_shell(top, "btrfs filesystem df .");

	ck_assert_ptr_nonnull(strstr(super, own->uuid));
	ck_assert_ptr_nonnull(strstr(super, "a label"));
	ck_assert_ptr_nonnull(strstr(super, "num_devices\t\t2"));
	ck_assert_ptr_nonnull(strstr(super, "nodesize\t\t4096"));
	ck_assert_ptr_nonnull(strstr(usage, "Data, RAID1"));
	ck_assert_ptr_nonnull(strstr(usage, "Metadata, RAID1"));
	image_free(own);
}
END_TEST

START_TEST(test_mounts_are_private)
{
	image_mount(image, NULL);
	char *sub = image_mount_subvolume(image, ".", "ro");
	BR_AUTO_FREE char *here = run_shell(0, "grep -c ' %s ' /proc/%d/mountinfo || :", sub,
					    getpid());
	BR_AUTO_FREE char *outside = run_shell(0, "grep -c ' %s ' /proc/%d/mountinfo || :", sub,
					       getppid());

	ck_assert_str_eq(here, "1\n");
	ck_assert_str_eq(outside, "0\n");
	ck_assert_int_ne(mkdirat(AT_FDCWD, sub, 0700), 0);
	image_unmount_path(sub);
	image_unmount(image);
	ck_assert_int_eq(image->top, -1);
}
END_TEST

/* A snapshot has everything in common with its source, whatever our own code does. */
START_TEST(test_oracle_finds_no_difference_in_a_snapshot)
{
	int top = image_mount(image, NULL);

	subvol_create(top, "everything");
	BR_AUTO_CLOSE int a = tree_open(top, "everything", false);
	tree_everything(a, TREE_SMALL);
	subvol_snapshot(top, "everything", "snapshot", false);
	BR_AUTO_CLOSE int b = tree_open(top, "snapshot", false);
	const char *const skip[] = { "subvolumes", NULL };
	assert_same(oracle_compare(a, b, &(struct oracle_options){ .skip = skip }));

	struct facts *facts = oracle_facts(a, NULL);
	ck_assert_uint_gt(facts->count, 1500);
	facts_free(facts);
}
END_TEST

START_TEST(test_oracle_facts_of_a_file)
{
	int top = image_mount(image, NULL);
	static const struct tree_node nodes[] = {
		{ .type = TREE_DIRECTORY, .path = "known" },
		{ .type = TREE_FILE,
		  .path = "known/a b\n",
		  .size = 8192,
		  .mode = 04751,
		  .uid = 5,
		  .gid = 6,
		  .time = { 1, 2 } },
		{ .type = TREE_HARDLINK, .path = "known/second", .target = "known/a b\n" },
	};
	static const char *const expected[] = {
		("a b\\x0a: f mode=04751 owner=5:6 size=8192 mtime=1.0000000020 "
		 "atime=1.0000000020 target="),
		"a b\\x0a: 2 names in the tree, first ./a b\\x0a",
		"second: 2 names in the tree, first ./a b\\x0a",
		"second: user.x=0x7900",
		"second: ------d---------------",
	};

	TREE_BUILD(top, nodes);
	tree_set_xattr(top, "known/second", "user.x", "y", 2);
	tree_change_flags(top, "known/second", 0x40, 0);
	BR_AUTO_CLOSE int known = tree_open(top, "known", false);
	struct facts *facts = oracle_facts(known,
					   &(struct oracle_options){ .flags = ORACLE_NO_EXTENTS });
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		bool found = false;

		for (size_t j = 0; j < facts->count; j++)
			found = found || strcmp(facts->line[j], expected[i]) == 0;
		ck_assert_msg(found, "missing: %s", expected[i]);
	}
	facts_free(facts);
}
END_TEST

static void make_walk_pair(int dir, int *a_ret, int *b_ret)
{
	int top[2];

	for (unsigned i = 0; i < 2; i++) {
		top[i] = tree_mkdir(dir, i ? "b" : "a");
		tree_make_deep(top[i], "a-directory-name", 300);
		BR_AUTO_CLOSE int deep = tree_open_deep(top[i], "a-directory-name", 300);
		tree_set_time(deep, "leaf", (struct timespec){ 5, 5 });
		for (unsigned level = 0; level <= 300; level++) {
			BR_AUTO_CLOSE int fd = tree_open_deep(top[i], "a-directory-name", level);
			tree_set_time(fd, ".", (struct timespec){ 6, 6 });
		}
	}
	*a_ret = top[0];
	*b_ret = top[1];
}

/* Each difference in its own word, and only that one. */
START_TEST(test_walk_notices)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_CLOSE int fd = tree_open(AT_FDCWD, dir, false);
	BR_AUTO_CLOSE int a = -1;
	BR_AUTO_CLOSE int b = -1;

	make_walk_pair(fd, &a, &b);
	assert_same(oracle_walk(a, b));
	BR_AUTO_CLOSE int deep = tree_open_deep(b, "a-directory-name", 300);
	tree_write(deep, "leaf", "AT the bottom\n");
	tree_set_time(deep, "leaf", (struct timespec){ 5, 5 });
	BR_AUTO_FREE char *content = oracle_walk(a, b);
	ck_assert_str_eq(content, "leaf: at depth 301: content\n");
	tree_write(deep, "leaf", "at the bottom\n");
	tree_set_time(deep, "leaf", (struct timespec){ 5, 6 });
	BR_AUTO_FREE char *times = oracle_walk(a, b);
	ck_assert_str_eq(times, "leaf: at depth 301: times\n");
	tree_set_time(deep, "leaf", (struct timespec){ 5, 5 });
	ck_assert(fchmodat(deep, "leaf", 0600, 0) == 0);
	BR_AUTO_FREE char *mode = oracle_walk(a, b);
	ck_assert_str_eq(mode, "leaf: at depth 301: mode or type\n");
	ck_assert(fchmodat(deep, "leaf", 0644, 0) == 0);
	ck_assert(renameat(deep, "leaf", deep, "leaves") == 0);
	tree_set_time(deep, ".", (struct timespec){ 6, 6 });
	BR_AUTO_FREE char *names = oracle_walk(a, b);
	ck_assert_ptr_nonnull(strstr(names, "leaf: at depth 300: only in the first\n"));
	ck_assert_ptr_nonnull(strstr(names, "leaves: at depth 300: only in the second\n"));
}
END_TEST

START_TEST(test_layout)
{
	struct image *own = image_create(NULL);
	int top = image_mount(own, NULL);
	struct stat st;

	layout_make(top);
	BR_AUTO_FREE char *list = subvol_list(top);
	ck_assert_str_eq(list, "log\npersist\nroot\nroot-blank\n");
	ck_assert(subvol_is_read_only(top, "root-blank"));
	ck_assert(!subvol_is_read_only(top, "root"));
	ck_assert(subvol_exists(top, "root"));
	ck_assert(!subvol_exists(top, "old_roots"));
	ck_assert(subvol_id(top, "root") < subvol_id(top, "root-blank"));
	ck_assert(fstatat(top, "old_roots", &st, 0) == 0 && (st.st_mode & 07777) == 0700);
	ck_assert(tree_exists(top, "root/usr/bin/drift"));
	ck_assert(!tree_exists(top, "root-blank/usr/bin/drift"));
	BR_AUTO_FREE char *id = tree_read(top, "root-blank/etc/machine-id");
	ck_assert_str_eq(id, "");
	subvol_snapshot(top, "root", "old_roots/root.1", true);
	BR_AUTO_FREE char *archive = layout_archive(top, NULL);
	ck_assert_str_eq(archive, "old_roots/root.1");
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	BR_AUTO_FREE char *text = tree_read(AT_FDCWD, config);
	ck_assert_ptr_nonnull(strstr(text, LAYOUT_PERSIST));
	image_free(own);
}
END_TEST

/* Through another mount, in another mount namespace. */
START_TEST(test_watch)
{
	struct watch watch = { .count = 0 };
	int top = image_mount(image, NULL);
	BR_AUTO_FREE char *dir = NULL;

	(void)close(tree_mkdir(top, "watched"));
	tree_write(top, "watched/file", "text");
	ck_assert(asprintf(&dir, "%s/watched", image->mountpoint) > 0);
	watch_tree(&watch, dir);
	ck_assert(tree_exists(top, "watched/file"));
	BR_AUTO_FREE char *nothing = watch_end(&watch);
	ck_assert_str_eq(nothing, "");

	watch_tree(&watch, dir);
	BR_AUTO_FREE char *text = run_shell(
		0,
		"mkdir %s/../m; unshare -m sh -c 'mount -o noatime %s %s/../m; "
		"cat %s/../m/watched/file'",
		dir, image->device[0], dir, dir);
	BR_AUTO_FREE char *events = watch_end(&watch);
	ck_assert_str_eq(text, "text");
	ck_assert_ptr_nonnull(strstr(events, "/watched/file: opened\n"));
	ck_assert_ptr_nonnull(strstr(events, "/watched/file: read\n"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("support");
	TCase *programs = suite_add_case(suite, "run", NULL, NULL, 30);
	TCase *images = suite_add_case(suite, "image", make_image, drop_image, 60);
	TCase *oracles = suite_add_case(suite, "oracle", make_image, drop_image, 60);

	tcase_add_test(programs, test_run_captures);
	tcase_add_test(programs, test_run_signal);
	tcase_add_test(programs, test_run_timeout);
	tcase_add_exit_test(programs, test_run_failure_is_noticed, 1);
	tcase_add_test(programs, test_run_measures_the_program_alone);
	tcase_add_test(images, test_image_dies_with_its_process);
	tcase_add_test(images, test_image_free_detaches);
	tcase_add_test(images, test_image_is_as_asked);
	tcase_add_test(images, test_mounts_are_private);
	tcase_add_test(oracles, test_oracle_finds_no_difference_in_a_snapshot);
	tcase_add_test(oracles, test_oracle_facts_of_a_file);
	tcase_add_test(oracles, test_walk_notices);
	tcase_add_test(images, test_layout);
	tcase_add_test(images, test_watch);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
