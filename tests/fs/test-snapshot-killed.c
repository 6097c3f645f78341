/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot snapshot, killed before each call that changes something: what there is is complete,
 * read-only and marked as it should be, and the next command clears up.
 */
#include "cleanup.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

/* No run has as many. */
#define CREATE_CALLS 16
#define PIN_CALLS 12
#define PINNED "snapshots/persist.20200101T000000Z"

static void make_snapshots(int top)
{
	free(run_shell(top,
		       "[ -d persist ] || btrfs -q subvolume create persist; echo x >persist/file; "
		       "setfattr -n trusted.blankroot.pinned -v 1 persist; "
		       "mkdir -m 0700 -p snapshots .blankroot; "
		       "btrfs -q subvolume snapshot -r root-blank " PINNED));
}

static void set_up(void)
{
	server_make(0, make_snapshots);
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

static char *make_config(void)
{
	return server_config("ephemeral root { }\nsnapshots { subvolumes = { persist } }\n");
}

/* Run it, killed before that call; then a command that has nothing of its own to do. */
static unsigned run_killed(const struct image *image, const char *const *argv, const char *config,
			   unsigned number)
{
	const struct stepper stepper = { .argv = argv, .before_call = kill_at, .data = &number };
	const char *const next[] = { helper(),   "prune",          "--config", config,
				     "--device", image->device[0], NULL };
	struct run_result result;
	unsigned calls = stepper_run(&stepper, &result);

	ck_assert_uint_gt(calls, 0);
	ck_assert_msg(result.code == (calls >= number ? 137 : 0), "call %u: %d: %s", number,
		      result.code, result.err);
	run_free(&result);
	run_and_drop(image->top, next);
	return calls;
}

START_TEST(test_create)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = make_config();
	const char *const argv[] = { helper(), "snapshot", "--comment=why",  "--config",
				     config,   "--device", image->device[0], NULL };

	unsigned calls = run_killed(image, argv, config, (unsigned)_i);
	ck_assert_uint_lt(calls, CREATE_CALLS); /* else it was never killed at some */
	/* each: read-only, the comment, no other mark, the content */
	BR_AUTO_FREE char *wrong = run_shell(
		image->top,
		"cd snapshots; for s in *; do case $s in *.new) echo $s is left;; esac; "
		"[ $s = persist.20200101T000000Z ] && continue; "
		"btrfs property get -ts $s ro | grep -qx ro=true || echo $s is writable; "
		"[ \"$(getfattr -d -m trusted $s | grep =)\" = 'trusted.blankroot.comment=\"why\"' ] || "
		"echo $s has other marks; grep -qx x $s/file || echo $s is incomplete; done");
	ck_assert_str_eq(wrong, "");
}
END_TEST

START_TEST(test_pin)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = make_config();
	const char *const argv[] = { helper(),   "snapshot",       "pin",  "--config", config,
				     "--device", image->device[0], PINNED, NULL };

	unsigned calls = run_killed(image, argv, config, (unsigned)_i);
	ck_assert_uint_lt(calls, PIN_CALLS);
	ck_assert(subvol_is_read_only(image->top, PINNED));
	BR_AUTO_FREE char *left = run_shell(image->top, "getfattr -d -m trusted .blankroot");
	ck_assert_str_eq(left, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("snapshot-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	tcase_add_loop_test(tcase, test_create, 1, CREATE_CALLS + 1);
	tcase_add_loop_test(tcase, test_pin, 1, PIN_CALLS + 1);
	return suite_run(suite, true);
}
