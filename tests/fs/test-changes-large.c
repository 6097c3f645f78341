/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences where there is much of something: files, levels, names of one file, bytes in a name; what is left out on
 * request; and subvolumes without a common past.
 */
#include "changes.h"
#include "cleanup.h"
#include "frozen.h"
#include "full-comparison.h"
#include "image.h"
#include "layout.h"
#include "run.h"
#include "subvol.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define FILES 100000
#define SECONDS_MAX 1.0 /* for a few changes among that many files: to look at each takes longer */

static struct image *image;
static int top;

static void make_image(void)
{
	image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	top = image_mount(image, NULL);
	subvol_create(top, "full");
	BR_AUTO_CLOSE int full = tree_open(top, "full", false);
	tree_make_many(full, "many", FILES, 1000, 20);
	free(run_shell(full, "mkdir one; seq -f one/f%%.0f 20000 | xargs touch"));
	subvol_snapshot(top, "full", "full-blank", true);
	subvol_create(top, "plain");
}

static void drop_image(void)
{
	image_free(image);
}

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

static void find(const struct br_changes_request *request, struct br_changes *changes)
{
	struct timespec begin;
	struct br_error err;
	char message[2048];

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	if (br_changes_find(request, changes, &err) < 0) {
		br_error_format(&err, message, sizeof(message));
		ck_abort_msg("%s", message);
	}
	printf("%zu changes: %.3f s\n", changes->count, seconds_since(&begin));
	(void)fflush(stdout);
}

static void find_in(const char *from, const char *of, struct br_changes *changes)
{
	find(&(struct br_changes_request){ .top = top, .from = from, .of = of }, changes);
}

static size_t count_kind(const struct br_changes *changes, enum br_change_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < changes->count; i++)
		count += changes->changes[i].kind == kind;
	return count;
}

/* A new writable subvolume from another one; its own root, open. */
static int begin(const char *source, const char *name)
{
	subvol_snapshot(top, source, name, false);
	return tree_open(top, name, false);
}

static void check_fully(const char *from, const char *of, const struct br_changes *changes)
{
	BR_AUTO_CLOSE int a = tree_open(top, from, false);
	BR_AUTO_CLOSE int b = tree_open(top, of, false);
	struct listing *old = listing_read(a), *now = listing_read(b);
	BR_AUTO_FREE char *expected = full_comparison(old, now);
	BR_AUTO_FREE char *found = changes_describe(changes);

	assert_same_changes(expected, found, of);
	listing_free(old);
	listing_free(now);
}

START_TEST(test_few_among_many)
{
	BR_AUTO_CLOSE int root = begin("full-blank", "few");
	struct br_changes changes;
	struct timespec started;

	free(run_shell(
		root,
		"for d in many/*; do echo new >$d/new; done; rm one/f10000; mv one/f9 one/g9"));
	(void)syncfs(root);
	(void)clock_gettime(CLOCK_MONOTONIC, &started);
	find_in("full-blank", "few", &changes);
	if (!run_tool_is_sanitized())
		ck_assert_double_lt(seconds_since(&started), SECONDS_MAX);
	ck_assert_uint_eq(count_kind(&changes, BR_CHANGE_CREATED), FILES / 1000);
	ck_assert_uint_eq(count_kind(&changes, BR_CHANGE_DELETED), 1);
	ck_assert_uint_eq(count_kind(&changes, BR_CHANGE_RENAMED), 1);
	ck_assert_uint_eq(changes.count, FILES / 1000 + 2);
	br_changes_free(&changes);
}
END_TEST

START_TEST(test_all_deleted)
{
	BR_AUTO_CLOSE int root = begin("full-blank", "deleted");
	struct br_changes changes;

	free(run_shell(root, "rm -r many one"));
	find_in("full-blank", "deleted", &changes);
	ck_assert_uint_eq(count_kind(&changes, BR_CHANGE_DELETED), changes.count);
	ck_assert_uint_eq(changes.count, FILES + FILES / 1000 + 20000 + 2);
	br_changes_free(&changes);
	find_in("deleted", "full-blank", &changes);
	ck_assert_uint_eq(count_kind(&changes, BR_CHANGE_CREATED), changes.count);
	ck_assert_uint_eq(changes.count, FILES + FILES / 1000 + 20000 + 2);
	br_changes_free(&changes);
}
END_TEST

START_TEST(test_renamed_as_a_whole)
{
	BR_AUTO_CLOSE int root = begin("full-blank", "renamed");
	struct br_changes changes;

	free(run_shell(root, "mv many others"));
	find_in("full-blank", "renamed", &changes);
	ck_assert_uint_eq(changes.count, 1);
	ck_assert_int_eq(changes.changes[0].kind, BR_CHANGE_RENAMED);
	ck_assert_str_eq(changes.changes[0].from, "many");
	ck_assert_str_eq(changes.changes[0].path, "others");
	br_changes_free(&changes);
}
END_TEST

/* The items of all files are written anew, and nothing is different. */
START_TEST(test_balance)
{
	BR_AUTO_CLOSE int root = begin("full-blank", "balanced");
	struct br_changes changes;

	run_ok(top, "btrfs", "-q", "balance", "start", "-m", ".");
	free(run_shell(root, "btrfs -q filesystem defragment -r many/d00001"));
	find_in("full-blank", "balanced", &changes);
	ck_assert_uint_eq(changes.count, 0);
	br_changes_free(&changes);
}
END_TEST

START_TEST(test_names)
{
	BR_AUTO_CLOSE int root = begin("plain", "names");
	char longest[NAME_MAX + 1];
	struct br_changes changes;

	memset(longest, '\xff', NAME_MAX);
	longest[NAME_MAX] = '\0';
	tree_write(root, longest, "");
	tree_write(root, "new\nline", "");
	tree_write(root, "\x1b[31m", "");
	tree_write(root, " ", "");
	BR_AUTO_CLOSE int dir = tree_mkdir(root, "a");
	tree_write(dir, "b", "");
	tree_write(root, "a b", ""); /* a blank sorts before a slash */
	tree_write(root, "a.b", "");
	find_in("plain", "names", &changes);
	check_fully("plain", "names", &changes);
	ck_assert_str_eq(changes.changes[0].path, "\x1b[31m");
	ck_assert_uint_eq(changes.count, 8);
	ck_assert_str_eq(changes.changes[2].path, "a");
	ck_assert_str_eq(changes.changes[3].path, "a/b");
	ck_assert_str_eq(changes.changes[4].path, "a b");
	br_changes_free(&changes);
}
END_TEST

/* So many that they do not fit into one item. */
START_TEST(test_hard_links)
{
	BR_AUTO_CLOSE int root = begin("plain", "links");
	struct br_changes changes;
	size_t links = 0;

	free(run_shell(root, "echo f >first; for i in $(seq 3000); do ln first name-$i; done"));
	subvol_snapshot(top, "links", "links-blank", true);
	free(run_shell(root, "rm name-1; ln first other; mv name-2 zzz; echo more >>first"));
	find_in("links-blank", "links", &changes);
	for (size_t i = 0; i < changes.count; i++)
		links += changes.changes[i].is_link;
	ck_assert_uint_eq(count_kind(&changes, BR_CHANGE_RENAMED), 2);
	ck_assert_uint_eq(changes.count, 2);
	ck_assert_uint_eq(links, 0);
	ck_assert_uint_eq(changes.changes[0].what, BR_CHANGED_CONTENT | BR_CHANGED_TIME);
	br_changes_free(&changes);
}
END_TEST

/* Paths that no system call takes. */
START_TEST(test_deep)
{
	BR_AUTO_CLOSE int root = begin("plain", "deep");
	struct br_changes changes;

	tree_make_deep(root, TREE_DEEP_NAME, TREE_DEEP_LEVELS);
	subvol_snapshot(top, "deep", "deep-blank", true);
	BR_AUTO_CLOSE int last = tree_open_deep(root, TREE_DEEP_NAME, TREE_DEEP_LEVELS);
	tree_write(last, "leaf", "another text, longer");
	tree_write(last, "new", "");
	find_in("deep-blank", "deep", &changes);
	ck_assert_uint_eq(changes.count, 2);
	ck_assert_uint_eq(strlen(changes.changes[1].path),
			  TREE_DEEP_LEVELS * (strlen(TREE_DEEP_NAME) + 1) + strlen("new"));
	br_changes_free(&changes);
	find_in("plain", "deep", &changes);
	ck_assert_uint_eq(changes.count, TREE_DEEP_LEVELS + 2);
	br_changes_free(&changes);
}
END_TEST

START_TEST(test_unrelated)
{
	struct br_changes changes;
	BR_AUTO_CLOSE int a = tree_mkdir(top, "unrelated");

	free(run_shell(a, "for s in a b; do btrfs -q subvolume create $s; mkdir $s/d; "
			  "echo same >$s/d/same; echo $s >$s/d/other; echo $s >$s/only-$s; "
			  "touch -d@1 $s/d $s $s/d/*; done"));
	find_in("unrelated/a", "unrelated/b", &changes);
	ck_assert(!changes.is_related);
	check_fully("unrelated/a", "unrelated/b", &changes);
	ck_assert_uint_eq(changes.count, 3);
	br_changes_free(&changes);
}
END_TEST

/* What is persistent, and what was not asked for. */
START_TEST(test_left_out)
{
	static const char *const exclude[] = { "etc/ssh", "var" };
	struct br_changes_request request = { .top = top,
					      .from = "left-blank",
					      .of = "left",
					      .exclude = exclude,
					      .exclude_count = 2 };
	BR_AUTO_CLOSE int root = begin("plain", "left");
	struct br_changes changes;

	free(run_shell(root, "mkdir -p etc/ssh var/lib; echo a >etc/a; echo v >var/v"));
	subvol_snapshot(top, "left", "left-blank", true);
	free(run_shell(
		root, "echo k >etc/ssh/key; echo s >etc/ssh-not; mkdir var/new; echo n >var/new/n; "
		      "btrfs -q subvolume create var/lib/sub; echo s >var/lib/sub/s; "
		      "mv var/v etc/v; mv etc/a var/a"));
	find(&request, &changes);
	ck_assert_uint_eq(changes.count, 3);
	ck_assert_str_eq(changes.changes[0].path, "etc/ssh-not");
	ck_assert_str_eq(changes.changes[1].path, "etc/v");
	ck_assert_str_eq(changes.changes[1].from, "var/v");
	ck_assert_str_eq(changes.changes[2].path, "var/a");
	ck_assert_str_eq(changes.changes[2].from, "etc/a");
	br_changes_free(&changes);
	request.exclude_count = 0;
	request.only = "var/lib";
	find(&request, &changes);
	ck_assert_uint_eq(changes.count, 2);
	ck_assert_str_eq(changes.changes[0].path, "var/lib/sub");
	ck_assert_str_eq(changes.changes[1].path, "var/lib/sub/s");
	br_changes_free(&changes);
}
END_TEST

static void freeze(struct br_frozen *frozen)
{
	BR_AUTO_CLOSE int fd = tree_open(top, "plain", false);
	struct br_error err;

	ck_assert_int_eq(br_frozen_make(top, fd, frozen, &err), 0);
}

/* The snapshot of a program that was killed is deleted by the next; that of one that lives is not. */
START_TEST(test_killed)
{
	struct br_frozen mine = BR_FROZEN_NONE, others = BR_FROZEN_NONE;
	pid_t child = fork();
	int status;

	if (child == 0) {
		freeze(&others);
		(void)raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	BR_AUTO_FREE char *left = run_shell(top, "ls -A .blankroot | wc -l");
	ck_assert_str_eq(left, "1\n");
	freeze(&mine);
	freeze(&others);
	BR_AUTO_FREE char *two = run_shell(top, "ls -A .blankroot | wc -l");
	ck_assert_str_eq(two, "2\n");
	ck_assert(subvol_is_read_only(mine.state, mine.name));
	br_frozen_free(&mine);
	br_frozen_free(&others);
	BR_AUTO_FREE char *none = run_shell(top, "ls -A .blankroot | wc -l");
	ck_assert_str_eq(none, "0\n");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("changes-large");
	TCase *large = suite_add_case(suite, "large", make_image, drop_image, 300);

	tcase_add_test(large, test_few_among_many);
	tcase_add_test(large, test_all_deleted);
	tcase_add_test(large, test_renamed_as_a_whole);
	tcase_add_test(large, test_names);
	tcase_add_test(large, test_hard_links);
	tcase_add_test(large, test_deep);
	tcase_add_test(large, test_unrelated);
	tcase_add_test(large, test_left_out);
	tcase_add_test(large, test_killed);
	tcase_add_test(large, test_balance);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
