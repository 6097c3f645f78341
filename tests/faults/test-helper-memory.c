/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory runs out once, at each allocation of the helper's commands. They run in the process of the test, so that the
 * sanitizers see what is not released. BLANKROOT_FAULTS=full in the environment: all allocations; else a spread of
 * them.
 */
#include "cleanup.h"
#include "command-cases.h"
#include "command.h"
#include "fail-alloc.h"
#include "fingerprint.h"
#include "server.h"
#include "suite.h"
#include "trial.h"
#include "verdict.h"

#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STRIDE 101     /* of the quick form */
#define STRIDE_KINDS 7 /* of BLANKROOT_FAULTS=kinds */
#define DESCRIBED 10

/* Of the leak sanitizer, where there is one. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static const struct command *const commands[] = {
	&command_blank,    &command_convert, &command_diff,     &command_init,
	&command_list,     &command_persist, &command_prune,    &command_restore,
	&command_rollback, &command_skip,    &command_snapshot, &command_status,
};

struct trial {
	const struct command_case *command;
	struct image *image;
	unsigned number; /* of the allocation, from 1 */
	bool *failed;    /* so many allocations there were; shared */
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	ck_abort_msg("no command %s", name);
}

/* With what it writes in a file. No assertions between the two: check allocates memory, too. */
static int run_without_memory(const struct trial *trial, int file)
{
	const struct command *command = find_command(trial->command->words[0]);
	struct command_line line;
	char *argv[16] = { NULL };
	int argc = 0, code;

	command_line_make(&line, trial->command, trial->image->mountpoint, trial->image->device[0]);
	/* without the program's name; getopt_long sorts the array, and does not change the strings */
	for (; line.words.word[argc + 1]; argc++)
		argv[argc] = (char *)(uintptr_t)line.words.word[argc + 1];
	ck_assert(fflush(NULL) == 0 && dup2(file, STDOUT_FILENO) >= 0 &&
		  dup2(file, STDERR_FILENO) >= 0);
	optind = 0;
	fail_alloc_at(trial->number);
	code = command->run(argc, argv);
	*trial->failed = fail_alloc_stop();
	(void)fflush(stdout);
	command_line_free(&line);
	return code;
}

static void check_result(const struct trial *trial, int code, int file)
{
	char text[4096] = "";

	ck_assert_int_ge(pread(file, text, sizeof(text) - 1, 0), 0);
	ck_assert_msg(!__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check() == 0,
		      "not released: %s", text);
	if (!*trial->failed)
		ck_assert_msg(code == trial->command->code, "exit %d: %s", code, text);
	else if (code != trial->command->code)
		/* libblkid does not say why it found nothing */
		ck_assert_msg(code == 1 && strstr(text, "blankroot"), "exit %d: %s", code, text);
}

static void try(void *data)
{
	const struct trial *trial = data;
	BR_AUTO_CLOSE int file = memfd_create("output", MFD_CLOEXEC);

	ck_assert_int_ge(file, 0);
	state_restore(server_state(), trial->image);
	int top = image_mount(trial->image, NULL);
	BR_AUTO_FREE char *before = command_case_picture(trial->command, top);
	int code = run_without_memory(trial, file);
	check_result(trial, code, file);
	BR_AUTO_FREE char *after = command_case_picture(trial->command, top);
	assert_same_fingerprint(before, after, trial->command->name);
	command_case_settle(trial->command, trial->image,
			    command_case_found(trial->command, trial->image, code == 0));
}

START_TEST(test_every_allocation)
{
	struct image *image = server_begin();
	unsigned stride = trial_is_full()         ? 1
			  : trial_has_all_kinds() ? STRIDE_KINDS
						  : STRIDE,
		 tried = 0, bad = 0;
	struct trial trial = { .command = &command_cases[_i],
			       .image = image,
			       .number = 1 + (unsigned)(_i * 7) % stride };

	if (trial_is_left_out(trial.command->name))
		return;
	trial.failed = mmap(NULL, sizeof(*trial.failed), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(trial.failed != MAP_FAILED);
	image_unmount(image);
	do {
		*trial.failed = false;
		BR_AUTO_FREE char *message = verdict_of(try, &trial, image);
		if (message && bad++ < DESCRIBED)
			printf("bad: %s: allocation %u: %s\n", trial.command->name, trial.number,
			       message);
		tried++;
		trial.number += stride;
	} while (*trial.failed);
	printf("%-20s %u of %u allocations tried, %u bad\n", trial.command->name, tried,
	       trial.number - stride - 1, bad);
	ck_assert_msg(bad == 0, "%u of %u were not survived", bad, tried);
}
END_TEST

static void set_up(void)
{
	server_make(0, command_case_make);
}

int main(void)
{
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* what is printed is printed once, whoever forks */
	Suite *suite = suite_create("helper-memory");
	TCase *tcase = suite_add_case(suite, "memory", set_up, server_drop,
				      trial_has_all_kinds() ? 7200 : 300);

	tcase_add_loop_test(tcase, test_every_allocation, 0, (int)command_case_count);
	return suite_run(suite, true);
}
