/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot init and init --undo, killed before each call that changes something: the root is what it was or complete, running
 * it again finishes it, and taking it back gives what there was.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <stdlib.h>
#include <string.h>

/* No run has as many. */
#define INIT_CALLS_MAX 108
#define UNDO_CALLS_MAX 44
#define FORMAT_CALLS_MAX 150
#define MOVE_CALLS_MAX 190

/* A root with an id in its fstab, as genfstab writes it. */
static void make_system(int top)
{
	free(run_shell(top, "btrfs -q subvolume create @; mkdir -p @/etc @/var/log @/root @/home; "
			    "id=$(btrfs inspect-internal rootid @); "
			    "echo \"UUID=x / btrfs rw,subvolid=$id,subvol=/@ 0 0\" >@/etc/fstab; "
			    "btrfs -q subvolume create @/var/nested"));
}

static void set_up(void)
{
	server_make(0, make_system);
}

/* The mounts end with the process. */
struct scene {
	struct image *image;
	char *device;
	char *was; /* what there is before */
};

/* All but times of directories in which something was made and removed, and what stays on purpose. */
static char *picture(const struct scene *scene)
{
	return run_shell(
		scene->image->top,
		"find . -type d -printf '%%p %%y %%m %%U\\n' -o "
		"-printf '%%p %%y %%m %%U %%s %%i %%n %%l\\n' | sort; cat @/etc/fstab; "
		"btrfs subvolume list . | awk '{ print $2, $NF }'; btrfs subvolume get-default . | cut -d ' ' -f 2");
}

static void begin(struct scene *scene)
{
	scene->image = server_begin();
	ck_assert(asprintf(&scene->device, "--device=%s", scene->image->device[0]) >= 0);
	scene->was = picture(scene);
}

static void end(struct scene *scene)
{
	free(scene->device);
	free(scene->was);
}

static bool kill_at(void *data, const struct stepper_call *call)
{
	return call->number < *(const unsigned *)data;
}

/* Odd, so that what is done after a kill takes turns. What the sanitizers look for does not depend on the call. */
#ifdef __SANITIZE_ADDRESS__
#define STRIDE 33
#else
#define STRIDE 11
#endif

/* All of them with BLANKROOT_CRASH=full in the environment, else a spread, and the last one, which is not reached. */
static bool is_left_out(unsigned number, unsigned calls_max)
{
	const char *crash = getenv("BLANKROOT_CRASH");

	return !(crash && strcmp(crash, "full") == 0) && number % STRIDE != 0 &&
	       number + 1 != calls_max;
}

/* Returns whether it was killed. */
static bool run_killed(const char *const *argv, unsigned number, unsigned calls_max)
{
	const struct stepper stepper = { .argv = argv, .before_call = kill_at, .data = &number };
	struct run_result result;
	unsigned calls = stepper_run(&stepper, &result);
	bool is_killed = calls >= number;

	/* the last one is killed no more: else there are calls at which it never was */
	ck_assert_msg(is_killed || number + 1 <= calls_max, "%u calls", calls);
	ck_assert_msg(!is_killed || number + 1 < calls_max, "more than %u calls", calls);
	ck_assert_msg(result.code == (is_killed ? 137 : 0), "call %u: %d: %s%s", number,
		      result.code, result.out, result.err);
	run_free(&result);
	return is_killed;
}

static void run_init(const struct scene *scene)
{
	const char *const argv[] = { run_helper_path(), "init",        "--yes", "--write-fstab",
				     "--subvolume=@",   scene->device, NULL };

	run_and_drop(scene->image->top, argv);
}

/* The snapshot, by which it is named when it is to go too; "" while it is not there. */
static char *snapshot_of(const struct scene *scene)
{
	return run_shell(
		scene->image->top,
		"ls snapshots 2>/dev/null | grep '^\\(@\\|rootfs\\).*Z$' | tr -d '\\n' || :");
}

static void run_undo(const struct scene *scene)
{
	BR_AUTO_FREE char *name = snapshot_of(scene);
	const char *const argv[] = { run_helper_path(),   "init", "--undo", "--yes", scene->device,
				     *name ? name : NULL, NULL };

	run_and_drop(scene->image->top, argv);
}

/* Complete, whatever was done how often. */
static void check_done(const struct scene *scene)
{
	BR_AUTO_FREE char *wrong = run_shell(
		scene->image->top,
		"grep -qx 'UUID=x / btrfs rw,subvol=/@ 0 0' @/etc/fstab || cat @/etc/fstab; "
		"grep -q subvolid @/etc/fstab.before-blankroot || echo no old fstab; "
		"diff @/etc/fstab @-blank/etc/fstab; diff @/etc/blankroot.conf "
		"@-blank/etc/blankroot.conf; "
		"btrfs property get -ts @-blank ro | grep -qx ro=true || echo writable; "
		"[ $(stat -c %%i @-blank/var/nested) = 256 ] || echo not nested; "
		"[ $(ls snapshots | grep -c ^@) = 1 ] || ls snapshots; "
		"getfattr -n trusted.blankroot.pinned snapshots/@.* 2>/dev/null | grep -q pinned || "
		"echo not pinned; "
		"ls -A .blankroot; ls -A @/etc | grep -vx 'fstab\\(.before-blankroot\\)\\?\\|blankroot.conf' "
		"|| :");

	ck_assert_msg(strcmp(wrong, "init.json\n") == 0, "%s", wrong);
}

static void check_undone(const struct scene *scene)
{
	BR_AUTO_FREE char *is = picture(scene);

	ck_assert_msg(strcmp(is, scene->was) == 0, "was:\n%s\nis:\n%s", scene->was, is);
}

/* At any moment the root is a root that boots. */
static void check_root(const struct scene *scene)
{
	BR_AUTO_FREE char *wrong = run_shell(scene->image->top,
					     "grep -q ' / btrfs rw,.*subvol=/@ 0 0' @/etc/fstab || "
					     "cat @/etc/fstab; [ -d @/var/log ] || echo no log");

	ck_assert_msg(!*wrong, "%s", wrong);
}

START_TEST(test_init_killed)
{
	unsigned number = (unsigned)_i;
	struct scene scene;

	begin(&scene);
	const char *const argv[] = { run_helper_path(), "init",       "--yes", "--write-fstab",
				     "--subvolume=@",   scene.device, NULL };
	(void)run_killed(argv, number, INIT_CALLS_MAX);
	check_root(&scene);
	/* every other time it goes on, else it is taken back at once, where there is something to take back */
	if (number % 2 == 1) {
		run_init(&scene);
		check_done(&scene);
	}
	if (tree_exists(scene.image->top, ".blankroot/init.json")) {
		run_undo(&scene);
		check_undone(&scene);
	}
	end(&scene);
}
END_TEST

START_TEST(test_undo_killed)
{
	unsigned number = (unsigned)_i;
	struct scene scene;

	begin(&scene);
	run_init(&scene);
	BR_AUTO_FREE char *name = snapshot_of(&scene);
	const char *const argv[] = { run_helper_path(), "init", "--undo", "--yes",
				     scene.device,      name,   NULL };
	(void)run_killed(argv, number, UNDO_CALLS_MAX);
	check_root(&scene);
	/* without its record, all but the directory of that is gone, and another run takes it for its own */
	if (!tree_exists(scene.image->top, ".blankroot/init.json"))
		run_init(&scene);
	run_undo(&scene);
	check_undone(&scene);
	end(&scene);
}
END_TEST

/* --- a root in the top level itself --- */

static const char *const move_words[] = { "init", "--yes", "--write-fstab", "--write-boot-loader",
					  "--subvolume=" };

static void fill_move(const struct scene *scene, const char *argv[8])
{
	size_t n = 0;

	argv[n++] = run_helper_path();
	for (size_t i = 0; i < sizeof(move_words) / sizeof(move_words[0]); i++)
		argv[n++] = move_words[i];
	argv[n++] = scene->device;
	argv[n] = NULL;
}

static void check_moved(const struct scene *scene)
{
	BR_AUTO_FREE char *wrong = run_shell(
		scene->image->top, "cat etc/fstab; grep -x 'UUID=x / btrfs .*' rootfs/etc/fstab; "
				   "grep -c ' btrfs subvol=/' rootfs/etc/fstab; "
				   "diff -r rootfs/etc rootfs-blank/etc; ls -A .blankroot; "
				   "ls -d rootfs/snapshots rootfs/.blankroot 2>/dev/null || :; "
				   "btrfs subvolume get-default . | grep -o ' path .*'; "
				   "btrfs property get -ts rootfs-blank ro");

	ck_assert_str_eq(wrong, "UUID=x / btrfs rw 0 0\nUUID=x / btrfs rw,subvol=rootfs 0 0\n4\n"
				"init.json\n path rootfs\nro=true\n");
}

START_TEST(test_move_killed)
{
	unsigned number = (unsigned)_i;
	const char *argv[8];
	struct scene scene;

	begin(&scene);
	free(run_shell(scene.image->top, "mkdir etc; echo 'UUID=x / btrfs rw 0 0' >etc/fstab"));
	free(scene.was);
	scene.was = picture(&scene);
	fill_move(&scene, argv);
	(void)run_killed(argv, number, MOVE_CALLS_MAX);
	run_and_drop(scene.image->top, argv);
	check_moved(&scene);
	run_undo(&scene);
	check_undone(&scene);
	end(&scene);
}
END_TEST

/* --- an empty device --- */

/* What was made before the record was on it, somebody has to remove. */
static bool is_refused(const struct image *image, const char *const *argv)
{
	struct run_result result;
	bool is_refused;

	run(&(struct run_options){ .argv = argv }, &result);
	is_refused = result.code == 1 && strstr(result.err, "wipefs --all");
	ck_assert_msg(is_refused || result.code == 0, "%d: %s", result.code, result.err);
	run_free(&result);
	if (is_refused)
		free(run_shell(-1, "wipefs --all %s", image->device[0]));
	return is_refused;
}

START_TEST(test_format_killed)
{
	unsigned number = (unsigned)_i;
	struct image *image;

	image = server_begin();
	image_unmount(image);
	free(run_shell(-1, "wipefs --all %s", image->device[0]));
	BR_AUTO_FREE char *device = NULL;
	ck_assert(asprintf(&device, "--format=%s", image->device[0]) >= 0);
	const char *const argv[] = { run_helper_path(),
				     "init",
				     "--yes",
				     device,
				     "--preset=packaging/presets/database.conf",
				     NULL };
	(void)run_killed(argv, number, FORMAT_CALLS_MAX);
	while (is_refused(image, argv))
		;
	image_mount(image, NULL);
	BR_AUTO_FREE char *is = run_shell(
		image->top, "ls -A; ls -A .blankroot; btrfs property get -ts root-blank ro; "
			    "btrfs subvolume list . | wc -l; lsattr -d postgresql | grep -o C");
	ck_assert_str_eq(is, ".blankroot\nhome\nlog\nmysql\nold_roots\npersist\npostgresql\nroot\n"
			     "root-blank\nsnapshots\nsrv\ninit.json\nro=true\n8\nC\n");
}
END_TEST

/* A test for each call that is not left out. */
#define ADD_CALLS(tcase, test, calls_max)                                     \
	do {                                                                  \
		for (int n_ = 1; n_ < (calls_max); n_++)                      \
			if (!is_left_out((unsigned)n_, (calls_max)))          \
				tcase_add_loop_test(tcase, test, n_, n_ + 1); \
	} while (0)

int main(void)
{
	Suite *suite = suite_create("init-killed");
	TCase *tcase = suite_add_case(suite, "killed", set_up, server_drop, 120);

	ADD_CALLS(tcase, test_init_killed, INIT_CALLS_MAX);
	ADD_CALLS(tcase, test_undo_killed, UNDO_CALLS_MAX);
	ADD_CALLS(tcase, test_move_killed, MOVE_CALLS_MAX);
	ADD_CALLS(tcase, test_format_killed, FORMAT_CALLS_MAX);
	return suite_run(suite, true);
}
