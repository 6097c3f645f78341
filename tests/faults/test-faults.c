/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call of a reset: the program is killed before it, killed after it, and it fails in
 * each of the ways that a kernel has. Not those of the start of any program, before it reads its
 * configuration: nothing has been opened then. BLANKROOT_FAULTS=full in the environment: all of them, and what
 * was tried is told; "kinds": one of them for all kinds of calls on each object; else for some of the kinds. BLANKROOT_FAULTS_ONLY="copied 123":
 * this scenario, this call.
 */
#include "call.h"
#include "cleanup.h"
#include "known-calls.h"
#include "server.h"
#include "servers.h"
#include "suite.h"
#include "trial.h"
#include "verdict.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define DESCRIBED 20

struct fault {
	const char *name;
	struct stepper_order order;
};

static const struct fault faults[] = {
	{ "killed before", { .action = STEPPER_KILL } },
	{ "killed after", { .action = STEPPER_KILL_AFTER } },
	{ "EIO", { STEPPER_FAIL, EIO } },
	{ "ENOSPC", { STEPPER_FAIL, ENOSPC } },
	{ "ENOMEM", { STEPPER_FAIL, ENOMEM } },
	{ "EINTR", { STEPPER_FAIL, EINTR } },
	{ "EROFS", { STEPPER_FAIL, EROFS } },
	{ "EACCES", { STEPPER_FAIL, EACCES } },
};

enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

/* Returns the exit code; the caller releases the result. */
static void run_stepped(const struct stage *stage,
			struct stepper_order (*order)(void *data, const struct stepper_call *call),
			void *data, struct run_result *result)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *report = NULL;

	ck_assert(asprintf(&report, "%s/boot.json", dir) > 0);
	const char *const argv[] = { run_tool_path(),
				     "--config",
				     stage->expect.config,
				     "--device",
				     stage->image->device[0],
				     "--cmdline",
				     stage->expect.scenario->cmdline,
				     "--report",
				     report,
				     NULL };
	const struct stepper stepper = {
		.argv = argv, .order = order, .every_call = true, .data = data
	};

	state_restore(&stage->base, stage->image);
	(void)stepper_run(&stepper, result);
}

static void learn_calls(const struct stage *stage, struct known_calls *calls)
{
	struct run_result result;

	*calls = (struct known_calls){ .config = strrchr(stage->expect.config, '/') };
	run_stepped(stage, known_calls_learn, calls, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	ck_assert_uint_gt(calls->first, 0);
	run_free(&result);
}

/* --- one of them goes wrong --- */

struct trial {
	const struct stage *stage;
	unsigned number; /* of the call, from 1 */
	struct stepper_order order;
	unsigned *codes; /* how often each; shared with the process that tries it */
	char *object;    /* of the call, when it is made */
};

static struct stepper_order disturb(void *data, const struct stepper_call *call)
{
	struct trial *trial = data;

	if (call->number != trial->number)
		return (struct stepper_order){ .action = STEPPER_GO_ON };
	trial->object = call_object(call->pid, call->nr, call->args);
	return known_call_order(call, trial->order);
}

static void try(void *data)
{
	struct trial *trial = data;
	struct run_result result;

	run_stepped(trial->stage, disturb, trial, &result);
	ck_assert_msg(trial->object != NULL, "there was no such call");
	trial->codes[result.code == 137 ? 1 : result.code < TRIAL_CODES ? result.code : 1]++;
	const struct trial_end end = { .code = result.code,
				       .err = result.err,
				       .object = trial->object };
	/* killed at the last moment, it may have ended by itself */
	ck_assert(trial->order.action == STEPPER_FAIL || result.code == 137 || result.code == 0);
	trial_check(trial->stage, &end);
	run_free(&result);
}

struct campaign {
	const struct stage *stage;
	struct known_calls calls;
	unsigned *codes;
	unsigned tried, calls_tried, bad;
};

static void try_fault(struct campaign *campaign, size_t i, const struct fault *fault)
{
	const struct known_call *call = &campaign->calls.call[i];
	struct trial trial = { .stage = campaign->stage,
			       .number = (unsigned)i + 1,
			       .order = fault->order,
			       .codes = campaign->codes };
	BR_AUTO_FREE char *message = verdict_of(try, &trial, campaign->stage->image);

	campaign->tried++;
	if (message && campaign->bad++ < DESCRIBED)
		printf("bad: %s: call %zu, %s of \"%s\", %s: %s\n",
		       campaign->stage->expect.scenario->name, i + 1, call->name, call->object,
		       fault->name, message);
}

/* --- which --- */

static bool is_wanted(const char *scenario, size_t i)
{
	const char *only = getenv("BLANKROOT_FAULTS_ONLY");
	char name[64] = "";
	unsigned long number = 0;

	if (!only || sscanf(only, "%63s %lu", name, &number) < 1)
		return true;
	return strcmp(name, scenario) == 0 && (number == 0 || i == 0 || number == i);
}

/* A program cannot but end: there is no way for that call to fail. */
static bool is_possible(const struct known_call *call, const struct fault *fault)
{
	if (call->nr == SYS_exit_group)
		return fault->order.action == STEPPER_KILL;
	return call->nr != SYS_brk || fault->order.action != STEPPER_FAIL ||
	       fault->order.error == ENOMEM;
}

static struct known_kinds *seen; /* shared by the scenarios, which are processes of their own */
static bool is_sanitized;        /* the program */

static bool is_first_of_its_kind(const struct known_call *call)
{
	uint64_t hash = known_call_hash(call);

	/* of the quick form a part, which is another one for the other flavour of the program */
	if (!trial_has_all_kinds() && hash % (is_sanitized ? 10 : 5) != is_sanitized)
		return false;
	return known_kinds_add(seen, hash);
}

/*
 * Is one of the same calls on the same object enough? In the full form too where thousands of files are read, and each
 * trial takes seconds.
 */
static bool is_once(const struct scenario *server)
{
	return !trial_is_full() || server->drops_archives;
}

/* The sanitizers' own libraries make calls that they cannot do without. */
static bool is_of_memory(const struct known_call *call)
{
	return !*call->object;
}

/*
 * A kill is as good as another one unless the call changes something: before it, the disk is as it was
 * after the last that did. Of the quick form: an error, which is another one for the next call, and one
 * kill.
 */
static bool is_in_spread(const struct known_call *call, size_t i, size_t fault)
{
	if (faults[fault].order.action != STEPPER_FAIL)
		return call->changes && (trial_is_full() || fault == i % 2);
	return trial_is_full() || fault - 2 == i % (FAULTS - 2);
}

static void report(const struct campaign *campaign)
{
	const unsigned *codes = campaign->codes;

	printf("%-12s %4zu calls, %3zu of them of the start; %4u calls, %5u faults tried: "
	       "killed %u, exit 0: %u, 2: %u, 3: %u, 4: %u, 5: %u; bad: %u\n",
	       campaign->stage->expect.scenario->name, campaign->calls.count, campaign->calls.first,
	       campaign->calls_tried, campaign->tried, codes[1], codes[0], codes[2], codes[3],
	       codes[4], codes[5], campaign->bad);
	(void)fflush(stdout);
}

START_TEST(test_every_call)
{
	struct stage stage;
	struct campaign campaign = { .stage = &stage };

	is_sanitized = run_tool_is_sanitized();
	campaign.codes = mmap(NULL, sizeof(unsigned[TRIAL_CODES]), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(campaign.codes != MAP_FAILED);
	stage_begin(&stage, &servers[_i]);
	learn_calls(&stage, &campaign.calls);
	for (size_t i = campaign.calls.first; i < campaign.calls.count; i++) {
		const struct known_call *call = &campaign.calls.call[i];
		unsigned before = campaign.tried;

		if (!is_wanted(servers[_i].name, i + 1) || (is_sanitized && is_of_memory(call)) ||
		    (is_once(&servers[_i]) && !is_first_of_its_kind(call)))
			continue;
		for (size_t fault = 0; fault < FAULTS; fault++) {
			if (is_possible(call, &faults[fault]) && is_in_spread(call, i, fault))
				try_fault(&campaign, i, &faults[fault]);
		}
		campaign.calls_tried += campaign.tried > before;
	}
	report(&campaign);
	known_calls_free(&campaign.calls);
	stage_end(&stage);
	ck_assert_msg(campaign.bad == 0, "%u of %u faults were not survived", campaign.bad,
		      campaign.tried);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = suite_add_case(suite, "faults", NULL, NULL,
				      trial_has_all_kinds() ? 7200 : 300);

	for (int i = 0; i < (int)servers_count; i++) {
		if (is_wanted(servers[i].name, 0))
			tcase_add_loop_test(tcase, test_every_call, i, i + 1);
	}
	return suite;
}

int main(void)
{
	seen = known_kinds_make();
	return suite_run(make_suite(), true);
}
