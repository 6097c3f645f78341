/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An initramfs has little memory, and nobody knows what a persistent path holds: peak memory is the same for ten
 * files and for a hundred thousand; thousands of levels need neither stack nor descriptors. With the sanitizers, most of
 * the memory is not the program's own: then there are fewer files, and nothing is said of it.
 */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GROWTH_KIB_MAX 1024

static struct image *image;

static void make_image(void)
{
	image_private_mounts();
	image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	layout_make(image_mount(image, NULL));
	image_unmount(image);
}

static void drop_image(void)
{
	image_free(image);
}

/* Make more files in the persistent path; those of before stay. */
static void add_files(const char *name, unsigned count, unsigned per_dir)
{
	int top = image_mount(image, NULL);

	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);
	tree_make_many(app, name, count, per_dir, 40);
	(void)close(br_take_fd(&app));
	image_unmount(image);
}

static unsigned count_files(void)
{
	int top = image_mount(image, NULL);
	BR_AUTO_FREE char *count = run_shell(top, "find root/var/lib/app -type f | wc -l");

	image_unmount(image);
	return (unsigned)atoi(count);
}

static long peak_of_reset(const char *config)
{
	struct run_result result;
	long peak = 0;

	run_tool_measured((const char *const[]){ "--config", config, "--device", image->device[0],
						 "--cmdline", "noresume", NULL },
			  &result, &peak);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	run_free(&result);
	return peak;
}

static const struct {
	const char *name;
	unsigned files, per_dir;
} sizes[] = {
	{ "ten", 10, 10 },
	{ "some", 10000, 1000 },
	{ "many", 90000, 1000 },
	{ "crowd", 50000, 50000 }, /* in one directory */
};

START_TEST(test_files)
{
	BR_AUTO_FREE char *config = layout_config("\"/var/lib/app\"", NULL);
	bool is_sanitized = run_tool_is_sanitized();
	unsigned files = count_files();
	long least = 0;

	for (size_t i = 0; i < COUNT(sizes); i++) {
		unsigned more = is_sanitized ? sizes[i].files / 10 : sizes[i].files;

		add_files(sizes[i].name, more, sizes[i].per_dir);
		files += more;
		long peak = peak_of_reset(config);
		printf("%u files: %ld KiB\n", files, peak);
		ck_assert_uint_eq(count_files(), files);
		least = i == 0 ? peak : least;
		ck_assert_msg(is_sanitized || peak - least <= GROWTH_KIB_MAX,
			      "%u files need %ld KiB, %u need %ld", files, peak, sizes[0].files,
			      least);
	}
}
END_TEST

/* 256 KiB of stack are a thirtieth of the usual; the sanitizers' own code needs more. */
static int reset_with_limits(const char *config, struct run_result *result)
{
	const char *limits = run_tool_is_sanitized() ? "ulimit -n 256; exec \"$@\""
						     : "ulimit -n 256; ulimit -s 256; exec \"$@\"";
	const char *const argv[] = { "sh",        "-euc",          limits,
				     "sh",        run_tool_path(), "--config",
				     config,      "--device",      image->device[0],
				     "--cmdline", "noresume",      NULL };

	run(&(struct run_options){ .argv = argv }, result);
	return result->code;
}

static void assert_same_depths(const char *archive)
{
	BR_AUTO_FREE char *path = NULL;

	ck_assert(asprintf(&path, "%s/var/log", archive) > 0);
	BR_AUTO_CLOSE int old = tree_open(image->top, path, false);
	BR_AUTO_CLOSE int new = tree_open(image->top, "root/var/log", false);
	BR_AUTO_CLOSE int deepest = tree_open_deep(new, TREE_DEEP_NAME, TREE_DEEP_LEVELS);
	ck_assert(tree_exists(deepest, "leaf"));
	assert_same(oracle_walk(old, new));
}

/* The second reset also has to remove the deep tree that the blank has there by then. */
START_TEST(test_depth)
{
	BR_AUTO_FREE char *config = layout_config("\"/var/log\"", NULL);
	struct run_result result;
	int top = image_mount(image, NULL);
	BR_AUTO_CLOSE int log = tree_open(top, "root/var/log", false);

	tree_make_deep(log, TREE_DEEP_NAME, TREE_DEEP_LEVELS);
	(void)close(br_take_fd(&log));
	for (unsigned i = 0; i < 2; i++) {
		BR_AUTO_FREE char *before = run_shell(image->top, "ls -d old_roots/* || :");
		image_unmount(image);
		ck_assert_msg(reset_with_limits(config, &result) == 0, "exit %d: %s", result.code,
			      result.err);
		run_free(&result);
		(void)image_mount(image, NULL);
		BR_AUTO_FREE char *newest = run_shell(image->top, "ls -d old_roots/* | tail -n 1");
		newest[strcspn(newest, "\n")] = '\0';
		ck_assert_ptr_null(strstr(before, newest));
		assert_same_depths(newest);
		subvol_delete(image->top, "root-blank");
		subvol_snapshot(image->top, "root", "root-blank", true);
	}
	image_unmount(image);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("footprint");
	TCase *files = suite_add_case(suite, "files", make_image, drop_image, 600);
	TCase *depth = suite_add_case(suite, "depth", make_image, drop_image, 300);

	tcase_add_test(files, test_files);
	tcase_add_test(depth, test_depth);
	return suite_run(suite, true);
}
