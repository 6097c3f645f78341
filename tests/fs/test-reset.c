/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reset of one root: what is on the disk afterwards, what the tool says and reports, its exit
 * codes.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "oracle.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define STAMP "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"

static void make_server(void)
{
	server_make(0, NULL);
}

static mode_t mode_of(int dirfd, const char *path)
{
	struct stat st;

	ck_assert_msg(fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s: %s", path,
		      strerror(errno));
	ck_assert_uint_eq(st.st_uid, 0);
	return st.st_mode;
}

/* One field of "btrfs subvolume show". Owned by the caller. */
static char *show(int top, const char *path, const char *field)
{
	return run_shell(
		top,
		"btrfs subvolume show '%s' | sed -n 's/^[[:space:]]*%s:[[:space:]]*//p' | tr -d "
		"'\\n'",
		path, field);
}

/* Are two subvolumes the same but for what an archive is marked with? */
static void assert_same_subvolumes(int top, const char *expected, const char *actual)
{
	BR_AUTO_CLOSE int a = tree_open(top, expected, false);
	BR_AUTO_CLOSE int b = tree_open(top, actual, false);
	char mark[64];
	ssize_t size = fgetxattr(b, "trusted.blankroot.retired", mark, sizeof(mark));

	subvol_set_read_only(top, expected, false);
	if (size > 0)
		ck_assert(fsetxattr(a, "trusted.blankroot.retired", mark, (size_t)size, 0) == 0);
	subvol_set_read_only(top, expected, subvol_is_read_only(top, actual));
	assert_same(oracle_compare(a, b, NULL));
}

START_TEST(test_new_root_is_the_blank)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	BR_AUTO_FREE char *blank_uuid = show(image->top, "root-blank", "UUID");

	server_reset_ok(image, config);
	BR_AUTO_FREE char *parent_uuid = show(image->top, "root", "Parent UUID");
	ck_assert_str_eq(parent_uuid, blank_uuid);
	ck_assert(!subvol_is_read_only(image->top, "root"));
	ck_assert(subvol_is_read_only(image->top, "root-blank"));
	subvol_snapshot(image->top, "root-blank", "expected", true);
	assert_same_subvolumes(image->top, "expected", "root");
	ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
}
END_TEST

START_TEST(test_old_root_is_the_archive)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	uint64_t id = subvol_id(image->top, "root");

	subvol_snapshot(image->top, "root", "expected", true);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	ck_assert_msg(fnmatch("old_roots/root." STAMP, archive, 0) == 0, "%s", archive);
	ck_assert_uint_eq(subvol_id(image->top, archive), id);
	ck_assert_uint_ne(subvol_id(image->top, "root"), id);
	ck_assert(subvol_is_read_only(image->top, archive));
	assert_same_subvolumes(image->top, "expected", archive);
}
END_TEST

START_TEST(test_the_rest_is_untouched)
{
	static const char *const rest[] = { "root-blank", "persist", "log" };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	char *before[3];

	for (size_t i = 0; i < 3; i++)
		before[i] = fingerprint(image->top, rest[i], FINGERPRINT_IDENTITY, NULL);
	server_reset_ok(image, config);
	for (size_t i = 0; i < 3; i++) {
		BR_AUTO_FREE char *after = fingerprint(image->top, rest[i], FINGERPRINT_IDENTITY,
						       NULL);

		assert_same_fingerprint(before[i], after, rest[i]);
		free(before[i]);
	}
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	BR_AUTO_FREE char *list = subvol_list(image->top);
	BR_AUTO_FREE char *expected = NULL;
	ck_assert(asprintf(&expected, "log\n%s\npersist\nroot\nroot-blank\n", archive) > 0);
	ck_assert_str_eq(list, expected);
	BR_AUTO_FREE char *state = run_shell(image->top, "ls -A .blankroot");
	ck_assert_str_eq(state, "");
}
END_TEST

/* Directories that are missing are made, those that are open to others are closed. */
START_TEST(test_directories_are_private)
{
	static const mode_t modes[] = { 0, 0700, 0755, 01777 };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);

	ck_assert(unlinkat(image->top, "old_roots", AT_REMOVEDIR) == 0);
	if (modes[_i]) {
		(void)close(tree_mkdir(image->top, "old_roots"));
		(void)close(tree_mkdir(image->top, ".blankroot"));
		ck_assert(fchmodat(image->top, "old_roots", modes[_i], 0) == 0);
		ck_assert(fchownat(image->top, "old_roots", 1000, 1000, 0) == 0);
		ck_assert(fchmodat(image->top, ".blankroot", modes[_i], 0) == 0);
	}
	server_reset_ok(image, config);
	ck_assert_uint_eq(mode_of(image->top, "old_roots"), S_IFDIR | 0700);
	ck_assert_uint_eq(mode_of(image->top, ".blankroot"), S_IFDIR | 0700);
}
END_TEST

/* Ten boots: each archives one root and keeps what is to be kept. */
START_TEST(test_boot_after_boot)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	BR_AUTO_FREE char *kept = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					      NULL);

	for (unsigned boot = 1; boot <= 10; boot++) {
		char name[32];

		snprintf(name, sizeof(name), "root/boot-%u", boot);
		tree_write(image->top, name, "drift\n");
		server_reset_ok(image, config);
		ck_assert(!tree_exists(image->top, name));
	}
	BR_AUTO_FREE char *still = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					       NULL);
	assert_same_fingerprint(kept, still, "what is kept");
	BR_AUTO_FREE char *drift = run_shell(
		image->top, "ls -d old_roots/*/boot-* | sed 's,.*/,,' | sort -V | tr '\\n' ' '");
	ck_assert_str_eq(drift,
			 "boot-1 boot-2 boot-3 boot-4 boot-5 boot-6 boot-7 boot-8 boot-9 boot-10 ");
	BR_AUTO_FREE char *archives = run_shell(image->top, "ls old_roots | wc -l");
	ck_assert_int_eq(atoi(archives), 10);
}
END_TEST

START_TEST(test_console_line)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	struct reset_result result;

	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	ck_assert_str_eq(result.run.out, "");
	ck_assert_msg(fnmatch("blankroot: root reset from root-blank in [0-9]*.[0-9][0-9][0-9] s: "
			      "4 paths carried (6 files, * KiB); kept as old_roots/root." STAMP
			      "\n",
			      result.run.err, 0) == 0,
		      "%s", result.run.err);
	reset_free(&result);
}
END_TEST

START_TEST(test_report)
{
	static const char *const filters[] = {
		".version == 1",
		".tool | startswith(\"blankroot-initrd \")",
		".outcome == \"reset\"",
		".exit_code == 0",
		".reason | startswith(\"blankroot: root reset from root-blank\")",
		".requested_by == \"configuration\"",
		".error == null",
		".started | fromdateiso8601 - now | fabs < 100",
		".duration_us > 0 and .duration_us < 60000000",
		".dropped_archives == []",
		".ephemeral | length == 1",
		".ephemeral[0] | .name == \"root\" and .mountpoint == \"/\" and .on_failure == "
		"\"continue\"",
		".ephemeral[0] | .source == \"root-blank\" and .source_kind == \"blank\" and "
		".archive_done",
		".ephemeral[0].paths | map(.path) == [\"/etc/machine-id\", \"/etc/ssh\", "
		"\"/var/lib/app\", \"/var/log\"]",
		".ephemeral[0].paths | all(.done and .action == \"carry\" and .method == \"copy\")",
		".ephemeral[0].paths[2] | .files == 2 and .directories == 1 and .hard_links == 1",
		".ephemeral[0].paths[2] | .bytes_shared + .bytes_copied == 300000 and .subvolumes "
		"== 0",
		".steps | all(.done and (.text | length > 0) and .duration_us >= 0)",
		".steps | map(.step) | index(\"exchange\") < index(\"archive\")",
		".steps[-1].step == \"commit\"",
	};
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	uint64_t blank = subvol_id(image->top, "root-blank");
	uint64_t old = subvol_id(image->top, "root");
	struct reset_result result;

	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		assert_report(&result, filters[i]);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	BR_AUTO_FREE char *ids = NULL;
	ck_assert(asprintf(&ids,
			   ".device == \"%s\" and .filesystem == \"%s\" and (.ephemeral[0] | "
			   ".source_id == %llu and "
			   ".old_id == %llu and .archive == \"%s\")",
			   image->device[0], image->uuid, (unsigned long long)blank,
			   (unsigned long long)old, archive) > 0);
	assert_report(&result, ids);
	reset_free(&result);
}
END_TEST

/* A failed run has the same report, with the error in it, and nothing that did not happen. */
START_TEST(test_report_of_a_failure)
{
	static const char *const filters[] = {
		".outcome == \"refused\" and .exit_code == 3",
		".error | .code == \"layout\" and .path == \"root-blank\" and .errno == 0",
		".error.message | contains(\"root-blank\")",
		".reason | endswith(\"; the old root is unchanged\")",
		".ephemeral == [] and .steps == [] and .dropped_archives == []",
	};
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);
	struct reset_result result;

	subvol_set_read_only(image->top, "root-blank", false);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 3);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
		assert_report(&result, filters[i]);
	reset_free(&result);
}
END_TEST

/* Names from the disk reach console and report escaped; the report stays valid JSON. */
START_TEST(test_odd_names)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(
		"ephemeral \"r\xc3\xb6ot \\\"x\\\"\" {\n\tblank = \"a\\\\b\"\n"
		"\tarchive = \"old roots\"\n}\n");
	struct reset_result result;

	subvol_snapshot(image->top, "root", "r\xc3\xb6ot \"x\"", false);
	subvol_snapshot(image->top, "root-blank", "a\\b", true);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	assert_report(&result,
		      ".ephemeral[0].name == \"r\xc3\xb6ot \\\"x\\\"\" and .ephemeral[0].source == "
		      "\"a\\\\b\"");
	BR_AUTO_FREE char *archive = run_shell(image->top, "ls 'old roots'");
	ck_assert_msg(fnmatch("r\xc3\xb6ot \"x\"." STAMP "\n", archive, 0) == 0, "%s", archive);
	ck_assert(!tree_exists(image->top, "r\xc3\xb6ot \"x\"/usr/bin/drift"));
	ck_assert(tree_exists(image->top, "root/usr/bin/drift"));
	reset_free(&result);
}
END_TEST

/*
 * A read-only root cannot be moved: it is made writable for that, and is read-only again wherever
 * it ends.
 */
START_TEST(test_read_only_old_root)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	bool fails = _i == 1;
	struct reset reset = { .config = config,
			       .fault = fails ? "renameat2:error=EIO:when=1" : NULL };
	struct reset_result result;

	subvol_set_read_only(image->top, "root", true);
	BR_AUTO_FREE char *before = fingerprint(image->top, "root", FINGERPRINT_CONTENT, NULL);
	ck_assert_int_eq(server_reset(image, &reset, &result), fails ? 4 : 0);
	if (fails) {
		BR_AUTO_FREE char *after = fingerprint(image->top, "root", FINGERPRINT_CONTENT,
						       NULL);

		assert_same_fingerprint(before, after, "root");
		server_reset_ok(image, config);
	}
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	ck_assert(subvol_is_read_only(image->top, archive));
	ck_assert(!subvol_is_read_only(image->top, "root"));
	reset_free(&result);
}
END_TEST

/* Marks are of the root that they were given to, not of what is made from it. */
START_TEST(test_marks_are_not_inherited)
{
	static const char *const marks[] = { "good", "pinned", "retired" };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(NULL, NULL);

	subvol_set_read_only(image->top, "root-blank", false);
	for (size_t i = 0; i < 3; i++) {
		char name[64];

		snprintf(name, sizeof(name), "trusted.blankroot.%s", marks[i]);
		tree_set_xattr(image->top, "root-blank", name, "1", 1);
	}
	subvol_set_read_only(image->top, "root-blank", true);
	tree_set_xattr(image->top, "root", "trusted.blankroot.good", "1", 1);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	BR_AUTO_FREE char *text = run_shell(
		image->top, "getfattr -dm- --absolute-names root '%s' | grep -v '^$'", archive);
	BR_AUTO_FREE char *expected = NULL;
	ck_assert(
		asprintf(&expected,
			 "# file: "
			 "%s\ntrusted.blankroot.good=\"1\"\ntrusted.blankroot.retired=\"[1-9]*\"\n",
			 archive) > 0);
	ck_assert_msg(fnmatch(expected, text, 0) == 0, "%s", text);
}
END_TEST

struct usage {
	const char *args[4];
	int code;
	const char *out, *err; /* patterns */
};

static const struct usage usages[] = {
	{ { "--help" }, 0, "Usage: blankroot-initrd *--dry-run*", "" },
	{ { "--version" }, 0, "blankroot-initrd [0-9]*.[0-9]*\n", "" },
	{ { "--no-such-option" }, 2, "", "*--no-such-option*--help*" },
	{ { "argument" }, 2, "", "*'argument'*--help*" },
	{ { "--config" }, 2, "", "*--config*--help*" },
	{ { "--check-config", "--config", "/no/such/file" }, 2, "", "*/no/such/file*" },
	{ { "--config", "/no/such/file", "--device=x" },
	  2,
	  "",
	  "blankroot: NOT RESET: */no/such/file*unchanged\n" },
};

START_TEST(test_usage)
{
	const struct usage *usage = &usages[_i];
	struct run_result result;

	run_tool(usage->args, &result);
	ck_assert_int_eq(result.code, usage->code);
	ck_assert_msg(fnmatch(usage->out, result.out, 0) == 0, "%s", result.out);
	ck_assert_msg(fnmatch(usage->err, result.err, 0) == 0, "%s", result.err);
	run_free(&result);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("reset");
	TCase *tcase = suite_add_case(suite, "root", make_server, server_drop, 60);
	TCase *usage = suite_add_case(suite, "usage", NULL, NULL, 20);

	tcase_add_test(tcase, test_new_root_is_the_blank);
	tcase_add_test(tcase, test_old_root_is_the_archive);
	tcase_add_test(tcase, test_the_rest_is_untouched);
	tcase_add_loop_test(tcase, test_directories_are_private, 0, 4);
	tcase_add_test(tcase, test_boot_after_boot);
	tcase_add_test(tcase, test_console_line);
	tcase_add_test(tcase, test_report);
	tcase_add_test(tcase, test_report_of_a_failure);
	tcase_add_test(tcase, test_odd_names);
	tcase_add_loop_test(tcase, test_read_only_old_root, 0, 2);
	tcase_add_test(tcase, test_marks_are_not_inherited);
	tcase_add_loop_test(usage, test_usage, 0, sizeof(usages) / sizeof(usages[0]));
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
