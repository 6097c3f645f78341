/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an interrupted run may leave, made by hand, with the record about it right, missing or
 * wrong. What may be an old root is archived; only what is certain to be an unfinished new one is
 * discarded.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>

#define STAMP "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"
#define FRESH "./old_roots/root." STAMP "/mark"
#define RECORDED "root.20200202T020202Z"

static void make_server(void)
{
	server_make(128 << 20, NULL);
}

/* Words for the preparations: a file named "mark" is in the leftover, and only there. */
static const char words[] =
	"S=.blankroot/staging-root; mkdir -m 700 .blankroot\n"
	"uuid() { btrfs subvolume show \"$1\" | sed -n 's/^[[:space:]]*UUID:[[:space:]]*//p' | tr "
	"-d '\\n-'; }\n"
	"record() { setfattr -n trusted.blankroot.old.root -v \"$1\" .blankroot; }\n"
	"snap() { btrfs -q subvolume snapshot \"$@\"; }\n"
	"unfinished() { snap root-blank $S; touch $S/mark; }\n"
	"swapped() { touch root/mark; snap root-blank new; mv root $S; mv new root; }\n"
	"archived() { swapped; mv $S old_roots/" RECORDED "; }\n"
	"default() { btrfs subvolume set-default \"$1\"; }\n";

#define SWAPPED "swapped; record \"$(uuid $S) old_roots/" RECORDED "\"; "
#define ARCHIVED "archived; record \"$(uuid old_roots/" RECORDED ") old_roots/" RECORDED "\"; "

struct leftover {
	const char *prepare;
	int code;
	const char *where; /* pattern of the path of "mark" afterwards; "": nowhere */
	const char *also;  /* shell that must succeed afterwards; NULL: nothing */
};

static const struct leftover leftovers[] = {
	/* certainly unfinished: younger than root, which is what was about to be replaced */
	{ "unfinished; record \"$(uuid root) old_roots/" RECORDED "\"", 0, "", NULL },
	{ "unfinished; btrfs -q subvolume create $S/a; btrfs -q subvolume create $S/a/b; touch "
	  "$S/a/b/c; "
	  "btrfs property set -ts $S/a ro true; record \"$(uuid root) old_roots/" RECORDED "\"",
	  0, "", NULL },
	{ "unfinished; btrfs property set -ts $S ro true; record \"$(uuid root) old_roots/" RECORDED
	  "\"",
	  0, "", NULL },
	/* an old root, and the record says so */
	{ SWAPPED, 0, "./old_roots/" RECORDED "/mark", NULL },
	{ SWAPPED "btrfs property set -ts $S ro true", 0, "./old_roots/" RECORDED "/mark", NULL },
	{ SWAPPED "btrfs -q subvolume create $S/nested; touch $S/nested/x", 0,
	  "./old_roots/" RECORDED "/mark", "[ -e old_roots/" RECORDED "/nested/x ]" },
	/* an old root, or what may be one: the record is missing or speaks of something else */
	{ "swapped", 0, FRESH, NULL },
	{ "swapped; record \"$(uuid root) old_roots/" RECORDED "\"", 0, FRESH, NULL },
	{ "swapped; record \"$(uuid root-blank) old_roots/" RECORDED "\"", 0, FRESH, NULL },
	{ "swapped; btrfs property set -ts $S ro true", 0, FRESH, NULL },
	{ "unfinished", 0, FRESH, NULL },
	{ "unfinished; record \"$(uuid root-blank) old_roots/" RECORDED "\"", 0, FRESH, NULL },
	{ "unfinished; setfattr -n trusted.blankroot.old.cache -v \"$(uuid root) old_roots/x\" "
	  ".blankroot",
	  0, FRESH, NULL },
	/* records that nobody can understand */
	{ "unfinished; record ''", 0, FRESH, NULL },
	{ "unfinished; record garbage", 0, FRESH, NULL },
	{ "unfinished; record \"$(uuid root)\"", 0, FRESH, NULL },
	{ "unfinished; record \"$(uuid root | tr a-f A-F | tr 0-9 G) old_roots/" RECORDED "\"", 0,
	  FRESH, NULL },
	{ "unfinished; record \" $(uuid root) old_roots/" RECORDED "\"", 0, FRESH, NULL },
	{ "unfinished; record \"$(uuid root) $(printf %05000d 0)\"", 0, FRESH, NULL },
	/* its place is taken, or is none of ours */
	{ SWAPPED "btrfs -q subvolume create old_roots/" RECORDED "; touch old_roots/" RECORDED
		  "/other",
	  0, FRESH, "[ -e old_roots/" RECORDED "/other ]" },
	{ SWAPPED "mkdir old_roots/" RECORDED "; touch old_roots/" RECORDED "/other", 0, FRESH,
	  "[ -e old_roots/" RECORDED "/other ]" },
	{ "swapped; record \"$(uuid $S) ../root.x\"", 0, FRESH, NULL },
	{ "swapped; record \"$(uuid $S) /root.x\"", 0, FRESH, NULL },
	{ "swapped; record \"$(uuid $S) no/such/directory/root.x\"", 0, FRESH, NULL },
	{ "swapped; record \"$(uuid $S) persist/root.x\"", 0, FRESH, NULL },
	{ SWAPPED "rmdir old_roots", 0, "./old_roots/" RECORDED "/mark", NULL },
	/* archived already, but not yet read-only */
	{ ARCHIVED, 0, "./old_roots/" RECORDED "/mark", NULL },
	/* what somebody else made writable is his business */
	{ "archived", 0, "./old_roots/" RECORDED "/mark",
	  "btrfs property get -ts old_roots/" RECORDED " ro | grep false" },
	/* the default must not stay at an old root */
	{ SWAPPED "default $S", 0, "./old_roots/" RECORDED "/mark",
	  "btrfs subvolume get-default . | grep 'path root$'" },
	{ "swapped; default $S", 0, FRESH, "btrfs subvolume get-default . | grep 'path root$'" },
	{ ARCHIVED "default old_roots/" RECORDED, 0, "./old_roots/" RECORDED "/mark",
	  "btrfs subvolume get-default . | grep 'path root$'" },
	/* not from us */
	{ "mkdir $S; touch $S/mark", 3, "./.blankroot/staging-root/mark", NULL },
	{ "touch $S root/mark", 3, "./root/mark", "[ -f $S ]" },
	{ "ln -s ../root $S; touch root/mark", 3, "./root/mark", "[ -L $S ]" },
	{ "touch root/mark; mv .blankroot x; btrfs -q subvolume create .blankroot", 3,
	  "./root/mark", NULL },
	{ "touch root/mark; rmdir .blankroot; touch .blankroot", 3, "./root/mark", NULL },
	{ "touch root/mark; rmdir .blankroot; ln -s root .blankroot", 3, "./root/mark", NULL },
};

static void check_order(int top, const struct leftover *leftover)
{
	BR_AUTO_FREE char *found = run_shell(top, "find . -name mark | tr -d '\\n'");

	ck_assert_msg(fnmatch(leftover->where, found, 0) == 0, "\"%s\", not %s", found,
		      leftover->where);
	if (leftover->also)
		free(run_shell(top, "S=.blankroot/staging-root; %s", leftover->also));
	if (leftover->code != 0)
		return;
	BR_AUTO_FREE char *state = run_shell(top, "ls -A .blankroot");
	ck_assert_str_eq(state, "");
	ck_assert(!tree_exists(top, "root/usr/bin/drift"));
}

/*
 * Nothing that was there before the run, but for what is unfinished, may be missing: by subvolume
 * id.
 */
static void check_all_there(int top, const char *ids_before, const struct leftover *leftover)
{
	BR_AUTO_FREE char *ids = run_shell(top, "btrfs subvolume list . | cut -d' ' -f2 | sort");
	BR_AUTO_FREE char *lost = run_shell(
		0, "printf %%s '%s' >$$.a; printf %%s '%s' | grep -vxFf $$.a || :; rm $$.a", ids,
		ids_before);

	ck_assert_msg(*leftover->where == '\0' || *lost == '\0', "lost: %s", lost);
}

START_TEST(test_leftover)
{
	const struct leftover *leftover = &leftovers[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	struct reset_result result;

	free(run_shell(image->top, "%s%s", words, leftover->prepare));
	BR_AUTO_FREE char *ids = run_shell(image->top,
					   "btrfs subvolume list . | cut -d' ' -f2 | sort");
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) ==
			      leftover->code,
		      "exit %d: %s", result.code, result.run.err);
	if (leftover->code == 3)
		assert_says(result.run.err, ".blankroot");
	reset_free(&result);
	check_order(image->top, leftover);
	check_all_there(image->top, ids, leftover);
	if (leftover->code == 0)
		server_reset_ok(image, config);
	BR_AUTO_FREE char *found = run_shell(image->top, "find . -name mark | tr -d '\\n'");
	ck_assert_msg(fnmatch(leftover->where, found, 0) == 0, "\"%s\", not %s", found,
		      leftover->where);
}
END_TEST

/* What was archived late is marked and read-only like any other. */
START_TEST(test_late_archives_are_sealed)
{
	static const char *const prepares[] = { SWAPPED, "swapped", ARCHIVED };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);

	free(run_shell(image->top, "%s%s", words, prepares[_i]));
	server_reset_ok(image, config);
	BR_AUTO_FREE char *marks = run_shell(
		image->top, "for a in old_roots/*; do btrfs property get -ts $a ro; "
			    "getfattr -n trusted.blankroot.retired --only-values $a | sed "
			    "'s/[0-9]\\+/time\\n/'; done");
	ck_assert_str_eq(marks, "ro=true\ntime\nro=true\ntime\n");
}
END_TEST

/* --- killed once more --- */

struct killer {
	unsigned at, seen; /* of the calls that matter here: renames, flags, marks, the default */
};

static bool kill_at(void *data, const struct stepper_call *call)
{
	static const char *const calls[] = { "renameat2", "BTRFS_IOC_SUBVOL_SETFLAGS", "fsetxattr",
					     "BTRFS_IOC_DEFAULT_SUBVOL",
					     "BTRFS_IOC_SNAP_DESTROY_V2" };
	struct killer *killer = data;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		killer->seen += strcmp(call->name, calls[i]) == 0;
	return killer->seen < killer->at;
}

/* Run and kill before one of those calls. Returns false when there are fewer. */
static bool run_killed(struct image *image, const char *config, unsigned at)
{
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	struct killer killer = { .at = at };
	const struct stepper stepper = { .argv = argv, .before_call = kill_at, .data = &killer };
	struct run_result result;

	image_unmount(image);
	(void)stepper_run(&stepper, &result);
	int code = result.code;
	ck_assert_msg(code == 137 || code == 0, "exit %d: %s", code, result.err);
	run_free(&result);
	(void)image_mount(image, NULL);
	return code == 137;
}

static void begin_again(struct image *image, const char *prepare)
{
	image_unmount(image);
	state_restore(server_state(), image);
	free(run_shell(image_mount(image, NULL), "%s%s", words, prepare));
}

/*
 * An old root that waits to be archived gets there, is sealed and is not the default, wherever the
 * next run ends.
 */
START_TEST(test_killed_while_archiving)
{
	static const char *const prepares[] = { SWAPPED "default $S", "swapped; default $S",
						"touch root/mark; default root", ARCHIVED };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	bool is_killed = true;

	for (unsigned at = 1; is_killed; at++) {
		begin_again(image, prepares[_i]);
		is_killed = run_killed(image, config, at);
		/* the default must not be what retention may delete, not for a moment */
		BR_AUTO_FREE char *wrong = run_shell(
			image->top, "btrfs subvolume get-default . | grep old_roots || :");
		ck_assert_msg(_i == 3 || *wrong == '\0', "killed before call %u: %s", at, wrong);
		server_reset_ok(image, config);
		BR_AUTO_FREE char *found = run_shell(image->top, "ls -d old_roots/*/mark | wc -l");
		ck_assert_str_eq(found, "1\n");
		BR_AUTO_FREE char *writable = run_shell(
			image->top, "for a in old_roots/*; do btrfs property get -ts $a ro; done "
				    "| sort -u");
		ck_assert_msg(strcmp(writable, "ro=true\n") == 0, "killed before call %u", at);
		BR_AUTO_FREE char *state = run_shell(image->top, "ls -A .blankroot");
		ck_assert_str_eq(state, "");
		BR_AUTO_FREE char *is_root = run_shell(
			image->top, "btrfs subvolume get-default . | grep -c 'path root$' || :");
		ck_assert_str_eq(is_root, _i == 3 ? "0\n" : "1\n");
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("leftovers-made");
	TCase *tcase = suite_add_case(suite, "made", make_server, server_drop, 60);

	tcase_add_loop_test(tcase, test_leftover, 0, sizeof(leftovers) / sizeof(leftovers[0]));
	tcase_add_loop_test(tcase, test_late_archives_are_sealed, 0, 3);
	tcase_add_loop_test(tcase, test_killed_while_archiving, 0, 4);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
