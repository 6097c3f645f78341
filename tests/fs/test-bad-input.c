/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Configurations, devices and layouts that cannot be worked with: the documented exit code, a
 * message that names the object, and everything as it was. Lack of space: test-no-space.c. What an
 * interrupted run left: test-leftovers-made.c.
 */
#include "cleanup.h"
#include "disk.h"
#include "fingerprint.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define ARCHIVE "root.20200202T020202Z"

static void make_more(int top)
{
	subvol_snapshot(top, "root", "old_roots/" ARCHIVE, true);
	subvol_create(top, "cache");
	tree_write(top, "cache/drift", "cached\n");
}

static void make_server(void)
{
	server_make(128 << 20, make_more);
}

/* --- configurations --- */

struct text {
	const char *make; /* shell that prints the configuration; NULL: there is none */
	const char *says;
};

#define GOOD "printf 'ephemeral root {\\n blank = \"root-blank\"\\n archive = \"old_roots\"\\n}\\n'"

/*
 * Long ones of 256 KiB: libconfuse makes room for a value in small steps, and under the address sanitizer each
 * step copies all of it, so that 1 MiB takes minutes.
 */
static const struct text texts[] = {
	{ NULL, "blankroot.conf" },
	{ ":", "blankroot.conf" },
	{ "printf '# nothing\\n\\n'", "blankroot.conf" },
	{ "printf 'ephemeral root {\\n'", "blankroot.conf:1" },
	{ GOOD "; printf 'nonsense = 1\\n'", "blankroot.conf:5" },
	{ GOOD "; printf 'archives {\\n keep-min = many\\n}\\n'", "blankroot.conf:6" },
	{ GOOD "; " GOOD, "blankroot.conf:5" },
	{ "cat \"$(readlink /proc/self/exe)\"", "blankroot.conf" },
	{ GOOD "; printf 'a\\0b\\n'", "blankroot.conf" },
	{ GOOD "; printf '\\377\\376\\033[2J = 1\\n'", "blankroot.conf" },
	{ "printf 'ephemeral root {\\n blank = \"%0262144d\"\\n archive = \"old_roots\"\\n}\\n' 0",
	  "blankroot.conf" },
	{ "printf 'ephemeral %0262144d {\\n blank = \"root-blank\"\\n archive = "
	  "\"old_roots\"\\n}\\n' 0",
	  "blankroot.conf" },
	{ GOOD "; printf '%0262144d = 0\\n' 0", "blankroot.conf" },
	{ "printf 'ephemeral root {\\n blank = \"../root-blank\"\\n archive = "
	  "\"old_roots\"\\n}\\n'",
	  "blankroot.conf:2" },
	{ "printf 'ephemeral root {\\n blank = \"root-blank\"\\n archive = "
	  "\"root/old_roots\"\\n}\\n'",
	  "blankroot.conf" },
	{ "printf 'ephemeral root {\\n blank = \"old_roots/blank\"\\n archive = "
	  "\"old_roots\"\\n}\\n'",
	  "blankroot.conf" },
};

START_TEST(test_bad_configuration)
{
	const struct text *text = &texts[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *path = NULL;
	struct reset_result result;

	ck_assert(asprintf(&path, "%s/blankroot.conf", dir) > 0);
	if (text->make)
		free(run_shell(0, "{ %s; } >'%s'", text->make, path));
	image_unmount(image);
	ck_assert_msg(server_reset(image, &(struct reset){ .config = path }, &result) == 2,
		      "exit %d: %s", result.code, result.run.err);
	assert_says(result.run.err, text->says);
	assert_says(result.run.err, "NOT RESET: configuration error");
	ck_assert_uint_lt(result.run.err_size, 4096);
	ck_assert_msg(!strpbrk(result.run.err, "\033\377\376"), "%s", result.run.err);
	assert_report(
		&result,
		".outcome == \"usage\" and .exit_code == 2 and .error.code == \"configuration\"");
	ck_assert(state_is_on(server_state(), image));
	reset_free(&result);
}
END_TEST

/* Length alone is no error. */
START_TEST(test_long_lines)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *path = NULL;

	ck_assert(asprintf(&path, "%s/blankroot.conf", dir) > 0);
	free(run_shell(0,
		       "{ printf '# %%0262144d\\n' 0; " GOOD "; printf '%%1048576s\\n' ''; } >'%s'",
		       path));
	server_reset_ok(image, path);
	ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
}
END_TEST

/* --- layouts --- */

struct layout {
	const char *prepare; /* shell in the top level */
	const char *cmdline;
	int code;
	const char *says;
};

#define NO_BLANK "btrfs -q subvolume delete root-blank; "
#define NO_ROOT "btrfs -q subvolume delete root; "
#define NO_ARCHIVES "mv old_roots others; "

static const struct layout layouts[] = {
	{ NO_BLANK, "", 3, "root-blank" },
	{ NO_BLANK "mkdir root-blank", "", 3, "root-blank" },
	{ NO_BLANK "touch root-blank", "", 3, "root-blank" },
	{ NO_BLANK
	  "btrfs -q subvolume create other; btrfs property set -ts other ro true; ln -s other "
	  "root-blank",
	  "", 3, "root-blank" },
	{ NO_BLANK "btrfs -q subvolume create root-blank", "", 3, "root-blank" },
	{ "btrfs property set -ts root-blank ro false", "", 3, "btrfs property set -ts" },
	{ NO_ROOT, "", 3, "rd.blankroot.from" },
	{ NO_ROOT "mkdir root; touch root/file", "", 3, "\"root\"" },
	{ NO_ROOT "touch root", "", 3, "\"root\"" },
	{ NO_ROOT "ln -s cache root", "", 3, "\"root\"" },
	{ NO_ROOT, "rd.blankroot.from=" ARCHIVE, 0, "root reset from old_roots/" ARCHIVE },
	{ NO_ROOT "mkdir root", "rd.blankroot.from=" ARCHIVE, 3, "\"root\"" },
	{ NO_ARCHIVES, "", 0, "kept as old_roots/root." },
	{ NO_ARCHIVES "touch old_roots", "", 3, "\"old_roots\"" },
	{ NO_ARCHIVES "ln -s others old_roots", "", 3, "\"old_roots\"" },
	{ NO_ARCHIVES "ln -s nowhere old_roots", "", 3, "\"old_roots\"" },
	{ NO_ARCHIVES "btrfs -q subvolume create old_roots", "", 3, "\"old_roots\"" },
	{ NO_ARCHIVES "mkfifo old_roots", "", 3, "\"old_roots\"" },
	{ NO_BLANK NO_ROOT, "rd.blankroot.from=" ARCHIVE, 0, "root reset from old_roots/" ARCHIVE },
	{ "mkdir old_roots/plain", "rd.blankroot.from=plain", 3, "\"plain\"" },
	{ "ln -s " ARCHIVE " old_roots/link", "rd.blankroot.from=link", 3, "\"link\"" },
};

START_TEST(test_layout)
{
	const struct layout *layout = &layouts[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	struct reset_result result;

	free(run_shell(image->top, "%s", layout->prepare));
	BR_AUTO_FREE char *before = server_fingerprint(image);
	ck_assert_msg(server_reset(image,
				   &(struct reset){ .config = config, .cmdline = layout->cmdline },
				   &result) == layout->code,
		      "exit %d: %s", result.code, result.run.err);
	assert_says(result.run.err, layout->says);
	if (layout->code == 3) {
		BR_AUTO_FREE char *after = server_fingerprint(image);

		assert_same_fingerprint(before, after, "the file system");
		ck_assert(!tree_exists(image->top, ".blankroot"));
		assert_report(&result, ".outcome == \"refused\"");
	} else {
		ck_assert(subvol_exists(image->top, "root"));
		ck_assert(!subvol_is_read_only(image->top, "root"));
	}
	reset_free(&result);
}
END_TEST

/* One that cannot be reset: no other one is either. */
START_TEST(test_second_cannot_be_reset)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(
		"ephemeral root {\nblank = \"root-blank\"\narchive = \"old_roots\"\n}\n"
		"ephemeral cache {\nblank = \"cache-blank\"\narchive = none\n}\n");
	BR_AUTO_FREE char *before = server_fingerprint(image);
	struct reset_result result;

	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 3);
	assert_says(result.run.err, "cache-blank");
	BR_AUTO_FREE char *after = server_fingerprint(image);
	assert_same_fingerprint(before, after, "the file system");
	reset_free(&result);
}
END_TEST

/* --- devices --- */

static const char *const device_makers[] = {
	":", "mkfs.ext4 -qF", "mkswap -q",
	"mkfs.btrfs -qKf", /* the last one has none of the subvolumes */
};

START_TEST(test_other_device)
{
	struct disk disk = { .fd = -1 };
	struct reset_result result;

	disk_create(&disk, 128 << 20);
	free(run_shell(0, "%s %s >/dev/null", device_makers[_i], disk.device));
	struct image *image = server_begin();
	disk_show(disk.device);
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	const struct reset reset = { .config = config,
				     .device = disk.device,
				     .cmdline = "rd.blankroot.timeout=0" };
	ck_assert_msg(server_reset(image, &reset, &result) == (_i == 3 ? 3 : 4), "exit %d: %s",
		      result.code, result.run.err);
	assert_says(result.run.err, _i == 3 ? "\"root\"" : disk.device);
	reset_free(&result);
	disk_free(&disk);
}
END_TEST

static const char *const no_devices[] = { "/dev/null", "/etc/passwd", "/proc", "/dev/no-such-disk",
					  "LABEL=no such label" };

START_TEST(test_no_device)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	const struct reset reset = { .config = config,
				     .device = no_devices[_i],
				     .cmdline = "rd.blankroot.timeout=0" };
	struct reset_result result;

	image_unmount(image);
	ck_assert_msg(server_reset(image, &reset, &result) == 4, "exit %d: %s", result.code,
		      result.run.err);
	assert_says(result.run.err, no_devices[_i] + (_i == 4 ? strlen("LABEL=") : 0));
	ck_assert(state_is_on(server_state(), image));
	reset_free(&result);
}
END_TEST

/* Neither given, nor configured, nor on the kernel command line; or in a form that says nothing. */
START_TEST(test_device_not_said)
{
	static const char *const words[] = { "", "root=fstab", "root=gpt-auto" };
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	struct run_result result;

	run_tool((const char *const[]){ "--config", config, "--cmdline", words[_i],
					"--report=", NULL },
		 &result);
	ck_assert_msg(result.code == 2, "exit %d: %s", result.code, result.err);
	assert_says(result.err, "device");
	run_free(&result);
}
END_TEST

static void set_read_only(const struct image *image, bool read_only)
{
	int flag = read_only;

	ck_assert_msg(ioctl(image->loop[0], BLKROSET, &flag) == 0, "BLKROSET: %s", strerror(errno));
}

START_TEST(test_read_only_device)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	struct reset_result result;

	image_unmount(image);
	set_read_only(image, true);
	int code = server_reset(image, &(struct reset){ .config = config, .dry_run = _i == 1 },
				&result);
	set_read_only(image, false);
	ck_assert_msg(code == (_i == 1 ? 0 : 4), "exit %d: %s", code, result.run.err);
	if (_i == 0)
		assert_says(result.run.err, image->device[0]);
	ck_assert(state_is_on(server_state(), image));
	reset_free(&result);
}
END_TEST

/* The superblock says that it is a btrfs; what comes behind it may be anything. */
START_TEST(test_damaged_device)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	struct reset_result result;

	image_unmount(image);
	tree_fill(image->loop[0], 1 << 20, 40 << 20, 1, false);
	ck_assert(fsync(image->loop[0]) == 0);
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 4,
		      "exit %d: %s", result.code, result.run.err);
	assert_says(result.run.err, image->device[0]);
	assert_report(&result, ".error.code == \"mount\"");
	reset_free(&result);
}
END_TEST

/* --- two at once --- */

START_TEST(test_locked)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	BR_AUTO_FREE char *before = server_fingerprint(image);
	const struct reset reset = { .config = config, .stay_mounted = true };
	struct reset_result result;

	ck_assert(flock(image->top, LOCK_EX | LOCK_NB) == 0);
	ck_assert_msg(server_reset(image, &reset, &result) == 3, "exit %d: %s", result.code,
		      result.run.err);
	BR_AUTO_FREE char *after = server_fingerprint(image);
	assert_same_fingerprint(before, after, "the file system");
	assert_report(&result, ".error.code == \"locked\"");
	reset_free(&result);
	ck_assert(flock(image->top, LOCK_UN) == 0);
	ck_assert_int_eq(server_reset(image, &reset, &result), 0);
	reset_free(&result);
}
END_TEST

struct rival {
	struct image *image;
	const char *config;
	unsigned runs;
};

/* Every tenth call of the first run, a second one comes along. */
static bool run_rival(void *data, const struct stepper_call *call)
{
	struct rival *rival = data;
	BR_AUTO_CLOSE int top = stepper_open_btrfs(call->pid, "root-blank");
	struct reset_result result;

	if (top < 0 || call->number % 10 != 0)
		return true;
	ck_assert_msg(server_reset(rival->image, &(struct reset){ .config = rival->config },
				   &result) == 3,
		      "exit %d before call %u, %s: %s", result.code, call->number, call->name,
		      result.run.err);
	rival->runs++;
	reset_free(&result);
	return true;
}

START_TEST(test_two_at_once)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	struct rival rival = { .image = image, .config = config };
	const struct stepper stepper = { .argv = argv, .before_call = run_rival, .data = &rival };
	struct run_result result;

	image_unmount(image);
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	ck_assert_uint_gt(rival.runs, 3);
	run_free(&result);
	(void)image_mount(image, NULL);
	/* fails when there is not exactly one */
	free(layout_archive(image->top, (const char *const[]){ "old_roots/" ARCHIVE, NULL }));
	ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("bad-input");
	TCase *tcase = suite_add_case(suite, "input", make_server, server_drop, 60);

	tcase_add_loop_test(tcase, test_bad_configuration, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tcase, test_long_lines);
	tcase_add_loop_test(tcase, test_layout, 0, sizeof(layouts) / sizeof(layouts[0]));
	tcase_add_test(tcase, test_second_cannot_be_reset);
	tcase_add_loop_test(tcase, test_other_device, 0, 4);
	tcase_add_loop_test(tcase, test_no_device, 0, 5);
	tcase_add_loop_test(tcase, test_device_not_said, 0, 3);
	tcase_add_loop_test(tcase, test_read_only_device, 0, 2);
	tcase_add_test(tcase, test_damaged_device);
	tcase_add_test(tcase, test_locked);
	tcase_add_test(tcase, test_two_at_once);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
