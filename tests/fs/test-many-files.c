/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 200,000 files in a persistent path: all arrive, and the memory of the tool does not grow with
 * them. A tenth of that with the sanitizers, whose memory says nothing.
 */
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FILES 200000
#define LINKED 5000       /* of them with a second name, all seen late: that is what needs memory */
#define PEAK_KIB_MAX 8192 /* 40 bytes for each file would be more */

static struct image *image;
static unsigned files = FILES, linked = LINKED;

static void link_some(int dir)
{
	BR_AUTO_CLOSE int links = tree_mkdir(dir, "links");

	for (unsigned i = 0; i < linked; i++) {
		char from[40], to[24];

		snprintf(from, sizeof(from), "many/d%05u/f%06u", i / 50, i / 50 * 1000 + i % 50);
		snprintf(to, sizeof(to), "l%06u", i);
		ck_assert_msg(linkat(dir, from, links, to, 0) == 0, "%s: %s", from,
			      strerror(errno));
	}
}

static void make_many(void)
{
	image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	int top = image_mount(image, NULL);

	if (run_tool_is_sanitized()) {
		files /= 10;
		linked /= 10;
	}
	layout_make(top);
	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);
	tree_make_many(app, "many", files, 1000, 100);
	link_some(app);
	(void)close(br_take_fd(&app));
	image_unmount(image); /* what is open here stays open in the tests */
}

static void drop_image(void)
{
	image_free(image);
}

/* Reset once; tells what it took. */
static void reset_measured(const char *config, const char *what)
{
	struct run_result result;
	struct timespec begin, end;
	long peak = 0;

	image_unmount(image);
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	run_tool_measured((const char *const[]){ "--config", config, "--device", image->device[0],
						 "--cmdline", "noresume", NULL },
			  &result, &peak);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_msg(result.code == 0, "exit %d: %s%s", result.code, result.out, result.err);
	run_free(&result);
	printf("%s: %.1f s, peak %ld KiB\n", what,
	       (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
	       peak);
	(void)fflush(stdout);
	if (!run_tool_is_sanitized())
		ck_assert_int_le(peak, PEAK_KIB_MAX);
	(void)image_mount(image, NULL);
}

static void check_path(const char *archive)
{
	BR_AUTO_FREE char *path = NULL;
	const struct oracle_options options = { .flags = ORACLE_NO_EXTENTS };

	ck_assert(asprintf(&path, "%s/var/lib/app", archive) > 0);
	BR_AUTO_CLOSE int a = tree_open(image->top, path, false);
	BR_AUTO_CLOSE int b = tree_open(image->top, "root/var/lib/app", false);
	BR_AUTO_FREE char *count = run_shell(b, "find . -type f | wc -l");
	ck_assert_uint_eq((unsigned)atoi(count), files + linked + 2);
	assert_same(oracle_compare(a, b, &options));
}

/* Copied, then converted to a subvolume (which is a copy too), then carried by a snapshot. */
START_TEST(test_many_files)
{
	BR_AUTO_FREE char *by_copy = layout_config(LAYOUT_PERSIST, NULL);
	BR_AUTO_FREE char *by_snapshot = layout_config(
		"\"/etc/ssh\"", "path \"/var/lib/app\" { method = subvolume }");

	reset_measured(by_copy, "copy of many files");
	BR_AUTO_FREE char *first = layout_archive(image->top, NULL);
	check_path(first);
	reset_measured(by_snapshot, "conversion of many files");
	ck_assert(subvol_exists(image->top, "root/var/lib/app"));
	reset_measured(by_snapshot, "snapshot of many files");
	BR_AUTO_CLOSE int app = tree_open(image->top, "root/var/lib/app", false);
	BR_AUTO_FREE char *count = run_shell(app, "find . -type f | wc -l");
	ck_assert_uint_eq((unsigned)atoi(count), files + linked + 2);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("many-files");
	TCase *large = suite_add_case(suite, "large", make_many, drop_image, 600);

	tcase_add_test(large, test_many_files);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
