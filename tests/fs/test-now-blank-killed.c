/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot rollback --now-blank, killed before each call that changes something: there is one complete
 * blank at any moment, the former one is not lost, and the next command clears up.
 */
#include "cleanup.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 32 /* no run has as many */
#define ARCHIVE "root.20200101T000000Z"

static void make_archive(int top)
{
	free(run_shell(top, "a=old_roots/" ARCHIVE "; mkdir -p -m 0700 old_roots .blankroot; "
			    "btrfs -q subvolume snapshot root-blank $a; echo archive >$a/origin; "
			    "setfattr -n trusted.blankroot.pinned -v 1 $a; "
			    "btrfs property set -ts $a ro true"));
}

static void set_up(void)
{
	server_make(0, make_archive);
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

/* The blank: read-only, without marks; one of the two. "archive" or "former". */
static char *look_at_blank(int top)
{
	return run_shell(
		top, "btrfs property get -ts root-blank ro | grep -qx ro=true || echo writable; "
		     "getfattr -d -m trusted.blankroot root-blank; "
		     "cat root-blank/origin 2>/dev/null || echo former");
}

START_TEST(test_killed)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config("ephemeral root { }\n"
						  "archives {\n\tmin-free = \"0%\"\n}\n");
	const char *const argv[] = { helper(),         "rollback", "--now-blank",
				     "--config",       config,     "--device",
				     image->device[0], ARCHIVE,    NULL };
	const char *const next[] = { helper(),   "prune",          "--config", config,
				     "--device", image->device[0], NULL };
	unsigned number = (unsigned)_i;
	const struct stepper stepper = { .argv = argv, .before_call = kill_at, .data = &number };
	struct run_result result;
	unsigned calls = stepper_run(&stepper, &result);

	ck_assert_uint_lt(calls, CALLS_MAX);
	ck_assert_msg(result.code == (calls >= number ? 137 : 0), "call %u: %d: %s", number,
		      result.code, result.err);
	run_free(&result);
	BR_AUTO_FREE char *before = look_at_blank(image->top);
	ck_assert_msg(strcmp(before, "archive\n") == 0 || strcmp(before, "former\n") == 0, "%s",
		      before);
	run_and_drop(image->top, next);
	BR_AUTO_FREE char *after = look_at_blank(image->top);
	ck_assert_str_eq(after, before);
	/* the one that is not the blank is an archive, sealed; nothing else is there */
	BR_AUTO_FREE char *others = run_shell(
		image->top,
		"ls -d .blankroot-* 2>/dev/null || :; getfattr -d -m trusted.blankroot.marking .blankroot; "
		"for a in old_roots/*; do btrfs property get -ts $a ro | grep -qx ro=true || echo $a; done; "
		"ls old_roots | wc -l");
	ck_assert_str_eq(others, strcmp(before, "archive\n") == 0 ? "2\n" : "1\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("now-blank-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	tcase_add_loop_test(tcase, test_killed, 1, CALLS_MAX + 1);
	return suite_run(suite, true);
}
