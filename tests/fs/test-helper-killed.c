/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper's commands that change the disk, killed before each call that changes something: what
 * there is is complete, and the next command clears up.
 */
#include "cleanup.h"
#include "command-cases.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"

#include <string.h>

/* A test for each call of each command. */
#define CALLS_MAX 64

static void set_up(void)
{
	server_make(0, command_case_make);
}

static bool kill_at(void *data, const struct stepper_call *call)
{
	return call->number < *(const unsigned *)data;
}

/* What the sanitizers look for does not depend on the call: of the calls they see every fourth. */
static bool is_left_out(unsigned number)
{
	return run_tool_is_sanitized() && number % 4 != 0;
}

static void interrupt(const struct command_case *command, unsigned number)
{
	struct image *image = server_begin();
	struct command_line line;
	struct run_result result;

	command_line_make(&line, command, image->mountpoint, image->device[0]);
	const struct stepper stepper = { .argv = line.words.word,
					 .before_call = kill_at,
					 .data = &number };
	unsigned calls = stepper_run(&stepper, &result);
	command_line_free(&line);
	ck_assert_uint_gt(calls, 0);
	ck_assert_uint_lt(calls, command->calls_max); /* else it was never killed at some */
	ck_assert_msg(result.code == (calls >= number ? 137 : 0), "%s: call %u: %d: %s",
		      command->name, number, result.code, result.err);
	bool is_done = result.code == 0;
	run_free(&result);
	command_case_settle(command, image, command_case_found(command, image, is_done));
}

START_TEST(test_killed)
{
	unsigned number = (unsigned)_i % CALLS_MAX + 1;

	if (!is_left_out(number))
		interrupt(&command_cases[_i / CALLS_MAX], number);
}
END_TEST

/* test-restore-killed, test-convert-killed, test-init-killed */
static bool has_own_test(const struct command_case *command)
{
	return strcmp(command->words[0], "restore") == 0 ||
	       strcmp(command->words[0], "convert") == 0 || strcmp(command->words[0], "init") == 0;
}

int main(void)
{
	Suite *suite = suite_create("helper-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	for (int i = 0; i < (int)command_case_count; i++) {
		int first = i * CALLS_MAX;

		if (has_own_test(&command_cases[i]))
			continue;
		tcase_add_loop_test(tcase, test_killed, first,
				    first + (int)command_cases[i].calls_max);
	}
	return suite_run(suite, true);
}
