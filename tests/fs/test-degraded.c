/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member of a mirror is missing: a reset only where the configuration says so, loudly, and the
 * member can come back.
 */
#include "cleanup.h"
#include "disk.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define SIZE (192ULL << 20)
#define EPHEMERAL "ephemeral root {\nblank = \"root-blank\"\npersist = { \"/etc/ssh\" }\n}\n"

/* A server on two members that the kernel does not know. */
static struct image *make_server(const char *data, const char *metadata)
{
	struct image *image = image_create(&(struct image_options){
		.size = SIZE, .devices = 2, .data = data, .metadata = metadata });

	layout_make(image_mount(image, NULL));
	image_unmount(image);
	disk_private_dev();
	return image;
}

static void show_member(const struct image *image, unsigned member, bool shown)
{
	const char *device = image->device[member];
	struct stat st;

	ck_assert(fstat(image->loop[member], &st) == 0);
	if (!tree_exists(AT_FDCWD, device))
		ck_assert_msg(mknod(device, S_IFBLK | 0600, st.st_rdev) == 0, "%s: %s", device,
			      strerror(errno));
	run_ok(0, "btrfs", "device", "scan", "--forget", device);
	if (!shown)
		ck_assert_int_eq(unlink(device), 0);
}

/* Let those members be there, and the kernel know none of them. */
static void show_members(const struct image *image, bool first, bool second)
{
	show_member(image, 0, first);
	show_member(image, 1, second);
}

/* What is on both members. Owned by the caller. */
static char *checksum(const struct image *image)
{
	char *sums;

	show_members(image, true, true);
	sums = run_shell(0, "sha256sum <%s; sha256sum <%s", image->device[0], image->device[1]);
	show_members(image, true, false);
	return sums;
}

static int run_reset(struct image *image, const char *config, bool dry_run,
		     struct reset_result *result)
{
	BR_AUTO_FREE char *uuid = NULL;
	int code;

	ck_assert(asprintf(&uuid, "UUID=%s", image->uuid) > 0);
	code = server_reset(image,
			    &(struct reset){ .config = config,
					     .cmdline = "noresume rd.blankroot.timeout=1",
					     .device = uuid,
					     .dry_run = dry_run },
			    result);
	return code;
}

/* Mount the top level by a member that is there. */
static int mount_top(struct image *image, unsigned member, const char *options)
{
	char *mountpoint = image_scratch_dir();

	run_ok(0, "mount", "-o", options, image->device[member], mountpoint);
	image->mountpoint = mountpoint;
	image->top = tree_open(-1, mountpoint, false);
	return image->top;
}

static const char *const configs[] = {
	EPHEMERAL,
	"degraded = no\n" EPHEMERAL,
};

START_TEST(test_not_allowed)
{
	struct image *image = make_server(NULL, NULL);
	struct reset_result result;

	BR_AUTO_FREE char *config = server_config(configs[_i]);
	BR_AUTO_FREE char *before = checksum(image);
	ck_assert_msg(run_reset(image, config, false, &result) == 4, "exit %d: %s", result.code,
		      result.run.err);
	assert_says(result.run.err, "1 of the 2 members");
	assert_says(result.run.err, "degraded = yes");
	assert_report(&result, ".error.code == \"device-incomplete\" and .warnings == []");
	BR_AUTO_FREE char *after = checksum(image);
	ck_assert_str_eq(before, after);
	reset_free(&result);
	image_free(image);
}
END_TEST

static double now(void)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Either of the members alone. It is waited for the other one all the same. */
START_TEST(test_allowed)
{
	struct image *image = make_server(NULL, NULL);
	struct reset_result result;
	unsigned member = (unsigned)_i;
	double begin;

	show_members(image, member == 0, member == 1);
	BR_AUTO_FREE char *config = server_config("degraded = yes\n" EPHEMERAL);
	begin = now();
	ck_assert_msg(run_reset(image, config, false, &result) == 0, "exit %d: %s", result.code,
		      result.run.err);
	ck_assert_double_ge(now() - begin, 1);
	assert_says(result.run.err, "DEGRADED: 1 of the 2 members of the file system is missing");
	assert_report(&result, ".outcome == \"reset\" and (.warnings | map(.code)) == "
			       "[\"degraded\"]");
	assert_report(&result, ".reason | contains(\"DEGRADED\")");
	reset_free(&result);
	(void)mount_top(image, member, "degraded");
	ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
	ck_assert(tree_exists(image->top, "root/etc/ssh/ssh_host_key"));
	free(layout_archive(image->top, NULL));
	image_unmount(image);
	image_free(image);
}
END_TEST

START_TEST(test_dry_run_changes_nothing)
{
	struct image *image = make_server(NULL, NULL);
	struct reset_result result;

	BR_AUTO_FREE char *config = server_config("degraded = yes\n" EPHEMERAL);
	BR_AUTO_FREE char *before = checksum(image);
	ck_assert_msg(run_reset(image, config, true, &result) == 0, "exit %d: %s", result.code,
		      result.run.err);
	assert_says(result.run.err, "DEGRADED");
	BR_AUTO_FREE char *after = checksum(image);
	ck_assert_str_eq(before, after);
	reset_free(&result);
	image_free(image);
}
END_TEST

/* In the running system the helper works on it too, where that is allowed. */
START_TEST(test_helper)
{
	struct image *image = make_server(NULL, NULL);

	show_members(image, true, false);
	BR_AUTO_FREE char *yes = server_config("degraded = yes\n" EPHEMERAL);
	BR_AUTO_FREE char *no = server_config(EPHEMERAL);
	(void)mount_top(image, 0, "degraded");
	free(run_shell(0, "! ${BLANKROOT:-build/blankroot} skip --config %s --device UUID=%s 2>&1",
		       no, image->uuid));
	ck_assert(!tree_exists(image->top, ".blankroot/request"));
	free(run_shell(0, "${BLANKROOT:-build/blankroot} skip --config %s --device UUID=%s", yes,
		       image->uuid));
	ck_assert(tree_exists(image->top, ".blankroot/request"));
	image_unmount(image);
	image_free(image);
}
END_TEST

/* Nothing is said, and nothing is different, when all are there. */
START_TEST(test_complete)
{
	struct image *image = make_server(NULL, NULL);
	struct reset_result result;

	show_members(image, true, true);
	BR_AUTO_FREE char *config = server_config("degraded = yes\n" EPHEMERAL);
	ck_assert_msg(run_reset(image, config, false, &result) == 0, "exit %d: %s", result.code,
		      result.run.err);
	assert_report(&result, ".warnings == []");
	ck_assert_msg(!strstr(result.run.err, "DEGRADED"), "%s", result.run.err);
	reset_free(&result);
	image_free(image);
}
END_TEST

/* Data that was on the missing one alone: the kernel does not mount that, whatever we say. */
START_TEST(test_too_many_missing)
{
	struct image *image = make_server("raid0", "raid0");
	struct reset_result result;

	show_members(image, true, false);
	BR_AUTO_FREE char *config = server_config("degraded = yes\n" EPHEMERAL);
	ck_assert_msg(run_reset(image, config, false, &result) == 4, "exit %d: %s", result.code,
		      result.run.err);
	assert_report(&result, ".error.code == \"mount\" and (.warnings | map(.code)) == "
			       "[\"degraded\"]");
	reset_free(&result);
	show_members(image, true, true);
	run_ok(0, "btrfs", "device", "scan", image->device[0], image->device[1]);
	(void)mount_top(image, 0, "noatime");
	ck_assert(tree_exists(image->top, "root/usr/bin/drift"));
	image_unmount(image);
	image_free(image);
}
END_TEST

/* The member that missed a reset is back at the next one, which works on what is newest. */
START_TEST(test_member_comes_back)
{
	struct image *image = make_server(NULL, NULL);
	struct reset_result result;

	show_members(image, _i == 0, _i == 1);
	BR_AUTO_FREE char *config = server_config("degraded = yes\n" EPHEMERAL);
	ck_assert_int_eq(run_reset(image, config, false, &result), 0);
	reset_free(&result);
	(void)mount_top(image, (unsigned)_i, "degraded");
	tree_write(image->top, "root/etc/ssh/since", "written while degraded\n");
	image_unmount(image);
	show_members(image, true, true);
	ck_assert_msg(run_reset(image, config, false, &result) == 0, "exit %d: %s", result.code,
		      result.run.err);
	assert_report(&result, ".warnings == []");
	reset_free(&result);
	(void)mount_top(image, 0, "noatime");
	BR_AUTO_FREE char *since = tree_read(image->top, "root/etc/ssh/since");
	ck_assert_str_eq(since, "written while degraded\n");
	run_ok(0, "btrfs", "scrub", "start", "-B", image->mountpoint);
	run_ok(0, "btrfs", "scrub", "start", "-B", image->mountpoint); /* nothing left to repair */
	image_unmount(image);
	image_free(image);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("degraded");
	TCase *tcase = suite_add_case(suite, "degraded", NULL, NULL, 120);

	tcase_add_loop_test(tcase, test_not_allowed, 0, 2);
	tcase_add_loop_test(tcase, test_allowed, 0, 2);
	tcase_add_test(tcase, test_dry_run_changes_nothing);
	tcase_add_test(tcase, test_helper);
	tcase_add_test(tcase, test_complete);
	tcase_add_test(tcase, test_too_many_missing);
	tcase_add_loop_test(tcase, test_member_comes_back, 0, 2);
	return suite_run(suite, true);
}
