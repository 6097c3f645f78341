/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A blank that is not what it was when the last root was made from it. */
#include "cleanup.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <string.h>
#include <sys/xattr.h>

#define RECORD "trusted.blankroot.blank.root"

static void make_server(void)
{
	server_make(128 << 20, NULL);
}

/* Shell lines in the top level, and what the next reset says of the blank. */
struct change {
	const char *line;
	const char *says; /* NULL: it is the same */
};

#define WRITABLE "btrfs property set -ts root-blank ro false; "
#define READ_ONLY "; btrfs property set -ts root-blank ro true"

static const struct change changes[] = {
	{ ":", NULL },
	{ "btrfs -q subvolume snapshot root-blank copy; btrfs -q subvolume snapshot -r root-blank "
	  "other; cat root-blank/etc/passwd >/dev/null",
	  NULL },
	{ WRITABLE ":" READ_ONLY, NULL },
	{ WRITABLE "mv root-blank elsewhere; mv elsewhere root-blank" READ_ONLY, NULL },
	{ "btrfs balance start --full-balance . >/dev/null 2>&1", NULL },
	{ WRITABLE "echo x >>root-blank/etc/passwd" READ_ONLY, "was modified" },
	{ WRITABLE "touch root-blank/new" READ_ONLY, "was modified" },
	{ WRITABLE "rm root-blank/etc/passwd" READ_ONLY, "was modified" },
	{ WRITABLE "chmod 4755 root-blank/etc/passwd" READ_ONLY, "was modified" },
	{ WRITABLE "setfattr -n user.x -v y root-blank/etc/passwd" READ_ONLY, "was modified" },
	{ WRITABLE "btrfs -q subvolume create root-blank/nested" READ_ONLY, "was modified" },
	{ "btrfs -q subvolume delete root-blank; btrfs -q subvolume snapshot -r root root-blank",
	  "is another subvolume" },
	{ WRITABLE "btrfs -q subvolume snapshot -r root-blank new; btrfs -q subvolume delete "
		   "root-blank; mv new root-blank",
	  "is another subvolume" },
};

static char *config_with(const char *more)
{
	return layout_config("\"/etc/ssh\"", more);
}

static void change(struct image *image, const struct change *change)
{
	free(run_shell(image->top, "%s", change->line));
}

/* It is told once, with the first root that is made from it. */
START_TEST(test_warned)
{
	const struct change *what = &changes[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with(_i % 2 ? "blank-changed = warn" : NULL);
	struct reset_result result;

	server_reset_ok(image, config);
	change(image, what);
	for (int run = 0; run < 2; run++) {
		ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) ==
				      0,
			      "%s: exit %d: %s", what->line, result.code, result.run.err);
		if (what->says && run == 0) {
			assert_says(result.run.err, "BLANK CHANGED: root-blank ");
			assert_says(result.run.err, what->says);
			assert_report(&result, "(.warnings | map(.code)) == [\"blank-changed\"]");
			assert_report(&result, ".steps[-3].step == \"note-blank\"");
		} else {
			assert_report(&result, ".warnings == []");
			assert_report(&result, ".steps | all(.step != \"note-blank\")");
		}
		reset_free(&result);
	}
}
END_TEST

/* Until somebody says that it is right. The old root stays meanwhile. */
START_TEST(test_refused)
{
	const struct change *what = &changes[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with("blank-changed = refuse");
	struct reset_result result;

	server_reset_ok(image, config);
	change(image, what);
	uint64_t root = subvol_id(image->top, "root");
	for (int run = 0; run < 2; run++) {
		ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) ==
				      (what->says ? 3 : 0),
			      "%s: exit %d: %s", what->line, result.code, result.run.err);
		if (what->says) {
			assert_says(result.run.err, what->says);
			assert_says(result.run.err, "setfattr -x " RECORD);
			assert_report(&result, ".error.code == \"blank-changed\"");
			ck_assert_uint_eq(subvol_id(image->top, "root"), root);
		}
		reset_free(&result);
	}
	if (what->says)
		run_ok(image->top, "setfattr", "-x", RECORD, ".blankroot");
	server_reset_ok(image, config);
	server_reset_ok(image, config);
}
END_TEST

/* From an archive: the blank plays no part, and is known as before afterwards. */
START_TEST(test_from_archive)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with("blank-changed = refuse");
	BR_AUTO_FREE char *cmdline = NULL;
	struct reset_result result;

	server_reset_ok(image, config);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	ck_assert(asprintf(&cmdline, "rd.blankroot.from=%s", strchr(archive, '/') + 1) > 0);
	change(image, &(struct change){ WRITABLE "touch root-blank/new" READ_ONLY, NULL });
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config, .cmdline = cmdline },
				   &result) == 0,
		      "exit %d: %s", result.code, result.run.err);
	assert_report(&result, ".warnings == [] and (.steps | all(.step != \"note-blank\"))");
	reset_free(&result);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 3);
	reset_free(&result);
}
END_TEST

/* A run that fails before the swap has made no root from it: it is told again. */
START_TEST(test_told_until_there_is_a_root)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with(NULL);
	struct reset_result result;

	server_reset_ok(image, config);
	change(image, &(struct change){ WRITABLE "touch root-blank/new" READ_ONLY, NULL });
	ck_assert_int_eq(
		server_reset(image,
			     &(struct reset){ .config = config, .fault = "renameat2:error=EIO" },
			     &result),
		4);
	assert_report(&result, "(.warnings | map(.code)) == [\"blank-changed\"]");
	assert_says(result.run.err, "BLANK CHANGED");
	reset_free(&result);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	assert_report(&result, "(.warnings | map(.code)) == [\"blank-changed\"]");
	reset_free(&result);
}
END_TEST

static const char *const odd_records[] = { "",
					   "x",
					   "0123456789abcdef0123456789abcdef",
					   "0123456789abcdef0123456789abcdef ",
					   "0123456789abcdef0123456789abcdef -7",
					   "0123456789ABCDEF0123456789abcdef 7" };

/* A record that nobody can understand counts as none. */
START_TEST(test_odd_record)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with("blank-changed = refuse");
	char text[128];

	server_reset_ok(image, config);
	tree_set_xattr(image->top, ".blankroot", RECORD, odd_records[_i], strlen(odd_records[_i]));
	server_reset_ok(image, config);
	BR_AUTO_CLOSE int state = tree_open(image->top, ".blankroot", false);
	ssize_t size = fgetxattr(state, RECORD, text, sizeof(text) - 1);
	ck_assert_int_gt(size, 33);
	text[size] = '\0';
	ck_assert_uint_eq(strspn(text, "0123456789abcdef"), 32);
	ck_assert_uint_eq(strspn(text + 33, "0123456789"), strlen(text + 33));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("blank-changed");
	TCase *tcase = suite_add_case(suite, "blank", make_server, server_drop, 120);
	int count = sizeof(changes) / sizeof(changes[0]);

	tcase_add_loop_test(tcase, test_warned, 0, count);
	tcase_add_loop_test(tcase, test_refused, 0, count);
	tcase_add_test(tcase, test_from_archive);
	tcase_add_test(tcase, test_told_until_there_is_a_root);
	tcase_add_loop_test(tcase, test_odd_record, 0,
			    sizeof(odd_records) / sizeof(odd_records[0]));
	return suite_run(suite, true);
}
