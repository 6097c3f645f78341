/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * No space left on the file system: a reset that needs none succeeds, one that does drops the
 * oldest archives that may go, and one that still has none leaves everything else as it was.
 */
#include "call.h"
#include "cleanup.h"
#include "fingerprint.h"
#include "full.h"
#include "layout.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <linux/btrfs.h>
#include <string.h>
#include <sys/uio.h>

#define BIG (12ULL << 20) /* more than what one archive gives back, less than what two do */

static void make_more(int top)
{
	full_make_unshareable(top, "root/var/big", BIG);
	full_make_archives(top);
	/*
	 * Makes the file system take a second, larger piece for metadata before data has it all: a
	 * rename of subvolumes wants some 13 MiB to be free in advance.
	 */
	full_make_tiny_files(top, "ballast", 12 << 20);
	full_take_data(top, "fill");
	run_ok(top, "rm", "-r", "ballast");
}

static void make_full_of_data(void)
{
	server_make(FULL_IMAGE_SIZE, make_more);
}

static void make_more_and_metadata(int top)
{
	make_more(top);
	full_make_tiny_files(top, "fill-metadata", 0);
}

static void make_full(void)
{
	server_make(FULL_IMAGE_SIZE, make_more_and_metadata);
}

static char *config_with(const char *persist, unsigned keep_min)
{
	BR_AUTO_FREE char *text = NULL;

	ck_assert(asprintf(&text,
			   "ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = "
			   "\"old_roots\"\n\tpersist = { %s }\n}\n"
			   "archives {\n\tkeep-min = %u\n}\n",
			   persist, keep_min) > 0);
	return server_config(text);
}

struct drop {
	const char *prepare; /* shell in old_roots, $1 to $5 the archives; NULL: nothing */
	const char *from;    /* rd.blankroot.from= the archive of this number; NULL: none */
	unsigned keep_min;
	int code;
	const char *dropped; /* "12": the first and the second */
};

#define MARK(name, mark)                                                                   \
	"btrfs property set -f -ts " name " ro false; setfattr -n trusted.blankroot." mark \
	" -v 1 " name "; "                                                                 \
	"btrfs property set -ts " name " ro true; "

static const struct drop drops[] = {
	{ NULL, NULL, 3, 0, "12" },
	{ NULL, NULL, 0, 0, "12" },
	{ NULL, NULL, 4, 4, "1" }, /* one is not enough, and no other may go */
	{ NULL, NULL, 5, 4, "" },
	{ NULL, NULL, 99, 4, "" },
	{ MARK("$1", "pinned"), NULL, 2, 0, "23" },
	{ MARK("$1", "good"), NULL, 2, 0, "23" },
	{ MARK("$1", "good") MARK("$4", "good"), NULL, 2, 0, "12" },
	{ MARK("$1", "good") MARK("$1", "pinned") MARK("$2", "pinned"), NULL, 1, 0, "34" },
	{ "btrfs subvolume set-default $2", NULL, 2, 0, "13" },
	{ "btrfs property set -f -ts $1 ro false", NULL, 2, 0, "23" }, /* somebody works in it */
	{ "mv $1 mine", NULL, 2, 0, "23" },
	{ NULL, "1", 2, 0, "23" },
};

/* "12" for those archives that are no longer there. Owned by the caller. */
static char *missing_archives(int top)
{
	char *missing = calloc(1, FULL_ARCHIVES + 1);
	size_t count = 0;

	ck_assert_ptr_nonnull(missing);
	for (unsigned n = 0; n < FULL_ARCHIVES; n++) {
		BR_AUTO_FREE char *path = NULL;

		ck_assert(asprintf(&path, "old_roots/%s", full_archive(n)) > 0);
		if (!tree_exists(top, path) && (n > 0 || !tree_exists(top, "old_roots/mine")))
			missing[count++] = (char)('1' + n);
	}
	return missing;
}

static void prepare_archives(int top, const char *commands)
{
	if (commands)
		free(run_shell(top, "cd old_roots; set -- %s %s %s %s %s; %s", full_archive(0),
			       full_archive(1), full_archive(2), full_archive(3), full_archive(4),
			       commands));
}

static void assert_dropped(const struct reset_result *result, const char *dropped)
{
	BR_AUTO_FREE char *list = report_value(result, ".dropped_archives[]");
	BR_AUTO_FREE char *expected = strdup("");

	for (; *dropped; dropped++) {
		char *longer = NULL;

		ck_assert(asprintf(&longer, "%s%sold_roots/%s", expected, *expected ? "\n" : "",
				   full_archive((unsigned)(*dropped - '1'))) > 0);
		free(expected);
		expected = longer;
	}
	ck_assert_str_eq(list, expected);
}

START_TEST(test_the_oldest_go)
{
	const struct drop *drop = &drops[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with("\"/var/big\"", drop->keep_min);
	char cmdline[64] = "";
	struct reset_result result;

	prepare_archives(image->top, drop->prepare);
	if (drop->from)
		snprintf(cmdline, sizeof(cmdline), "rd.blankroot.from=%s",
			 full_archive((unsigned)(*drop->from - '1')));
	BR_AUTO_FREE char *before = fingerprint(image->top, "root", FINGERPRINT_IDENTITY, NULL);
	BR_AUTO_FREE char *big = fingerprint(image->top, "root/var/big", FINGERPRINT_CONTENT, NULL);
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config, .cmdline = cmdline },
				   &result) == drop->code,
		      "exit %d: %s", result.code, result.run.err);
	BR_AUTO_FREE char *missing = missing_archives(image->top);
	ck_assert_str_eq(missing, drop->dropped);
	assert_dropped(&result, drop->dropped);
	if (drop->code == 0) {
		BR_AUTO_FREE char *kept = fingerprint(image->top, "root/var/big",
						      FINGERPRINT_CONTENT, NULL);

		assert_same_fingerprint(big, kept, "what is kept");
		assert_says(result.run.err, "space had run out: 2 old archives deleted");
		assert_report(&result, ".ephemeral[0].paths[0].bytes_copied == 12582912");
	} else {
		BR_AUTO_FREE char *after = fingerprint(image->top, "root", FINGERPRINT_IDENTITY,
						       NULL);

		assert_same_fingerprint(before, after, "root");
		assert_report(
			&result,
			".error | .code == \"write\" and .path == \"root/var/big\" and .errno == "
			"28");
	}
	reset_free(&result);
}
END_TEST

/* Reading the marks of the oldest archive fails. */
struct unreadable {
	uint64_t tree;
	unsigned failed;
};

static struct stepper_order fail_to_read_marks(void *data, const struct stepper_call *call)
{
	struct unreadable *unreadable = data;
	struct btrfs_ioctl_search_key key = { 0 };
	struct iovec here = { &key, sizeof(key) };
	struct iovec there = { (void *)(uintptr_t)call->args[2],
			       sizeof(key) }; // NOLINT(performance-no-int-to-ptr)

	if (call->args[1] != BTRFS_IOC_TREE_SEARCH_V2 ||
	    process_vm_readv(call->pid, &here, 1, &there, 1, 0) != sizeof(key) ||
	    key.tree_id != unreadable->tree)
		return (struct stepper_order){ .action = STEPPER_GO_ON };
	unreadable->failed++;
	return (struct stepper_order){ STEPPER_FAIL, EIO };
}

/* Perhaps it is pinned, as here. The others make room all the same. */
START_TEST(test_an_archive_that_cannot_be_read_stays)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with("\"/var/big\"", 2);
	BR_AUTO_FREE char *path = NULL;
	struct unreadable unreadable = { 0 };
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	const struct stepper stepper = {
		.argv = argv, .order = fail_to_read_marks, .every_call = true, .data = &unreadable
	};
	struct run_result result;

	prepare_archives(image->top, MARK("$1", "pinned"));
	ck_assert(asprintf(&path, "old_roots/%s", full_archive(0)) > 0);
	unreadable.tree = subvol_id(image->top, path);
	image_unmount(image);
	(void)stepper_run(&stepper, &result);
	ck_assert_uint_gt(unreadable.failed, 0);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	assert_says(result.err, "space had run out: 2 old archives deleted");
	run_free(&result);
	BR_AUTO_FREE char *missing = missing_archives(image_mount(image, NULL));
	ck_assert_str_eq(missing, "23");
}
END_TEST

/* An archive that is mounted is in use, even if its name says that it is a thing of the past. */
START_TEST(test_a_mounted_archive_stays)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with("\"/var/big\"", 2);
	BR_AUTO_FREE char *path = NULL;
	struct reset_result result;

	ck_assert(asprintf(&path, "old_roots/%s", full_archive(0)) > 0);
	char *mounted = image_mount_subvolume(image, path, "ro");
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 0, "%s",
		      result.run.err);
	BR_AUTO_FREE char *missing = missing_archives(image->top);
	ck_assert_str_eq(missing, "23");
	reset_free(&result);
	image_unmount_path(mounted);
}
END_TEST

/* With reflinks, data space is hardly needed: nothing is dropped. */
START_TEST(test_no_data_space_is_needed)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with(LAYOUT_PERSIST, 0);
	BR_AUTO_FREE char *app = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					     NULL);
	struct reset_result result;

	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 0, "%s",
		      result.run.err);
	BR_AUTO_FREE char *missing = missing_archives(image->top);
	ck_assert_str_eq(missing, "");
	BR_AUTO_FREE char *kept = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					      NULL);
	assert_same_fingerprint(app, kept, "what is kept");
	reset_free(&result);
}
END_TEST

/* Not a byte left for metadata either. */
START_TEST(test_no_metadata_space)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_with(LAYOUT_PERSIST, _i == 0 ? 0 : 99);
	BR_AUTO_FREE char *root = fingerprint(image->top, "root", FINGERPRINT_IDENTITY, NULL);
	BR_AUTO_FREE char *app = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					     NULL);
	struct reset_result result;

	(void)server_reset(image, &(struct reset){ .config = config }, &result);
	if (_i == 0) {
		ck_assert_msg(result.code == 0, "%s", result.run.err);
		assert_report(&result, ".dropped_archives | length > 0");
		ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
	} else {
		BR_AUTO_FREE char *after = fingerprint(image->top, "root", FINGERPRINT_IDENTITY,
						       NULL);
		BR_AUTO_FREE char *missing = missing_archives(image->top);

		ck_assert_msg(result.code == 4, "exit %d: %s", result.code, result.run.err);
		assert_report(&result, ".error.errno == 28");
		assert_same_fingerprint(root, after, "root");
		ck_assert_str_eq(missing, "");
	}
	BR_AUTO_FREE char *kept = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					      NULL);
	assert_same_fingerprint(app, kept, "what is kept");
	reset_free(&result);
}
END_TEST

/* Give back the space of some of the files that take it all. */
static void free_metadata(int top, unsigned files)
{
	free(run_shell(
		top,
		"cd fill-metadata; find . -type f | sort | head -n %u | xargs -r rm --; sync -f .",
		files));
}

/* All of the new root or all of the old one, whatever step the space runs out at. */
static void check_whole(const struct image *image, const struct reset_result *result,
			const char *before)
{
	bool is_new = result->code == 0 || result->code == 5;
	BR_AUTO_FREE char *after = fingerprint(image->top, "root", FINGERPRINT_IDENTITY, NULL);

	ck_assert_msg(is_new || result->code == 4, "exit %d: %s", result->code, result->run.err);
	ck_assert_msg(is_new == !tree_exists(image->top, "root/usr/bin/drift"), "exit %d: %s",
		      result->code, result->run.err);
	if (is_new)
		return;
	assert_same_fingerprint(before, after, "root");
	ck_assert(!tree_exists(image->top, ".blankroot/staging-root"));
	assert_report(result, ".error.errno == 28");
}

/*
 * A little space for metadata, so that it runs out at one step or another, and no archive may go. Then
 * one may.
 */
START_TEST(test_little_metadata_space)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *keep = config_with(LAYOUT_PERSIST, 99);
	BR_AUTO_FREE char *drop = config_with(LAYOUT_PERSIST, 0);
	/* creating, carrying, and renaming, which wants much to be free in advance */
	static const unsigned levels[] = { 0, 10, 13, 24, 3000, 6000, 9000 };
	unsigned codes[6] = { 0 };

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct reset_result result;

		image_unmount(image);
		state_restore(server_state(), image);
		free_metadata(image_mount(image, NULL), levels[i]);
		BR_AUTO_FREE char *before = fingerprint(image->top, "root", FINGERPRINT_IDENTITY,
							NULL);
		BR_AUTO_FREE char *app = fingerprint(image->top, "root/var/lib/app",
						     FINGERPRINT_CONTENT, NULL);
		(void)server_reset(image, &(struct reset){ .config = keep }, &result);
		check_whole(image, &result, before);
		codes[result.code]++;
		fprintf(stderr, "%u files freed: exit %d: %s", levels[i], result.code,
			result.run.err);
		BR_AUTO_FREE char *missing = missing_archives(image->top);
		ck_assert_str_eq(missing, "");
		reset_free(&result);
		server_reset_ok(image, drop);
		BR_AUTO_FREE char *kept = fingerprint(image->top, "root/var/lib/app",
						      FINGERPRINT_CONTENT, NULL);
		assert_same_fingerprint(app, kept, "what is kept");
	}
	ck_assert(codes[4] > 0 && codes[0] > 0);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("no-space");
	TCase *data = suite_add_case(suite, "data", make_full_of_data, server_drop, 60);
	TCase *metadata = suite_add_case(suite, "metadata", make_full, server_drop, 60);

	tcase_add_loop_test(data, test_the_oldest_go, 0, sizeof(drops) / sizeof(drops[0]));
	tcase_add_test(data, test_an_archive_that_cannot_be_read_stays);
	tcase_add_test(data, test_a_mounted_archive_stays);
	tcase_add_test(data, test_no_data_space_is_needed);
	tcase_add_loop_test(metadata, test_no_metadata_space, 0, 2);
	tcase_add_test(metadata, test_little_metadata_space);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
