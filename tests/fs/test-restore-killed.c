/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot restore, killed before each call that changes something, and its calls failing: each target
 * is what it was or complete, what was there is never lost, and the next run clears up.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "oracle.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* No run has as many. */
#define CALLS_MAX 80
#define ARCHIVE "old_roots/root.20260101T000000Z"

/* What is restored: over something, over something else, with parents that are missing. */
static const char *const targets[] = { "srv/app", "etc/conf", "opt/x/y" };

#define TARGET_COUNT (sizeof(targets) / sizeof(targets[0]))

static void make_archive(int top)
{
	free(run_shell(
		top,
		"btrfs -q subvolume snapshot root-blank " ARCHIVE "; cd " ARCHIVE
		"; mkdir -p srv/app/dir opt/x/y etc; echo new >srv/app/dir/file; "
		"ln srv/app/dir/file srv/app/link; btrfs -q subvolume create srv/app/nested; "
		"echo in >srv/app/nested/file; chown 7:8 srv/app; setfattr -n user.a -v b srv/app; "
		"chattr +i srv/app/dir; echo new >etc/conf; chmod 4755 etc/conf; echo z >opt/x/y/z; "
		"chown 9 opt opt/x; touch -d 2001-01-01 opt opt/x srv/app; "
		"btrfs property set -ts . ro true; cd ../../root; mkdir -p srv/app etc; "
		"echo old >srv/app/old; btrfs -q subvolume create srv/app/sub; echo o >srv/app/sub/f; "
		"echo old >etc/conf; mkdir -p -m 0700 ../.blankroot"));
}

static void set_up(void)
{
	server_make(0, make_archive);
}

/* Of the targets, in one of the subvolumes; NULL: it is not there. */
static char *state_of(int dir, const char *target)
{
	return tree_exists(dir, target) ? fingerprint(dir, target, FINGERPRINT_CONTENT, NULL)
					: NULL;
}

struct scene {
	struct image *image;
	char *mountpoint;
	char *config;
	char *path[TARGET_COUNT];
	char *was[TARGET_COUNT], *wanted[TARGET_COUNT];
	char *argv[12];
};

static char *format(const char *before, const char *after)
{
	char *text = NULL;

	ck_assert(asprintf(&text, "%s%s", before, after) >= 0);
	return text;
}

/* The mounts end with the process. */
static void begin(struct scene *scene)
{
	size_t n = 0;

	scene->image = server_begin();
	scene->mountpoint = image_mount_subvolume(scene->image, "root", NULL);
	BR_AUTO_FREE char *line = format("ephemeral root { mountpoint = \"", scene->mountpoint);
	BR_AUTO_FREE char *text = format(line, "\" }\n");
	scene->config = server_config(text);
	scene->argv[n++] = format(run_helper_path(), "");
	scene->argv[n++] = format("restore", "");
	scene->argv[n++] = format("--config=", scene->config);
	scene->argv[n++] = format("--device=", scene->image->device[0]);
	scene->argv[n++] = format("--from=", ARCHIVE);
	scene->argv[n++] = format("--keep-old", "");
	BR_AUTO_CLOSE int root = tree_open(scene->image->top, "root", false);
	BR_AUTO_CLOSE int archive = tree_open(scene->image->top, ARCHIVE, false);
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		BR_AUTO_FREE char *dir = format(scene->mountpoint, "/");

		scene->argv[n++] = format(dir, targets[i]);
		scene->was[i] = state_of(root, targets[i]);
		scene->wanted[i] = state_of(archive, targets[i]);
	}
	scene->argv[n] = NULL;
}

static void end(struct scene *scene)
{
	for (size_t i = 0; scene->argv[i]; i++)
		free(scene->argv[i]);
	for (size_t i = 0; i < TARGET_COUNT; i++) {
		free(scene->was[i]);
		free(scene->wanted[i]);
	}
	free(scene->config);
	free(scene->mountpoint);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Is it one or the other? */
static void assert_whole(const struct scene *scene, const char *when, unsigned number)
{
	BR_AUTO_CLOSE int root = tree_open(scene->image->top, "root", false);

	for (size_t i = 0; i < TARGET_COUNT; i++) {
		BR_AUTO_FREE char *is = state_of(root, targets[i]);

		ck_assert_msg(is_same(is, scene->was[i]) || is_same(is, scene->wanted[i]),
			      "%s %u: %s is neither old nor new:\n%s", when, number, targets[i],
			      is ? is : "(absent)");
	}
	/* parents that were missing come with what they hold */
	ck_assert_msg(!tree_exists(root, "opt") || tree_exists(root, "opt/x/y/z"),
		      "%s %u: parents without what they are for", when, number);
}

/* Is what was there still somewhere beside it? */
static void assert_kept(const struct scene *scene, unsigned number)
{
	BR_AUTO_CLOSE int root = tree_open(scene->image->top, "root", false);

	for (size_t i = 0; i < TARGET_COUNT; i++) {
		BR_AUTO_FREE char *names = run_shell(root,
						     "ls -d %s.2* 2>/dev/null || :", targets[i]);
		bool found = !scene->was[i];

		for (char *name = strtok(names, "\n"); name; name = strtok(NULL, "\n")) {
			BR_AUTO_FREE char *is = state_of(root, name);

			found |= is_same(is, scene->was[i]);
		}
		ck_assert_msg(found, "call %u: what %s was is lost", number, targets[i]);
	}
}

static void assert_done(const struct scene *scene, unsigned number)
{
	BR_AUTO_CLOSE int root = tree_open(scene->image->top, "root", false);

	for (size_t i = 0; i < TARGET_COUNT; i++) {
		BR_AUTO_FREE char *is = state_of(root, targets[i]);

		ck_assert_msg(is_same(is, scene->wanted[i]), "call %u: %s is not restored", number,
			      targets[i]);
	}
	BR_AUTO_FREE char *left = run_shell(root, "find . -name '.blankroot-restore*'");
	ck_assert_str_eq(left, "");
	assert_kept(scene, number);
}

struct plan {
	unsigned number;
	struct stepper_order order;
	bool is_reached;
};

static struct stepper_order decide(void *data, const struct stepper_call *call)
{
	struct plan *plan = data;

	if (call->number != plan->number)
		return (struct stepper_order){ .action = STEPPER_GO_ON };
	plan->is_reached = true;
	return plan->order;
}

/* What the sanitizers look for does not depend on the call: of the calls they see every fourth. */
static bool is_left_out(int number)
{
	return run_tool_is_sanitized() && number % 4 != 0;
}

/* With one call of the first run coming to that end, and then a run that nothing happens to. */
static void run_with(struct plan *plan)
{
	struct scene scene = { 0 };
	struct run_result result;

	begin(&scene);
	const struct stepper stepper = { .argv = (const char *const *)scene.argv,
					 .order = decide,
					 .data = plan };
	unsigned calls = stepper_run(&stepper, &result);
	/* else one was never reached; what clears up after a failure comes on top */
	ck_assert_uint_lt(calls, plan->order.action == STEPPER_FAIL ? 2 * CALLS_MAX : CALLS_MAX);
	assert_whole(&scene, "call", plan->number);
	if (plan->order.action == STEPPER_FAIL && result.code == 0)
		assert_done(&scene, plan->number);
	run_free(&result);
	run_and_drop(scene.image->top, (const char *const *)scene.argv);
	assert_done(&scene, plan->number);
	end(&scene);
}

START_TEST(test_killed)
{
	if (!is_left_out(_i))
		run_with(&(struct plan){ .number = (unsigned)_i, .order.action = STEPPER_KILL });
}
END_TEST

START_TEST(test_failed)
{
	if (!is_left_out(_i))
		run_with(&(struct plan){ .number = (unsigned)_i,
					 .order = { .action = STEPPER_FAIL, .error = EIO } });
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("restore-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	tcase_add_loop_test(tcase, test_killed, 1, CALLS_MAX);
	tcase_add_loop_test(tcase, test_failed, 1, CALLS_MAX);
	return suite_run(suite, true);
}
