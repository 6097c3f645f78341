/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many resets in a row on one image, with random changes, persistent paths and nested subvolumes between them;
 * some from archives, on request, skipped, tried only, killed. After each of them everything on the image must be
 * what a model (forecast.h) says.
 *
 * RESETS=n in the environment changes their number, SEED=n repeats a run: all but the moments of the kills.
 */
#include "cleanup.h"
#include "drift.h"
#include "forecast.h"
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

#define RESETS 300
#define RESETS_SANITIZED 100 /* where everything takes three times as long */
#define FSCK_EVERY 50

enum scenario {
	NORMAL,
	FROM_CMDLINE,
	FROM_REQUEST,
	NO_SUCH_ARCHIVE,
	SKIP_REQUEST,
	UNKNOWN_REQUEST,
	CMDLINE_OVER_REQUEST,
	DRY_RUN,
	OFF,
	KILLED,
};

/* One run and what is expected of it. */
struct trial {
	enum scenario scenario;
	bool configured[WORLD_EPHEMERALS];
	struct forecast_paths paths[WORLD_EPHEMERALS];
	struct model *expected[WORLD_EPHEMERALS];
	bool must_fail;
	char *config;
	struct world_ephemeral *from_of; /* NULL: all from their blanks */
	struct world_archive *from;
	char cmdline[512];
	char request[512];
};

static uint64_t seed;
static struct world world;
static struct random chance;
static long usual_usec = 50000; /* how long a run takes, for the moments of kills */

static uint64_t number_from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static enum scenario choose_scenario(void)
{
	static const struct {
		enum scenario scenario;
		unsigned percent;
	} table[] = {
		{ FROM_CMDLINE, 8 },    { FROM_REQUEST, 6 },
		{ NO_SUCH_ARCHIVE, 2 }, { SKIP_REQUEST, 3 },
		{ UNKNOWN_REQUEST, 2 }, { CMDLINE_OVER_REQUEST, 2 },
		{ DRY_RUN, 3 },         { OFF, 1 },
		{ KILLED, 12 },
	};
	unsigned number = (unsigned)random_below(&chance, 100);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (number < table[i].percent)
			return table[i].scenario;
		number -= table[i].percent;
	}
	return NORMAL;
}

static void write_config(struct trial *trial)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		const struct world_ephemeral *ephemeral = &world.of[i];

		if (!trial->configured[i])
			continue;
		fprintf(out, "ephemeral \"%s\" {\n\tblank = \"%s\"\n\tarchive = \"%s\"\n",
			ephemeral->name, ephemeral->blank,
			ephemeral->archive ? ephemeral->archive : "none");
		forecast_print(&trial->paths[i], out);
		fprintf(out, "}\n");
	}
	ck_assert(fclose(out) == 0);
	ck_assert(asprintf(&trial->config, "%s/blankroot.conf", dir) > 0);
	tree_write(AT_FDCWD, trial->config, text);
}

/* An archive of one of those that are configured. None: then it is a normal run. */
static void choose_archive(struct trial *trial)
{
	struct world_ephemeral *of = &world.of[random_below(&chance, WORLD_EPHEMERALS)];
	struct world_archive *archive;

	if (!of->archive || !trial->configured[of - world.of] || of->archive_count == 0) {
		trial->scenario = NORMAL;
		return;
	}
	archive = &of->archives[random_below(&chance, of->archive_count)];
	if (!archive->entry) {
		trial->scenario = NORMAL;
		return;
	}
	trial->from_of = of;
	trial->from = archive;
}

static void say_what_is_wanted(struct trial *trial)
{
	const char *entry = trial->from ? trial->from->entry : "no-such-archive";

	if (trial->scenario == FROM_CMDLINE || trial->scenario == NO_SUCH_ARCHIVE ||
	    trial->scenario == CMDLINE_OVER_REQUEST)
		snprintf(trial->cmdline, sizeof(trial->cmdline), "quiet rd.blankroot.from=%s",
			 entry);
	if (trial->scenario == FROM_REQUEST)
		snprintf(trial->request, sizeof(trial->request), "from %s\n", entry);
	if (trial->scenario == SKIP_REQUEST || trial->scenario == CMDLINE_OVER_REQUEST)
		snprintf(trial->request, sizeof(trial->request), "skip\n");
	if (trial->scenario == UNKNOWN_REQUEST)
		snprintf(trial->request, sizeof(trial->request), "do what you like\n");
	if (trial->scenario == OFF)
		snprintf(trial->cmdline, sizeof(trial->cmdline), "rd.blankroot=off");
	if (trial->scenario == DRY_RUN)
		snprintf(trial->cmdline, sizeof(trial->cmdline), "rd.blankroot=dry-run");
}

static void foretell(struct trial *trial)
{
	trial->must_fail = false;
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		const struct world_ephemeral *ephemeral = &world.of[i];
		bool from = trial->from && trial->from_of == ephemeral;

		model_free(trial->expected[i]);
		trial->expected[i] = NULL;
		if (!trial->configured[i])
			continue;
		trial->expected[i] = forecast_reset(&trial->paths[i], ephemeral->now,
						    from ? trial->from->model
							 : ephemeral->blank_now);
		trial->must_fail |= !trial->expected[i];
	}
}

static void plan_trial(struct trial *trial)
{
	*trial = (struct trial){ .scenario = choose_scenario() };
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		trial->configured[i] = i == 0 || random_chance(&chance, 30);
		if (trial->configured[i])
			forecast_choose(&trial->paths[i], world.of[i].now, world.of[i].blank_now,
					&chance);
	}
	if (trial->scenario == FROM_CMDLINE || trial->scenario == FROM_REQUEST ||
	    trial->scenario == CMDLINE_OVER_REQUEST)
		choose_archive(trial);
	say_what_is_wanted(trial);
	write_config(trial);
	foretell(trial);
}

static void trial_free(struct trial *trial)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		model_free(trial->expected[i]);
		forecast_clear(&trial->paths[i]);
	}
	free(trial->config);
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

	if (trial->from_of != ephemeral)
		path = strdup(ephemeral->blank);
	else
		ck_assert(asprintf(&path, "%s/%s", ephemeral->archive, trial->from->entry) > 0);
	ck_assert_ptr_nonnull(path);
	return path;
}

static void check_replaced(struct trial *trial, size_t i)
{
	BR_AUTO_FREE char *source = source_path(trial, &world.of[i]);
	struct model *expected = trial->expected[i];

	trial->expected[i] = NULL;
	world_check_new(&world, &world.of[i], expected, source);
}

/* Whatever was to be done has been done, or nothing has. */
static void check_result(struct trial *trial, bool is_reset)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		if (!is_reset || !trial->configured[i]) {
			world_check_same(&world, &world.of[i]);
			continue;
		}
		check_replaced(trial, i);
		world_check_archived(&world, &world.of[i]);
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
		world.of[i].may_have_leftover |= trial->configured[i];
	}
	world_check_rest(&world);
}

static int expected_code(const struct trial *trial)
{
	switch (trial->scenario) {
	case NO_SUCH_ARCHIVE:
	case UNKNOWN_REQUEST:
		return 3;
	case SKIP_REQUEST:
	case OFF:
		return 0;
	default:
		return trial->must_fail ? 4 : 0;
	}
}

/* Run it, remount, compare. Returns whether it was a reset. */
static bool try_it(struct trial *trial)
{
	struct run_result result;
	bool is_reset = !trial->must_fail &&
			(trial->scenario == NORMAL || trial->scenario == KILLED ||
			 trial->scenario == FROM_CMDLINE || trial->scenario == FROM_REQUEST ||
			 trial->scenario == CMDLINE_OVER_REQUEST);

	put_request(trial);
	image_unmount(world.image);
	long usec = run_to_the_end(trial, &result);
	ck_assert_msg(result.code == expected_code(trial), "exit %d, not %d: %s", result.code,
		      expected_code(trial), result.err);
	run_free(&result);
	if (is_reset)
		usual_usec = (9 * usual_usec + usec) / 10;
	(void)image_mount(world.image, NULL);
	check_result(trial, is_reset);
	return is_reset;
}

static bool one_trial(unsigned number)
{
	struct trial trial;

	chance = random_start(seed, number);
	world_thin_out(&world, &chance);
	world_live(&world, &chance);
	plan_trial(&trial);
	printf("trial %u: scenario %d%s\n", number, (int)trial.scenario,
	       trial.must_fail ? ", has to fail" : "");
	if (trial.scenario == KILLED) {
		image_unmount(world.image);
		run_and_kill(&trial);
		(void)image_mount(world.image, NULL);
		check_after_kill(&trial);
		foretell(&trial);
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
