/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a reset costs, in numbers that are the same on every machine: transactions committed, which is what
 * takes the time, bytes written, system calls. tests/bench/bench-reset has the times.
 *
 * A commit is made by the ioctl that snapshots, and by the one that makes an archive read-only: two for each
 * ephemeral subvolume. All else has to be in one of them.
 */
#include "cleanup.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SUPER_GENERATION_AT (65536 + 0x48)

#define PLAIN "ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = \"old_roots\"\n"

struct cost {
	unsigned commits, calls;
	unsigned long kib; /* written */
};

static struct image *image;

static unsigned generation(void)
{
	uint64_t value = 0;

	ck_assert_int_eq(posix_fadvise(image->loop[0], 0, 0, POSIX_FADV_DONTNEED), 0);
	ck_assert_int_eq(pread(image->loop[0], &value, sizeof(value), SUPER_GENERATION_AT),
			 sizeof(value));
	return (unsigned)le64toh(value);
}

static unsigned long kib_written(void)
{
	BR_AUTO_FREE char *text = run_shell(0, "awk '{ print $7 }' /sys/block/%s/stat",
					    image->device[0] + strlen("/dev/"));

	return strtoul(text, NULL, 10) / 2;
}

/* The program under test alone has the file system mounted. */
static struct cost reset_once(const char *config)
{
	const char *const argv[] = { run_tool_path(),  "--config",  config,     "--device",
				     image->device[0], "--cmdline", "noresume", NULL };
	const struct stepper stepper = { .argv = argv, .every_call = true };
	struct run_result result;
	struct cost cost;

	image_unmount(image);
	cost.commits = generation();
	cost.kib = kib_written();
	cost.calls = stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	run_free(&result);
	cost.commits = generation() - cost.commits;
	cost.kib = kib_written() - cost.kib;
	(void)image_mount(image, NULL);
	return cost;
}

static struct cost cost_of(const char *text)
{
	BR_AUTO_FREE char *config = server_config(text);
	struct cost cost = reset_once(config);

	printf("%s%u commits, %lu KiB, %u calls\n", text, cost.commits, cost.kib, cost.calls);
	return cost;
}

static void make_more(int top)
{
	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);

	subvol_create(top, "root/var/lib/data");
	subvol_create(top, "cache");
	subvol_snapshot(top, "cache", "cache-blank", true);
	tree_make_many(app, "ten", 10, 10, 100);
}

static void make_server(void)
{
	server_make(0, make_more);
}

static void begin(void)
{
	image = server_begin();
}

#define CALLS_MAX 420
#define KIB_MAX 768
#define CALLS_EACH_MAX 20 /* for each kept file, those for its path shared out */

/* An archive's name depends on the second in which it is made: one looks for a free one. */
#define CALLS_FOR_NAMES 4

/* Also the first one, which makes nothing but .blankroot and the note of the blank in addition. */
START_TEST(test_nothing_kept)
{
	for (unsigned i = 0; i < 3; i++) {
		struct cost cost = cost_of(PLAIN "}\n");

		ck_assert_uint_eq(cost.commits, 2);
		ck_assert_uint_le(cost.kib, KIB_MAX);
		ck_assert_msg(run_tool_is_sanitized() || cost.calls <= CALLS_MAX, "%u calls",
			      cost.calls);
	}
}
END_TEST

/* What is kept by copies is committed before the swap, all of it at once. */
START_TEST(test_kept)
{
	struct cost ten = cost_of(PLAIN "\tpersist = { \"/var/lib/app/ten\" }\n}\n");
	struct cost nothing = cost_of(PLAIN "}\n");

	ck_assert_uint_eq(ten.commits, nothing.commits + 1);
	ck_assert_uint_le(ten.kib, nothing.kib + KIB_MAX);
	ck_assert_msg(run_tool_is_sanitized() || ten.calls <= nothing.calls + 10 * CALLS_EACH_MAX,
		      "%u calls more", ten.calls - nothing.calls);
}
END_TEST

/* A kept subvolume is a second snapshot, whatever is in it. */
START_TEST(test_subvolume)
{
	const char *config = PLAIN "\tpath \"/var/lib/data\" { method = subvolume }\n}\n";
	struct cost first = cost_of(config);
	struct cost few = cost_of(config);
	BR_AUTO_CLOSE int data = tree_open(image->top, "root/var/lib/data", false);
	struct cost many;

	tree_make_many(data, "many", 5000, 1000, 100);
	(void)close(br_take_fd(&data));
	many = cost_of(config);
	ck_assert_uint_eq(first.commits, 3);
	ck_assert_uint_eq(few.commits, 3);
	ck_assert_uint_eq(many.commits, 3);
	ck_assert_uint_le(many.kib, few.kib + 128);
	ck_assert_uint_le(many.calls, few.calls + CALLS_FOR_NAMES);
}
END_TEST

START_TEST(test_several)
{
	struct cost cost = cost_of(PLAIN "}\nephemeral cache { archive = none }\n");

	ck_assert_uint_eq(cost.commits, 4);
}
END_TEST

/* Archives are looked at by nobody. */
START_TEST(test_archives)
{
	struct cost few, many;

	(void)cost_of(PLAIN "}\n");
	few = cost_of(PLAIN "}\n");
	for (unsigned i = 0; i < 200; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "old_roots/root.2025%04uT000000Z", i);
		subvol_snapshot(image->top, "root", name, true);
	}
	many = cost_of(PLAIN "}\n");
	ck_assert_uint_eq(many.commits, few.commits);
	ck_assert_uint_le(many.calls, few.calls + CALLS_FOR_NAMES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cost");
	TCase *tcase = suite_add_case(suite, "cost", make_server, server_drop, 120);

	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_test(tcase, test_nothing_kept);
	tcase_add_test(tcase, test_kept);
	tcase_add_test(tcase, test_subvolume);
	tcase_add_test(tcase, test_several);
	tcase_add_test(tcase, test_archives);
	return suite_run(suite, true);
}
