/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot restore of a tree with everything, compared with the archive by programs that know nothing
 * of us; and without space for it.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "full.h"
#include "image.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARCHIVE "old_roots/root.20260101T000000Z"

static int restore(const struct image *image, const char *mountpoint, const char *path,
		   struct run_result *result)
{
	BR_AUTO_FREE char *text = NULL, *target = NULL;

	ck_assert(asprintf(&text, "ephemeral root { mountpoint = \"%s\" }\n", mountpoint) > 0);
	ck_assert(asprintf(&target, "%s/%s", mountpoint, path) > 0);
	BR_AUTO_FREE char *config = server_config(text);
	const char *const argv[] = {
		run_helper_path(), "restore",         "--config", config, "--device",
		image->device[0],  "--from=" ARCHIVE, target,     NULL
	};

	run(&(struct run_options){ .argv = argv }, result);
	return result->code;
}

static void make_everything(int top)
{
	subvol_create(top, "root");
	(void)close(tree_mkdir(top, "old_roots"));
	subvol_create(top, ARCHIVE);
	BR_AUTO_CLOSE int archive = tree_open(top, ARCHIVE, false);
	BR_AUTO_CLOSE int tree = tree_mkdir(archive, "everything");
	tree_everything(tree, TREE_ALL);
	subvol_set_read_only(top, ARCHIVE, true);
}

static void assert_everything(int top)
{
	/* rsync cannot handle the deep one, and would read 10 GiB of holes; filefrag looks at those */
	static const char *const without_deep[] = { "deep", NULL };
	static const char *const not_for_rsync[] = { "deep", "huge", NULL };
	const struct oracle_options options = { .skip = without_deep };
	BR_AUTO_CLOSE int a = tree_open(top, ARCHIVE "/everything", false);
	BR_AUTO_CLOSE int b = tree_open(top, "root/everything", false);
	struct facts *of_a = oracle_facts(a, &options), *of_b = oracle_facts(b, &options);

	assert_same(oracle_diff(of_a, of_b));
	facts_free(of_a);
	facts_free(of_b);
	assert_same(oracle_rsync(a, b, not_for_rsync));
	BR_AUTO_CLOSE int deep_a = tree_open(a, "deep", false);
	BR_AUTO_CLOSE int deep_b = tree_open(b, "deep", false);
	assert_same(oracle_walk(deep_a, deep_b));
}

START_TEST(test_everything)
{
	struct image *image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	int top = image_mount(image, NULL);
	struct run_result result;

	make_everything(top);
	char *mountpoint = image_mount_subvolume(image, "root", NULL);
	ck_assert_msg(restore(image, mountpoint, "everything", &result) == 0, "%s", result.err);
	run_free(&result);
	ck_assert_msg(syncfs(top) == 0, "syncfs: %s", strerror(errno));
	assert_everything(top);
	image_unmount_path(mountpoint);
	image_free(image);
}
END_TEST

static void make_full(int top)
{
	subvol_create(top, ARCHIVE);
	full_make_unshareable(top, ARCHIVE "/big", 24ULL << 20);
	subvol_set_read_only(top, ARCHIVE, true);
	(void)close(tree_mkdir(top, ".blankroot"));
	/* as in test-no-space: room for metadata, none for data */
	full_make_tiny_files(top, "ballast", 12 << 20);
	full_take_data(top, "fill");
	run_ok(top, "rm", "-r", "ballast");
}

static void set_up_full(void)
{
	server_make(FULL_IMAGE_SIZE, make_full);
}

/* It must be copied, and there is nowhere to copy it to: as if it had never been asked for. */
START_TEST(test_no_space)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *mountpoint = image_mount_subvolume(image, "root", NULL);
	BR_AUTO_FREE char *before = fingerprint(image->top, "root",
						FINGERPRINT_CONTENT | FINGERPRINT_NO_TOP, NULL);
	struct run_result result;

	ck_assert_int_eq(restore(image, mountpoint, "big", &result), 1);
	assert_says(result.err, "No space left on device");
	ck_assert_str_eq(result.out, "");
	run_free(&result);
	BR_AUTO_FREE char *after = fingerprint(image->top, "root",
					       FINGERPRINT_CONTENT | FINGERPRINT_NO_TOP, NULL);
	assert_same_fingerprint(before, after, "the root after a restore without space");
	run_ok(image->top, "rm", "-r", "fill");
	ck_assert_msg(restore(image, mountpoint, "big", &result) == 0, "%s", result.err);
	run_free(&result);
	run_ok(image->top, "cmp", ARCHIVE "/big", "root/big");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restore-everything");
	TCase *everything = suite_add_case(suite, "everything", NULL, NULL, 300);
	TCase *full = suite_add_case(suite, "full", set_up_full, server_drop, 120);

	tcase_add_test(everything, test_everything);
	tcase_add_test(full, test_no_space);
	return suite_run(suite, true);
}
