/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A command was killed half way, and the disk is too full to finish that: prune works all the same, and what was begun is
 * finished by whoever comes when there is space.
 */
#include "cleanup.h"
#include "command-cases.h"
#include "command-looks.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is killed, and right after which call. */
static const struct {
	const char *command, *call;
} interruptions[] = {
	{ "rollback, persistent", "renameat2" },
	{ "rollback, now blank", "renameat2" },
	{ "pin", "BTRFS_IOC_SUBVOL_SETFLAGS" },
};

static void set_up(void)
{
	server_make(0, command_case_make);
}

static struct stepper_order kill_after(void *data, const struct stepper_call *call)
{
	bool is_it = strcmp(call->name, data) == 0;

	return (struct stepper_order){ .action = is_it ? STEPPER_KILL_AFTER : STEPPER_GO_ON };
}

/* The first call that changes something, but for those that make the lock of the jobs, is of the finishing. */
static struct stepper_order fail_first(void *data, const struct stepper_call *call)
{
	bool *has_failed = data;

	if (*has_failed || strncmp(call->name, "mkdir", 5) == 0 ||
	    strncmp(call->name, "open", 4) == 0)
		return (struct stepper_order){ .action = STEPPER_GO_ON };
	*has_failed = true;
	return (struct stepper_order){ STEPPER_FAIL, ENOSPC };
}

static int run_ordered(const struct command_case *command, struct image *image,
		       struct stepper_order (*order)(void *data, const struct stepper_call *call),
		       void *data)
{
	struct command_line line;
	struct run_result result;

	command_line_make(&line, command, image->mountpoint, image->device[0]);
	const struct stepper stepper = { .argv = line.words.word, .order = order, .data = data };
	(void)stepper_run(&stepper, &result);
	int code = result.code;
	ck_assert_msg(code == 0 || code == 137, "%s: %d: %s", command->name, code, result.err);
	run_free(&result);
	command_line_free(&line);
	return code;
}

START_TEST(test_full)
{
	struct image *image = server_begin();
	const struct command_case *command = command_case_find(interruptions[_i].command);

	char call[64];

	snprintf(call, sizeof(call), "%s", interruptions[_i].call);
	ck_assert_int_eq(run_ordered(command, image, kill_after, call), 137);
	const struct command_outcome *found = command_case_found(command, image, false);
	bool has_failed = false;
	ck_assert_int_eq(run_ordered(command_case_find("prune"), image, fail_first, &has_failed),
			 0);
	ck_assert(has_failed);
	BR_AUTO_FREE char *archives = look_at_archives(image->top);
	ck_assert_str_eq(archives, "2 4\n");
	command_case_settle(command, image, found);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("helper-full");
	TCase *tcase = suite_add_case(suite, "full", set_up, server_drop, 60);

	tcase_add_loop_test(tcase, test_full, 0,
			    (int)(sizeof(interruptions) / sizeof(interruptions[0])));
	return suite_run(suite, true);
}
