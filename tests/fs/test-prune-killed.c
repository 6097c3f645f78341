/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot prune, killed before each call that changes something: the next run goes on with it. */
#include "cleanup.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 30

/* What is to go holds other subvolumes, so that its deletion has several steps. */
static void make_archives(int top)
{
	free(run_shell(
		top,
		"for n in 1 2 3 4; do a=old_roots/root.2020010${n}T000000Z; "
		"btrfs -q subvolume snapshot root-blank $a; mkdir -p $a/srv; "
		"btrfs -q subvolume create $a/srv/nested; btrfs -q subvolume create $a/srv/nested/more; "
		"btrfs property set -ts $a/srv/nested ro true; "
		"setfattr -n trusted.blankroot.retired -v 1577836800 $a; "
		"[ $n != 2 ] || setfattr -n trusted.blankroot.pinned -v 1 $a; "
		"btrfs property set -ts $a ro true; done; "
		"mkdir -p -m 0700 .blankroot"));
}

static void set_up(void)
{
	server_make(0, make_archives);
}

static const char *helper(void)
{
	const char *path = getenv("BLANKROOT");

	return path ? path : "build/blankroot";
}

static bool kill_at(void *data, const struct stepper_call *call)
{
	return call->number < *(const unsigned *)data;
}

/* As it must be in the end: of four, the pinned and the newest one, with all that is in them. */
static void assert_pruned(int top)
{
	BR_AUTO_FREE char *list = run_shell(
		top, "btrfs subvolume list . | sed -n 's/.* path //; /^old_roots/p' | sort");

	ck_assert_str_eq(list, "old_roots/root.20200102T000000Z\n"
			       "old_roots/root.20200102T000000Z/srv/nested\n"
			       "old_roots/root.20200102T000000Z/srv/nested/more\n"
			       "old_roots/root.20200104T000000Z\n"
			       "old_roots/root.20200104T000000Z/srv/nested\n"
			       "old_roots/root.20200104T000000Z/srv/nested/more\n");
	ck_assert(subvol_is_read_only(top, "old_roots/root.20200102T000000Z"));
	ck_assert(subvol_is_read_only(top, "old_roots/root.20200104T000000Z"));
}

START_TEST(test_killed_before_each_call)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(
		"ephemeral root { }\n"
		"archives {\n\tkeep-min = 1\n\tmin-free = \"0%\"\n}\n");
	const char *const argv[] = { helper(),   "prune",          "--config", config,
				     "--device", image->device[0], NULL };
	unsigned number = (unsigned)_i;
	const struct stepper stepper = { .argv = argv, .before_call = kill_at, .data = &number };
	struct run_result result;
	unsigned calls = stepper_run(&stepper, &result);

	/* else one was never killed */
	ck_assert_uint_lt(calls, CALLS_MAX);
	ck_assert_uint_gt(calls, 0);
	ck_assert_msg(result.code == (calls >= number ? 137 : 0), "call %u: %d: %s", number,
		      result.code, result.err);
	run_free(&result);
	run_and_drop(image->top, argv);
	assert_pruned(image->top);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("prune-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	tcase_add_loop_test(tcase, test_killed_before_each_call, 1, CALLS_MAX);
	return suite_run(suite, true);
}
