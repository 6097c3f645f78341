/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot convert, killed before each call that changes something, or with a call that fails: there is one
 * complete copy under the name at any moment, the next command clears up, and finishes.
 */
#include "cleanup.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 48 /* no run has as many */

static void make_directory(int top)
{
	free(run_shell(
		top,
		"mkdir -p root/srv/data/deep/er; cd root/srv/data; "
		"head -c 20000 /dev/urandom >file; echo small >deep/small; "
		"ln deep/small deep/er/second; ln -s nowhere deep/link; "
		"setfattr -n user.colour -v blue deep/small; chown 12:34 deep; chmod 2750 deep; "
		"touch -d 2001-02-03T04:05:06.789 deep/er deep ."));
}

static void set_up(void)
{
	server_make(0, make_directory);
}

/* Whether it is a directory or a subvolume does not show. */
static char *describe(int top)
{
	return run_shell(
		top, "cd root/srv/data && find . -printf '%%P %%y %%m %%U %%G %%T@ %%n %%l\\n' | "
		     "LC_ALL=C sort && cat file deep/small | sha256sum && getfattr -hRd -m- .");
}

static char *is_subvolume(int top)
{
	return run_shell(top, "[ $(stat -c %%i root/srv/data) = 256 ] && echo yes || echo no");
}

static bool kill_at(void *data, const struct stepper_call *call)
{
	return call->number < *(const unsigned *)data;
}

static struct stepper_order fail_at(void *data, const struct stepper_call *call)
{
	if (call->number != *(const unsigned *)data)
		return (struct stepper_order){ STEPPER_GO_ON, 0 };
	return (struct stepper_order){ STEPPER_FAIL, EIO };
}

/* Once more, and it is done, whatever was left. */
static void assert_finishes(const struct image *image, const char *const *argv,
			    const char *expected)
{
	run_and_drop(image->top, argv);
	BR_AUTO_FREE char *after = describe(image->top);
	ck_assert_str_eq(after, expected);
	BR_AUTO_FREE char *done = is_subvolume(image->top);
	ck_assert_str_eq(done, "yes\n");
	BR_AUTO_FREE char *left = run_shell(
		image->top, "ls -A root | grep blankroot || :; ls -A .blankroot 2>/dev/null || :; "
			    "btrfs subvolume list . | grep convert || :");
	ck_assert_str_eq(left, "");
}

/* What the sanitizers look for does not depend on the call: of the calls they see every sixth. */
static bool is_left_out(unsigned number)
{
	return run_tool_is_sanitized() && number % 6 != 0;
}

static void interrupt(unsigned number, bool fail)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *before = describe(image->top);

	ck_assert_int_gt(asprintf(&path, "%s/root/srv/data", image->mountpoint), 0);
	const char *const argv[] = { run_helper_path(), "convert", path, NULL };
	const struct stepper stepper = { .argv = argv,
					 .before_call = fail ? NULL : kill_at,
					 .order = fail ? fail_at : NULL,
					 .data = &number };
	struct run_result result;
	unsigned calls = stepper_run(&stepper, &result);

	/* else one was never tried */
	ck_assert_uint_lt(calls, CALLS_MAX);
	ck_assert(calls > 10 || calls >= number || fail);
	if (calls < number)
		ck_assert_int_eq(result.code, 0);
	else if (fail)
		/* what only clears up may fail unnoticed */
		ck_assert_msg(result.code == 1 || result.code == 0, "call %u: %d: %s", number,
			      result.code, result.err);
	else
		ck_assert_int_eq(result.code, 137);
	run_free(&result);
	BR_AUTO_FREE char *after = describe(image->top);
	ck_assert_str_eq(after, before);
	assert_finishes(image, argv, before);
}

START_TEST(test_killed)
{
	if (!is_left_out((unsigned)_i))
		interrupt((unsigned)_i, false);
}
END_TEST

/* Every other one. */
START_TEST(test_failed)
{
	if (!is_left_out(2 * (unsigned)_i))
		interrupt(2 * (unsigned)_i, true);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("convert-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	tcase_add_loop_test(tcase, test_killed, 1, CALLS_MAX);
	tcase_add_loop_test(tcase, test_failed, 1, CALLS_MAX / 2);
	return suite_run(suite, true);
}
