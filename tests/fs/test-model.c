/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many resets in a row on one image, with random changes, persistent paths and nested subvolumes between them;
 * some from archives, on request, skipped, tried only, killed, refused for one of several reasons, without an old root.
 * After each of them everything on the image must be what a model (forecast.h) says.
 *
 * RESETS=n in the environment changes their number, SEED=n repeats a run: all but the moments of the kills.
 */
#include "cleanup.h"
#include "drift.h"
#include "layout.h"
#include "model-trial.h"
#include "run.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"
#include "world.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define RESETS 200
#define RESETS_SANITIZED 50 /* where everything takes three times as long */
#define FSCK_EVERY 50

static uint64_t seed;
static struct world world;
static struct random chance;
static long usual_usec = 50000; /* how long a run takes, for the moments of kills */

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

/* --- running --- */

/* A request can be put down once the first run has made the directory. */
static void put_request(struct trial *trial)
{
	if (!*trial->request)
		return;
	if (!tree_exists(world.image->top, ".blankroot"))
		ck_assert(mkdirat(world.image->top, ".blankroot", 0700) == 0);
	tree_write(world.image->top, ".blankroot/request", trial->request);
}

static long run_to_the_end(const struct trial *trial, struct run_result *result)
{
	struct timespec start, end;

	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	run_tool((const char *const[]){ "--config", trial->config, "--device",
					world.image->device[0], "--cmdline", trial->cmdline, NULL },
		 result);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	return (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
}

/* At a moment that nobody chose. */
static void kill_after(const char *const *argv, useconds_t usec)
{
	pid_t pid = fork();
	int status;

	ck_assert(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		(void)!(dup2(null, 1) + dup2(null, 2));
		/* execv does not change the strings; its prototype is older than const */
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	(void)usleep(usec);
	(void)kill(pid, SIGKILL);
	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 127);
}

/* Counts calls from the first rename on. */
static bool go_on(void *data, const struct stepper_call *call)
{
	int *left = data;

	if (strcmp(call->name, "renameat2") == 0 && *left < 0)
		*left = -*left;
	return *left < 0 || --*left > 0;
}

/* In the little time between the swap and the end, where a random moment seldom is. */
static void kill_behind_swap(const char *const *argv, int calls)
{
	int left = -calls;
	struct stepper stepper = { .argv = argv, .before_call = go_on, .data = &left };
	struct run_result result;

	(void)stepper_run(&stepper, &result);
	run_free(&result);
}

static void run_and_kill(const struct trial *trial)
{
	const char *const argv[] = {
		run_tool_path(), "--config", trial->config, "--device", world.image->device[0],
		"--cmdline",     "",         NULL
	};

	if (random_chance(&chance, 50))
		kill_behind_swap(argv, 1 + (int)random_below(&chance, 8));
	else
		kill_after(argv, (useconds_t)random_below(&chance, (size_t)usual_usec * 5 / 4));
}

/* --- checking --- */

static char *source_path(const struct trial *trial, const struct world_ephemeral *ephemeral)
{
	char *path = NULL;

	if (!trial->from || trial->subject != ephemeral)
		path = strdup(ephemeral->blank);
	else
		ck_assert(asprintf(&path, "%s/%s", ephemeral->archive, trial->from->entry) > 0);
	ck_assert_ptr_nonnull(path);
	return path;
}

static void check_replaced(struct trial *trial, size_t i)
{
	BR_AUTO_FREE char *source = source_path(trial, &world.of[i]);
	struct model *expected = trial->of[i].expected;

	trial->of[i].expected = NULL;
	world_check_new(&world, &world.of[i], expected, source);
}

/* Whatever was to be done has been done, or nothing has. */
static void check_result(struct trial *trial, bool is_reset)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		if (!is_reset || !trial->of[i].is_configured) {
			world_check_same(&world, &world.of[i]);
			continue;
		}
		check_replaced(trial, i);
		world_check_archived(&world, &world.of[i]);
		if (!trial->from || trial->subject != &world.of[i])
			world_note_blank(&world.of[i]);
	}
	if (*trial->request)
		ck_assert_msg(!tree_exists(world.image->top, ".blankroot/request"),
			      "the request is still there");
	world_check_rest(&world);
}

/* After a kill each subvolume is the old one, complete, or the new one, complete. */
static void check_after_kill(struct trial *trial)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		bool is_old = world_id(&world, world.of[i].name) == world.of[i].id;

		if (!is_old)
			check_replaced(trial, i);
		else
			world_check_same(&world, &world.of[i]);
		world.of[i].may_have_leftover |= trial->of[i].is_configured;
	}
	world_check_rest(&world);
}

/* What somebody does to the image meanwhile. Returns a mount point, or NULL. */
static char *interfere(const struct trial *trial)
{
	if (trial->scenario == SCENARIO_BLANK_WRITABLE)
		subvol_set_read_only(world.image->top, trial->subject->blank, false);
	image_unmount(world.image);
	return trial->scenario == SCENARIO_IN_USE
		       ? image_mount_subvolume(world.image, trial->subject->name, NULL)
		       : NULL;
}

static void stop_interfering(const struct trial *trial, char *mountpoint)
{
	if (mountpoint)
		image_unmount_path(mountpoint);
	(void)image_mount(world.image, NULL);
	if (trial->scenario == SCENARIO_BLANK_WRITABLE)
		subvol_set_read_only(world.image->top, trial->subject->blank, true);
}

static void check_said(const struct trial *trial, const struct run_result *result, bool is_reset)
{
	bool is_told = strstr(result->err, "since the last reset") ||
		       strstr(result->err, "than at the last reset");

	ck_assert_msg(trial_may_end_with(trial, result->code), "exit %d: %s", result->code,
		      result->err);
	/* one that was killed may have noted it */
	if (is_reset && trial->scenario != SCENARIO_KILLED)
		ck_assert_msg(is_told == trial_uses_changed_blank(trial, &world),
			      "of a blank that is %s: %s", is_told ? "the same" : "changed",
			      result->err);
}

/* Run it, remount, compare. Returns whether it was a reset. */
static bool try_it(struct trial *trial)
{
	struct run_result result;
	bool is_reset = trial_is_reset(trial);

	put_request(trial);
	char *mountpoint = interfere(trial);
	long usec = run_to_the_end(trial, &result);
	check_said(trial, &result, is_reset);
	run_free(&result);
	if (is_reset)
		usual_usec = (9 * usual_usec + usec) / 10;
	stop_interfering(trial, mountpoint);
	check_result(trial, is_reset);
	return is_reset;
}

static bool one_trial(unsigned number)
{
	struct trial trial;

	chance = random_start(seed, number);
	world_thin_out(&world, &chance);
	world_live(&world, &chance);
	trial_plan(&trial, &world, &chance);
	printf("trial %u: scenario %d%s%s\n", number, (int)trial.scenario,
	       trial.must_fail ? ", has to fail" : "", trial.must_be_refused ? ", is refused" : "");
	if (trial.scenario == SCENARIO_KILLED) {
		image_unmount(world.image);
		run_and_kill(&trial);
		(void)image_mount(world.image, NULL);
		check_after_kill(&trial);
		trial_foretell(&trial, &world);
	}
	bool is_reset = try_it(&trial);
	trial_free(&trial);
	return is_reset;
}

START_TEST(test_many_resets)
{
	unsigned wanted = (unsigned)number_from_environment(
		"RESETS", run_tool_is_sanitized() ? RESETS_SANITIZED : RESETS);
	unsigned resets = 0;

	world_make(&world, seed);
	for (unsigned number = 1; resets < wanted; number++) {
		ck_assert_uint_lt(number, 3 * wanted + 20); /* most of them are resets */
		if (!one_trial(number))
			continue;
		resets++;
		if (resets % FSCK_EVERY == 0 || resets == wanted)
			world_fsck(&world);
	}
	world_drop(&world);
}
END_TEST

/* The comparison that all of this relies on: a change that the kernel made is seen. */
START_TEST(test_comparison)
{
	struct world_ephemeral *root = &world.of[0];

	world_make(&world, seed);
	chance = random_start(seed, 0);
	for (unsigned i = 0; i < 400; i++) {
		BR_AUTO_CLOSE int fd = tree_open(world.image->top, root->name, false);
		size_t kind = random_below(&chance, drift_kinds());
		bool changed = drift_change(fd, root->now, &chance, kind);

		ck_assert(syncfs(fd) == 0);
		struct model *now = model_read(fd);
		BR_AUTO_FREE char *difference = model_diff(root->now, now, true);
		bool is_top = strcmp(now->objects[0].identity, root->now->objects[0].identity) != 0;
		ck_assert_msg(!changed || is_top || *difference, "a change of kind %zu is not seen",
			      kind);
		model_free(root->now);
		root->now = now;
	}
	world_drop(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *comparison = suite_add_case(suite, "comparison", NULL, NULL, 300);
	TCase *resets = suite_add_case(suite, "resets", NULL, NULL, 1800);

	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* a test that fails does not flush */
	seed = number_from_environment("SEED", (uint64_t)time(NULL));
	printf("SEED=%llu\n", (unsigned long long)seed);
	tcase_add_test(comparison, test_comparison);
	tcase_add_test(resets, test_many_resets);
	return suite_run(suite, true);
}
