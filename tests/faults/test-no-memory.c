/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory runs out once, at each allocation of a reset, on a real image. The program's parts run in the
 * process of the test, so that the sanitizers see what is not released. BLANKROOT_FAULTS=full in the
 * environment: all allocations; else a spread of them.
 */
#include "act.h"
#include "cleanup.h"
#include "fail-alloc.h"
#include "server.h"
#include "servers.h"
#include "suite.h"
#include "trial.h"
#include "verdict.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STRIDE 64      /* of the quick form */
#define STRIDE_KINDS 7 /* of BLANKROOT_FAULTS=kinds */

/* Of the leak sanitizer, where there is one. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

struct result {
	bool failed; /* so many allocations there were */
	unsigned codes[TRIAL_CODES];
};

struct trial {
	const struct stage *stage;
	unsigned number;       /* of the allocation, from 1 */
	struct result *result; /* shared */
};

/* What is written to a memory file. Owned by the caller. */
static char *text_of(int file)
{
	off_t size = lseek(file, 0, SEEK_END);
	char *text = calloc(1, (size_t)size + 1);

	ck_assert_ptr_nonnull(text);
	ck_assert(pread(file, text, (size_t)size, 0) == size);
	return text;
}

/* With standard error in a file. No assertions between the two: check allocates memory, too. */
static int act_without_memory(const struct trial *trial, int err)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *report = NULL;
	BR_AUTO_CLOSE int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	int code;

	ck_assert(asprintf(&report, "%s/boot.json", dir) > 0);
	const struct options options = { .action = ACTION_RESET,
					 .config = trial->stage->expect.config,
					 .device = trial->stage->image->device[0],
					 .cmdline = trial->stage->expect.scenario->cmdline,
					 .report = report };
	ck_assert(saved >= 0 && dup2(err, STDERR_FILENO) >= 0);
	fail_alloc_at(trial->number);
	code = act(&options);
	trial->result->failed = fail_alloc_stop();
	ck_assert(dup2(saved, STDERR_FILENO) >= 0);
	return code;
}

static void try(void *data)
{
	const struct trial *trial = data;
	BR_AUTO_CLOSE int err = memfd_create("err", MFD_CLOEXEC);

	ck_assert_int_ge(err, 0);
	state_restore(&trial->stage->base, trial->stage->image);
	int code = act_without_memory(trial, err);
	BR_AUTO_FREE char *text = text_of(err);
	ck_assert_msg(strstr(text, "blankroot: ") == text, "exit %d, and it says: %s", code, text);
	ck_assert_msg(code == 0 || code == 4 || code == 5 || strstr(text, "out of memory"),
		      "exit %d: %s", code, text);
	ck_assert_msg(!__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check() == 0,
		      "not released: %s", text);
	trial->result->codes[code >= 0 && code < TRIAL_CODES ? code : 1]++;
	trial_check(trial->stage, &(struct trial_end){ .code = code, .err = text });
}

START_TEST(test_every_allocation)
{
	struct stage stage;
	unsigned bad = 0, tried = 0,
		 stride = trial_is_full()         ? 1
			  : trial_has_all_kinds() ? STRIDE_KINDS
						  : STRIDE;
	struct trial trial = { .stage = &stage };

	trial.result = mmap(NULL, sizeof(*trial.result), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(trial.result != MAP_FAILED);
	stage_begin(&stage, &servers[_i]);
	/* not the same ones in each scenario and flavour */
	trial.number = 1 + (unsigned)(_i * 5 + run_tool_is_sanitized()) % stride;
	do {
		BR_AUTO_FREE char *message = verdict_of(try, &trial, stage.image);

		if (message && bad++ < 10)
			printf("bad: %s: allocation %u: %s\n", servers[_i].name, trial.number,
			       message);
		tried++;
		trial.number += stride;
	} while (trial.result->failed);
	printf("%-12s %u of %u allocations tried, %u bad: exit 0: %u, 2: %u, 3: %u, 4: %u, 5: %u\n",
	       servers[_i].name, tried, trial.number - stride - 1, bad, trial.result->codes[0],
	       trial.result->codes[2], trial.result->codes[3], trial.result->codes[4],
	       trial.result->codes[5]);
	(void)fflush(stdout);
	stage_end(&stage);
	ck_assert_uint_gt(tried, 3);
	ck_assert_msg(bad == 0, "%u of %u were not survived", bad, tried);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("no-memory");
	TCase *tcase = suite_add_case(suite, "no-memory", NULL, NULL,
				      trial_has_all_kinds() ? 3600 : 300);

	tcase_add_loop_test(tcase, test_every_allocation, 0, (int)servers_count);
	return suite_run(suite, true);
}
