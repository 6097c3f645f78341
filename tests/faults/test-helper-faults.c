/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call of the helper's commands fails, from the reading of the configuration on: the command says so, or
 * tells and does what it would have told and done; what it has no business with stays as it is; the next command finds
 * everything in order. BLANKROOT_FAULTS=full in the environment: all kinds of calls on each object in each command, with
 * each error in one of them; "kinds": with one error; else one error in some of them.
 */
#include "call.h"
#include "cleanup.h"
#include "command-cases.h"
#include "fingerprint.h"
#include "known-calls.h"
#include "server.h"
#include "suite.h"
#include "trial.h"
#include "verdict.h"

#include <string.h>
#include <sys/syscall.h>

#define PARTS 43 /* of the quick form: one of so many kinds */

static const int errors[] = { EIO, ENOSPC, ENOMEM, EINTR, EROFS, EACCES };

enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

static struct known_kinds
	*seen; /* shared by the commands, which are tested in processes of their own */

struct trial {
	const struct command_case *command;
	struct image *image;
	const struct run_result *undisturbed;
	const struct known_call *call;
	unsigned number; /* of the call, from 1, among those that are counted with it */
	int error;
	unsigned met; /* of those */
	char *object; /* of the call, when it is made */
};

static void run_stepped(const struct trial *trial,
			struct stepper_order (*order)(void *data, const struct stepper_call *call),
			void *data, struct run_result *result)
{
	struct command_line line;

	command_line_make(&line, trial->command, trial->image->mountpoint, trial->image->device[0]);
	const struct stepper stepper = {
		.argv = line.words.word, .order = order, .every_call = true, .data = data
	};
	(void)stepper_run(&stepper, result);
	command_line_free(&line);
}

/*
 * Is one of those among which a call has its number? What is in /proc differs from run to run, and with it how many calls
 * are about memory, so there only the same kind counts.
 */
static bool is_counted(const struct known_call *call, const struct known_call *other)
{
	if (strncmp(call->object, "/proc", 5) == 0)
		return known_call_hash(call) == known_call_hash(other);
	return *other->object && strncmp(other->object, "/proc", 5) != 0;
}

/* Is it the one that is to go wrong? */
static bool is_meant(struct trial *trial, const struct stepper_call *call)
{
	if (trial->object)
		return false;
	struct known_call found = { .name = call->name,
				    .object = call_object(call->pid, call->nr, call->args) };
	if (is_counted(trial->call, &found) && ++trial->met == trial->number) {
		trial->object = found.object;
		return true;
	}
	free(found.object);
	return false;
}

static struct stepper_order disturb(void *data, const struct stepper_call *call)
{
	struct trial *trial = data;

	if (!is_meant(trial, call))
		return (struct stepper_order){ .action = STEPPER_GO_ON };
	return known_call_order(call, (struct stepper_order){ STEPPER_FAIL, trial->error });
}

static void check_result(const struct trial *trial, const struct run_result *result)
{
	const struct command_case *command = trial->command;
	bool has_failed = result->code != command->code;

	ck_assert_msg(!has_failed || result->code == 1, "exit %d is not documented: %s",
		      result->code, result->err);
	if (has_failed)
		ck_assert_msg(strncmp(result->err, "blankroot", 9) == 0, "exit %d, and it says: %s",
			      result->code, result->err);
	else if (!command->look && !command->tells_failures && !*result->err)
		ck_assert_msg(strcmp(result->out, trial->undisturbed->out) == 0,
			      "without a word it tells something else: %s", result->out);
}

static void try(void *data)
{
	struct trial *trial = data;
	struct run_result result;

	state_restore(server_state(), trial->image);
	int top = image_mount(trial->image, NULL);
	BR_AUTO_FREE char *before = command_case_picture(trial->command, top);
	run_stepped(trial, disturb, trial, &result);
	ck_assert_msg(trial->object != NULL, "there was no such call");
	check_result(trial, &result);
	BR_AUTO_FREE char *after = command_case_picture(trial->command, top);
	assert_same_fingerprint(before, after, result.err);
	command_case_settle(trial->command, trial->image,
			    command_case_found(trial->command, trial->image, result.code == 0));
	run_free(&result);
	free(trial->object);
}

/* --- which --- */

/* How many of the errors: all for the first of its kind, one where another command has been through it. */
static unsigned errors_wanted(const struct trial *trial, const struct known_call *call)
{
	uint64_t hash = known_call_hash(call);
	uint64_t of_command = (hash ^ (uint64_t)(trial->command - command_cases + 1)) *
			      UINT64_C(0x9e3779b97f4a7c15);

	/* a program cannot but end; what is about nothing is about memory, locale and signals */
	if (call->nr == SYS_exit_group || !*call->object || !known_kinds_add(seen, of_command))
		return 0;
	if (!trial_has_all_kinds())
		return (of_command >> 32) % PARTS == 0;
	return known_kinds_add(seen, hash) && trial_is_full() ? ERRORS : 1;
}

static void learn(struct trial *trial, struct known_calls *calls, struct run_result *result)
{
	const char *begins_at = trial->command->begins_at;

	*calls = (struct known_calls){ .config = begins_at ? begins_at : "/blankroot.conf" };
	run_stepped(trial, known_calls_learn, calls, result);
	ck_assert_msg(result->code == trial->command->code, "exit %d: %s", result->code,
		      result->err);
	ck_assert_uint_gt(calls->first, 0);
	image_unmount(trial->image);
}

static unsigned number_of(const struct known_calls *calls, size_t index)
{
	unsigned number = 0;

	for (size_t i = 0; i <= index; i++)
		number += is_counted(&calls->call[index], &calls->call[i]);
	return number;
}

/* Returns how many were bad. */
static unsigned try_call(struct trial *trial, size_t number, unsigned wanted)
{
	const struct known_call *call = trial->call;
	unsigned bad = 0;

	for (unsigned i = 0; i < wanted; i++) {
		trial->error = errors[(number + i) % ERRORS];
		BR_AUTO_FREE char *message = verdict_of(try, trial, trial->image);
		if (message && bad++ == 0)
			printf("bad: %s: call %zu, %s of \"%s\", %s: %s\n", trial->command->name,
			       number, call->name, call->object, strerror(trial->error), message);
	}
	return bad;
}

START_TEST(test_every_call)
{
	struct image *image = server_begin();
	struct known_calls calls;
	struct run_result undisturbed;
	struct trial trial = { .command = &command_cases[_i],
			       .image = image,
			       .undisturbed = &undisturbed };
	unsigned tried = 0, bad = 0;

	if (trial_is_left_out(trial.command->name))
		return;
	learn(&trial, &calls, &undisturbed);
	for (size_t i = calls.first; i < calls.count; i++) {
		unsigned wanted = errors_wanted(&trial, &calls.call[i]);

		trial.call = &calls.call[i];
		trial.number = number_of(&calls, i);
		bad += try_call(&trial, i + 1, wanted);
		tried += wanted;
	}
	printf("%-20s %4zu calls, %3zu of them of the start; %4u faults tried, bad: %u\n",
	       trial.command->name, calls.count, calls.first, tried, bad);
	known_calls_free(&calls);
	run_free(&undisturbed);
	ck_assert_msg(bad == 0, "%u of %u faults were not survived", bad, tried);
}
END_TEST

static void set_up(void)
{
	server_make(0, command_case_make);
}

int main(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* what is printed is printed once, whoever forks */
	Suite *suite = suite_create("helper-faults");
	TCase *tcase = suite_add_case(suite, "faults", set_up, server_drop,
				      trial_has_all_kinds() ? 7200 : 300);

	seen = known_kinds_make();
	tcase_add_loop_test(tcase, test_every_call, 0, (int)command_case_count);
	return suite_run(suite, true);
}
