/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must never happen, because it happened to users of shell recipes for the same job: items 1
 * to 6 of docs/design.md, section 7. "Watches" names the safeguard whose removal a test notices.
 */
#include "cleanup.h"
#include "disk.h"
#include "fingerprint.h"
#include "full.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DAY ((time_t)86400)

static void make_server(void)
{
	server_make(256 << 20, NULL);
}

static void make_more(int top)
{
	full_make_unshareable(top, "root/var/big", 12 << 20);
	full_make_unshareable(top, "root/var/huge", 60 << 20);
	full_make_archives(top);
	full_make_bystanders(top);
	/* there must be metadata space to work in: test-no-space.c */
	full_make_tiny_files(top, "ballast", 12 << 20);
	full_take_data(top, "fill");
	run_ok(top, "rm", "-r", "ballast");
}

static void make_full_server(void)
{
	server_make(FULL_IMAGE_SIZE, make_more);
}

/*
 * Nothing is too young and nothing must be kept: only the rules that always hold protect what is
 * there.
 */
static char *merciless_config(const char *persist)
{
	BR_AUTO_FREE char *text = NULL;

	ck_assert(asprintf(&text,
			   "ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = "
			   "\"old_roots\"\n\tpersist = { %s }\n}\n"
			   "archives {\n\tkeep = \"1h\"\n\tkeep-min = 0\n}\n",
			   persist) > 0);
	return server_config(text);
}

/*
 * 1. The just-retired root deleted in the same boot because it looks old. Watches: what goes for
 * lack of space goes before the swap, in the order of subvolume ids, whatever clocks and names say.
 */
START_TEST(never_1_retired_root_deleted_same_boot)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = merciless_config("\"/var/big\"");
	struct timespec long_ago = { time(NULL) - 400 * DAY, 0 };
	uint64_t id = subvol_id(image->top, "root");

	tree_set_time(image->top, "root", long_ago);
	tree_set_time(image->top, "old_roots", long_ago);
	BR_AUTO_FREE char *old = fingerprint(image->top, "root",
					     FINGERPRINT_IDENTITY | FINGERPRINT_NO_TOP, NULL);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *name = run_shell(
		image->top,
		"btrfs subvolume list . | sed -n 's/^ID %llu .* path //p' | tr -d '\\n'",
		(unsigned long long)id);
	ck_assert_msg(strncmp(name, "old_roots/root.", 15) == 0, "the old root is \"%s\"", name);
	BR_AUTO_FREE char *archive = fingerprint(image->top, name,
						 FINGERPRINT_IDENTITY | FINGERPRINT_NO_TOP, NULL);
	assert_same_fingerprint(old, archive, "the archive");
	/* the two that were retired first are gone, although they look younger than any */
	for (unsigned n = 0; n < FULL_ARCHIVES; n++) {
		BR_AUTO_FREE char *path = NULL;

		ck_assert(asprintf(&path, "old_roots/%s", full_archive(n)) > 0);
		ck_assert(tree_exists(image->top, path) == (n >= 2));
	}
}
END_TEST

/*
 * 2. Persistent subvolumes deleted because a plain directory stood among the archives, or the
 * archive directory itself matched. Watches: a candidate has a name of ours, is a subvolume's root
 * and is read-only.
 */
START_TEST(never_2_bystander_deleted)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = merciless_config("\"/var/huge\"");
	struct reset_result result;

	tree_set_time(image->top, "old_roots", (struct timespec){ 1, 0 });
	/*
	 * more is needed than all archives can give: everything that may go goes, and nothing else
	 */
	BR_AUTO_FREE char *before = run_shell(
		image->top, "ls -d * old_roots/*; cat persist/precious log/journal");
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 4, "%s",
		      result.run.err);
	assert_report(&result, ".dropped_archives | length == 5");
	reset_free(&result);
	BR_AUTO_FREE char *after = run_shell(
		image->top, "ls -d * old_roots/*; cat persist/precious log/journal");
	BR_AUTO_FREE char *expected = run_shell(
		0, "printf %%s '%s' | grep -v -e %s -e %s -e %s -e %s -e %s", before,
		full_archive(0), full_archive(1), full_archive(2), full_archive(3),
		full_archive(4));
	ck_assert_str_eq(after, expected);
	BR_AUTO_FREE char *data = run_shell(
		image->top, "cd old_roots; stat -c %%s root.2001*/data root.2002* root.2003*/data "
			    "root.before*/data | uniq -c | tr -s ' '");
	ck_assert_str_eq(data, " 4 8388608\n");
}
END_TEST

struct silence {
	const char *prepare; /* shell in the top level; NULL: nothing */
	const char *cmdline, *device, *fault;
	int code;
};

static const struct silence silences[] = {
	{ "btrfs subvolume set-default persist; mkdir persist/root persist/root-blank", NULL, NULL,
	  NULL, 0 },
	{ "btrfs subvolume create root/var/lib/machines; touch root/var/lib/machines/x", NULL, NULL,
	  NULL, 0 },
	{ "btrfs subvolume create root/a; btrfs property set -ts root/a ro true", NULL, NULL, NULL,
	  0 },
	{ NULL, "rd.blankroot.timeout=0", "/dev/no-such-device", NULL, 4 },
	{ NULL, "rd.blankroot.timeout=0", "UUID=00000000-1111-2222-3333-444444444444", NULL, 4 },
	{ "btrfs subvolume delete root-blank", NULL, NULL, NULL, 3 },
	{ NULL, NULL, NULL, "fsmount:error=EIO", 4 },
	{ NULL, NULL, NULL, "renameat2:error=ENOSPC:when=1", 4 },
	{ NULL, NULL, NULL, "syncfs:error=EIO:when=1", 4 },
	{ NULL, NULL, NULL, "syncfs:error=EIO:when=2", 5 },
	{ NULL, NULL, NULL, "renameat2:error=EIO:when=2", 5 },
};

/*
 * 3. Reset silently not done. Watches: the top level is mounted by id; every failure ends in the
 * exit code, on the console and in the report.
 */
START_TEST(never_3_silently_not_reset)
{
	const struct silence *silence = &silences[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const struct reset reset = { config, silence->cmdline, silence->device,
				     .fault = silence->fault };
	struct reset_result result;

	if (silence->prepare)
		free(run_shell(image->top, "{ %s; } >/dev/null", silence->prepare));
	ck_assert_msg(server_reset(image, &reset, &result) == silence->code, "exit %d: %s",
		      result.code, result.run.err);
	ck_assert(tree_exists(image->top, "root/usr/bin/drift") ==
		  (silence->code != 0 && silence->code != 5));
	assert_says(result.run.err, silence->code == 0   ? "blankroot: root reset from"
				    : silence->code == 5 ? "RESET UNFINISHED: "
							 : "NOT RESET: ");
	BR_AUTO_FREE char *code = report_value(&result, ".exit_code");
	ck_assert_int_eq(atoi(code), silence->code);
	assert_report(&result, silence->code ? ".outcome != \"reset\" and .error != null"
					     : ".outcome == \"reset\" and .error == null");
	reset_free(&result);
}
END_TEST

/* An archive for each second that may come, so that whatever the time is, its name is taken. */
static void take_names(int top, time_t from, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		time_t when = from + (time_t)i;
		char path[64];
		struct tm utc;

		ck_assert(strftime(path, sizeof(path), "old_roots/root.%Y%m%dT%H%M%SZ",
				   gmtime_r(&when, &utc)) > 0);
		subvol_create(top, path);
		ck_assert_uint_lt(strlen(path) + 3, sizeof(path));
		if (i % 2)
			(void)close(tree_mkdir(top, strcat(path, "-2")));
	}
}

/*
 * 4. Two roots with the same time stamp, one moved inside the other. Watches: a name that is taken
 * gets a number, and RENAME_NOREPLACE.
 */
START_TEST(never_4_moved_inside_another)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);

	take_names(image->top, time(NULL), 40);
	BR_AUTO_FREE char *before = run_shell(image->top, "ls old_roots");
	server_reset_ok(image, config);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *inside = run_shell(
		image->top,
		"find old_roots -mindepth 2 -maxdepth 2 -name 'root*' -type d | grep -v /root$ || "
		":");
	ck_assert_str_eq(inside, "");
	BR_AUTO_FREE char *added = run_shell(image->top, "ls old_roots | grep -vxF '%s'", before);
	BR_AUTO_FREE char *numbers = run_shell(
		0, "printf %%s '%s' | sed 's/.*Z-//' | sort | tr '\\n' ' '", added);
	ck_assert_msg(strcmp(numbers, "2 3 ") == 0 || strcmp(numbers, "3 4 ") == 0 ||
			      strcmp(numbers, "2 2 ") == 0 || strcmp(numbers, "3 3 ") == 0,
		      "%s", added);
}
END_TEST

struct watch {
	const char *old, *new; /* fingerprints of root; new: NULL while it is not known */
	unsigned calls, swaps;
	bool is_new;
};

static bool watch_root(void *data, const struct stepper_call *call)
{
	struct watch *watch = data;
	BR_AUTO_CLOSE int top = stepper_open_btrfs(call->pid, "root-blank");
	BR_AUTO_FREE char *root = NULL;

	if (top < 0)
		return true; /* before the mount, or after the last step */
	watch->calls++;
	ck_assert_msg(tree_exists(top, "root"), "no root before call %u, %s", call->number,
		      call->name);
	root = fingerprint(top, "root", FINGERPRINT_CONTENT, NULL);
	if (!watch->is_new && strcmp(root, watch->old) != 0) {
		watch->is_new = true;
		watch->swaps++;
	}
	assert_same_fingerprint(watch->is_new ? watch->new : watch->old, root, call->name);
	return true;
}

/*
 * 5. No root at all after a crash between "move away" and "create". Watches: the swap is one call,
 * and what it brings is complete. After a crash: test-leftovers.c.
 */
START_TEST(never_5_no_root)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	struct watch watch = { 0 };
	const struct stepper stepper = { .argv = argv, .before_call = watch_root, .data = &watch };
	struct run_result result;

	BR_AUTO_FREE char *old = fingerprint(image->top, "root", FINGERPRINT_CONTENT, NULL);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *new = fingerprint(image->top, "root", FINGERPRINT_CONTENT, NULL);
	image_unmount(image);
	state_restore(server_state(), image);
	watch.old = old;
	watch.new = new;
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	ck_assert_uint_gt(watch.calls, 40);
	ck_assert_uint_eq(watch.swaps, 1);
	run_free(&result);
}
END_TEST

/*
 * 6. A resumed-from-hibernation system on a changed file system. Watches: the check for images
 * before the mount; only "noresume" overrides it.
 */
START_TEST(never_6_changed_under_a_sleeping_system)
{
	static const char *const cmdlines[] = { "", "resume=/dev/no-such-device", "noresume" };
	struct disk swap = { .fd = -1 };
	struct reset_result result;

	disk_create(&swap, 64 << 20);
	run_ok(0, "mkswap", "-q", swap.device);
	disk_write(&swap, 4086, "S1SUSPEND", 10);
	struct image *image = server_begin();
	disk_show(swap.device);
	image_unmount(image);
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const struct reset reset = { .config = config, .cmdline = cmdlines[_i] };
	int code = server_reset(image, &reset, &result);
	bool is_unchanged = state_is_on(server_state(), image);
	disk_free(&swap);
	if (_i == 2) {
		ck_assert_msg(code == 0, "exit %d: %s", code, result.run.err);
		ck_assert(!is_unchanged);
	} else {
		ck_assert_msg(code == 3, "exit %d: %s", code, result.run.err);
		ck_assert(is_unchanged);
		assert_says(result.run.err, "noresume");
		assert_says(result.run.err, swap.device);
		assert_report(&result, ".error.code == \"hibernated\"");
	}
	reset_free(&result);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("never");
	TCase *tcase = suite_add_case(suite, "never", make_server, server_drop, 60);
	TCase *full = suite_add_case(suite, "full", make_full_server, server_drop, 60);

	tcase_add_test(full, never_1_retired_root_deleted_same_boot);
	tcase_add_test(full, never_2_bystander_deleted);
	tcase_add_loop_test(tcase, never_3_silently_not_reset, 0,
			    sizeof(silences) / sizeof(silences[0]));
	tcase_add_test(tcase, never_4_moved_inside_another);
	tcase_add_test(tcase, never_5_no_root);
	tcase_add_loop_test(tcase, never_6_changed_under_a_sleeping_system, 0, 3);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
