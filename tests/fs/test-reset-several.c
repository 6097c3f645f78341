/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several ephemeral subvolumes in one run: all are replaced or none is, also when a call fails. And
 * the default subvolume.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#define STAMP "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]T[0-9][0-9][0-9][0-9][0-9][0-9]Z"

static const char config_text[] =
	"ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = \"old_roots\"\n\tpersist = { "
	"\"/etc/ssh\" }\n}\n"
	"ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = none\n\tmountpoint = "
	"\"/var/cache\"\n}\n"
	"ephemeral \"data/scratch\" {\n\tblank = \"blanks/scratch\"\n\tarchive = \"old_roots\"\n"
	"\tpath \"/keep\" {\n\t\tmethod = subvolume\n\t}\n}\n";

static const char *const names[] = { "root", "cache", "data/scratch" };

/* A file that only the used one has, of each. */
static const char *const drifts[] = { "root/usr/bin/drift", "cache/drift", "data/scratch/drift" };

static void make_more(int top)
{
	subvol_create(top, "cache");
	subvol_snapshot(top, "cache", "cache-blank", true);
	tree_write(top, "cache/drift", "cached\n");
	(void)close(tree_mkdir(top, "data"));
	(void)close(tree_mkdir(top, "blanks"));
	subvol_create(top, "data/scratch");
	tree_write(top, "data/scratch/README", "scratch space\n");
	subvol_snapshot(top, "data/scratch", "blanks/scratch", true);
	(void)close(tree_mkdir(top, "data/scratch/keep"));
	tree_write(top, "data/scratch/keep/file", "kept\n");
	tree_write(top, "data/scratch/drift", "drift\n");
}

static void make_server(void)
{
	server_make(0, make_more);
}

static unsigned count_new(int top)
{
	unsigned count = 0;

	for (size_t i = 0; i < 3; i++) {
		ck_assert_msg(subvol_exists(top, names[i]), "there is no %s", names[i]);
		count += !tree_exists(top, drifts[i]);
	}
	return count;
}

/* Everything that was in the old ones must be there, once, whatever happened. */
static void assert_all_archived(int top)
{
	static const char *const places[] = { "old_roots/root." STAMP "/usr/bin/drift\n",
					      ".blankroot/parked/cache." STAMP "/drift\n",
					      "old_roots/data%2Fscratch." STAMP "/drift\n" };
	BR_AUTO_FREE char *found = run_shell(top, "find . -name drift -printf '%%P\\n' | sort");
	BR_AUTO_FREE char *expected = NULL;

	ck_assert(asprintf(&expected, "%s%s%s", places[1], places[2], places[0]) > 0);
	ck_assert_msg(fnmatch(expected, found, 0) == 0, "%s", found);
	BR_AUTO_FREE char *staging = run_shell(top, "ls -A .blankroot");
	ck_assert_str_eq(staging, "parked\n");
	BR_AUTO_FREE char *writable = run_shell(top,
						"for a in old_roots/* .blankroot/parked/*; do "
						"btrfs property get -ts \"$a\" ro; done | sort -u");
	ck_assert_str_eq(writable, "ro=true\n");
}

START_TEST(test_all_in_one_run)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	struct reset_result result;
	struct stat st;

	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	ck_assert_uint_eq(count_new(image->top), 3);
	assert_all_archived(image->top);
	ck_assert(fstatat(image->top, ".blankroot/parked", &st, 0) == 0 &&
		  (st.st_mode & 07777) == 0700);
	ck_assert(tree_exists(image->top, "root/etc/ssh/ssh_host_key"));
	BR_AUTO_FREE char *readme = tree_read(image->top, "data/scratch/README");
	ck_assert_str_eq(readme, "scratch space\n");
	BR_AUTO_FREE char *kept = tree_read(image->top, "data/scratch/keep/file");
	ck_assert_str_eq(kept, "kept\n");
	ck_assert(subvol_exists(image->top, "data/scratch/keep"));
	assert_report(&result, "[.ephemeral[] | .name] == [\"root\", \"cache\", \"data/scratch\"]");
	assert_report(&result, ".ephemeral[1].archive | startswith(\".blankroot/parked/cache.\")");
	assert_report(&result, ".ephemeral[2].archive | startswith(\"old_roots/data%2Fscratch.\")");
	assert_report(&result, "[.ephemeral[].mountpoint] == [null, \"/var/cache\", null]");
	assert_says(result.run.err,
		    "root reset from root-blank, cache from cache-blank, data/scratch from "
		    "blanks/scratch");
	reset_free(&result);
}
END_TEST

/* No swap before everything that is to be swapped is prepared and on the disk. */
START_TEST(test_order)
{
	static const char *const filter =
		".steps | map(.step) | . as $s | (indices(\"exchange\") | length == 3) and "
		"(rindex(\"snapshot\") < index(\"flush\")) and (rindex(\"carry\") < "
		"index(\"flush\")) and "
		"(index(\"flush\") < index(\"exchange\")) and (rindex(\"exchange\") < "
		"index(\"archive\")) and "
		"(rindex(\"seal\") < index(\"commit\"))";
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	struct reset_result result;

	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	assert_report(&result, filter);
	reset_free(&result);
}
END_TEST

/* There are three exchanges, then three moves to archives; one flush, and one commit. */
struct fault {
	const char *fault;
	int code;
	unsigned new; /* how many are new then */
};

static const struct fault faults[] = {
	{ "renameat2:error=EIO:when=1", 4, 0 },
	{ "renameat2:error=EIO:when=2", 4, 0 },
	{ "renameat2:error=EIO:when=3", 4, 0 },
	{ "renameat2:error=EIO:when=4", 5, 3 },
	{ "renameat2:error=EIO:when=5", 5, 3 },
	{ "renameat2:error=EIO:when=6", 5, 3 },
	{ "renameat2:error=EIO:when=4+", 5, 3 },
	{ "renameat2:error=EIO:when=2+", 5, 1 }, /* nor can the first exchange be undone */
	{ "syncfs:error=EIO:when=1", 4, 0 },
	{ "syncfs:error=EIO:when=2", 5, 3 },
	{ "syncfs:error=ENOSPC:when=1+", 4, 0 },
	{ "fsetxattr:error=ENOSPC:when=1", 4, 0 },
	{ "mkdirat:error=EIO:when=1", 4, 0 },
	{ "mkdirat:error=EROFS:when=2", 4, 0 },
};

START_TEST(test_fault)
{
	const struct fault *fault = &faults[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	BR_AUTO_FREE char *before = server_fingerprint(image);
	struct reset_result result;

	ck_assert_msg(server_reset(image,
				   &(struct reset){ .config = config, .fault = fault->fault },
				   &result) == fault->code,
		      "exit %d: %s", result.code, result.run.err);
	assert_says(result.run.err, fault->code == 4 ? "NOT RESET: " : "RESET UNFINISHED: ");
	assert_report(&result,
		      fault->code == 4 ? ".outcome == \"failed\"" : ".outcome == \"unfinished\"");
	ck_assert_uint_eq(count_new(image->top), fault->new);
	if (fault->code == 4) {
		BR_AUTO_FREE char *after = server_fingerprint(image);
		BR_AUTO_FREE char *state = run_shell(image->top, "find . -name 'staging-*'");

		assert_same_fingerprint(before, after, "the file system");
		ck_assert_str_eq(state, "");
	}
	reset_free(&result);
	server_reset_ok(image, config);
	ck_assert_uint_eq(count_new(image->top), 3);
	assert_all_archived(image->top);
	BR_AUTO_FREE char *kept = tree_read(image->top, "data/scratch/keep/file");
	ck_assert_str_eq(kept, "kept\n");
}
END_TEST

/* --- the default subvolume --- */

static uint64_t default_id(int top)
{
	BR_AUTO_FREE char *text = run_shell(top, "btrfs subvolume get-default . | cut -d' ' -f2");

	return strtoull(text, NULL, 10);
}

static void set_default(int top, const char *path)
{
	run_ok(top, "btrfs", "subvolume", "set-default", path);
}

/* The default is somebody else's business, unless it is a root that was replaced. */
START_TEST(test_default_elsewhere_stays)
{
	static const char *const others[] = { ".", "persist", "root-blank" };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	uint64_t before;

	set_default(image->top, others[_i]);
	before = default_id(image->top);
	ck_assert_uint_eq(before, subvol_id(image->top, others[_i]));
	server_reset_ok(image, config);
	ck_assert_uint_eq(default_id(image->top), before);
	ck_assert_uint_eq(count_new(image->top), 3);
}
END_TEST

START_TEST(test_default_follows)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);

	set_default(image->top, names[_i]);
	for (int boot = 0; boot < 2; boot++) {
		uint64_t before = subvol_id(image->top, names[_i]);

		server_reset_ok(image, config);
		ck_assert_uint_eq(default_id(image->top), subvol_id(image->top, names[_i]));
		ck_assert_uint_ne(default_id(image->top), before);
	}
	/* what a mount without subvol= shows */
	BR_AUTO_FREE char *dir = image_scratch_dir();
	image_unmount(image);
	run_ok(0, "mount", "-i", "-n", "-t", "btrfs", image->device[0], dir);
	BR_AUTO_FREE char *drift = run_shell(0, "find '%s' -name drift", dir);
	ck_assert_str_eq(drift, "");
	run_ok(0, "umount", dir);
}
END_TEST

/*
 * The default cannot be moved: the new root stays, the old one stays the default, and the next run
 * moves it.
 */
START_TEST(test_default_moves_later)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = server_config(config_text);
	struct reset_result result;
	uint64_t old = subvol_id(image->top, "root");
	unsigned nth;

	set_default(image->top, "root");
	/* the call fails that stands before the first move to an archive */
	for (nth = 1; nth < 200; nth++) {
		char fault[64];

		snprintf(fault, sizeof(fault), "ioctl:error=EIO:when=%u", nth);
		state_restore(server_state(), (image_unmount(image), image));
		set_default(image_mount(image, NULL), "root");
		(void)server_reset(image, &(struct reset){ .config = config, .fault = fault },
				   &result);
		BR_AUTO_FREE char *code = result.code == 5 ? report_value(&result, ".error.code")
							   : strdup("");
		reset_free(&result);
		if (strcmp(code, "default") == 0)
			break;
	}
	ck_assert_uint_lt(nth, 200);
	ck_assert_uint_eq(default_id(image->top), old);
	ck_assert_uint_eq(count_new(image->top), 3);
	server_reset_ok(image, config);
	ck_assert_uint_eq(default_id(image->top), subvol_id(image->top, "root"));
	assert_all_archived(image->top);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("reset-several");
	TCase *tcase = suite_add_case(suite, "several", make_server, server_drop, 120);

	tcase_add_test(tcase, test_all_in_one_run);
	tcase_add_test(tcase, test_order);
	tcase_add_loop_test(tcase, test_fault, 0, sizeof(faults) / sizeof(faults[0]));
	tcase_add_loop_test(tcase, test_default_elsewhere_stays, 0, 3);
	tcase_add_loop_test(tcase, test_default_follows, 0, 3);
	tcase_add_test(tcase, test_default_moves_later);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
