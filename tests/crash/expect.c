/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be on the disk of a scenario after a power cut. */
#include "expect.h"

#include "cleanup.h"
#include "fingerprint.h"
#include "names.h"
#include "server.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>

#define STAGING ".blankroot/staging-"

static char *content(int dirfd, const char *path)
{
	return fingerprint(dirfd, path, FINGERPRINT_CONTENT | FINGERPRINT_NO_TOP, NULL);
}

static uint64_t id_of(int top, const char *path)
{
	BR_AUTO_CLOSE int fd = tree_open(top, path, false);
	struct btrfs_ioctl_ino_lookup_args args = { .objectid = BTRFS_FIRST_FREE_OBJECTID };

	ck_assert_msg(ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) == 0, "%s: %s", path, strerror(errno));
	return args.treeid;
}

static bool is_sealed(int dirfd, const char *name)
{
	BR_AUTO_CLOSE int fd = tree_open(dirfd, name, false);
	uint64_t flags = 0;

	ck_assert_msg(ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0, "%s: %s", name,
		      strerror(errno));
	return flags & BTRFS_SUBVOL_RDONLY;
}

static char *archive_content(int top, const char *name)
{
	BR_AUTO_CLOSE int dir = tree_open(top, "old_roots", false);

	return content(dir, name);
}

static char *persistent_content(int top)
{
	BR_AUTO_FREE char *persist = content(top, "persist");
	BR_AUTO_FREE char *log = content(top, "log");
	char *both = NULL;

	ck_assert(asprintf(&both, "%s%s", persist, log) > 0);
	return both;
}

static void learn_archives(struct expect *expect, int top)
{
	BR_AUTO_FREE char *first = NULL, *last = NULL;

	expect->archives = tree_exists(top, "old_roots") ? names_by_id(top, "old_roots")
							 : strdup("");
	ck_assert_ptr_nonnull(expect->archives);
	if (!*expect->archives)
		return;
	first = names_first(expect->archives);
	last = names_last(expect->archives);
	expect->oldest = archive_content(top, first);
	expect->newest = archive_content(top, last);
}

static void run_tool_on(const struct expect *expect, struct image *image)
{
	const struct reset reset = { .config = expect->config,
				     .cmdline = expect->scenario->cmdline };
	struct reset_result result;

	ck_assert_msg(server_reset(image, &reset, &result) == 0, "the run ends with %d: %s",
		      result.code, result.run.err);
	reset_free(&result);
}

void expect_learn(struct expect *expect, const struct scenario *scenario, struct image *image)
{
	int top = image_mount(image, NULL);

	*expect = (struct expect){ .scenario = scenario,
				   .config = server_config(scenario->config) };
	learn_archives(expect, top);
	if (scenario->before)
		scenario->before(top);
	expect->persistent = persistent_content(top);
	for (size_t i = 0; i < SCENARIO_EPHEMERALS && scenario->ephemeral[i].name; i++) {
		expect->root[i].before = content(top, scenario->ephemeral[i].name);
		expect->root[i].id = id_of(top, scenario->ephemeral[i].name);
	}
	run_tool_on(expect, image);
	for (size_t i = 0; i < SCENARIO_EPHEMERALS && scenario->ephemeral[i].name; i++) {
		expect->root[i].after = content(image->top, scenario->ephemeral[i].name);
		ck_assert_str_ne(expect->root[i].before, expect->root[i].after);
	}
	if (scenario->drops_archives) {
		BR_AUTO_FREE char *left = names_by_id(image->top, "old_roots");
		ck_assert_msg(!names_contain_all(left, expect->archives), "no archive was dropped");
	}
	expect->top = names_in(image->top, ".");
	expect->own = names_in(image->top, ".blankroot");
	image_unmount(image);
}

/* --- a state as it is --- */

/* Owned by the caller. */
static char *without_loose(const struct expect *expect, const char *text)
{
	return names_without(text, expect->scenario->loose);
}

static void assert_same_but_loose(const struct expect *expect, const char *expected,
				  const char *found, const char *what)
{
	BR_AUTO_FREE char *x = without_loose(expect, expected);
	BR_AUTO_FREE char *y = without_loose(expect, found);

	assert_same_fingerprint(x, y, what);
}

/* Is the old one in the archives? Then its content is checked. */
static bool is_archived(const struct expect *expect, size_t i, int top)
{
	const struct ephemeral_place *place = &expect->scenario->ephemeral[i];
	const struct expect_root *root = &expect->root[i];

	if (!tree_exists(top, place->archives))
		return false;
	BR_AUTO_CLOSE int dir = tree_open(top, place->archives, false);
	BR_AUTO_FREE char *names = names_by_id(top, place->archives);
	for (char *state = NULL, *name = strtok_r(names, "\n", &state); name;
	     name = strtok_r(NULL, "\n", &state)) {
		if (id_of(dir, name) != root->id)
			continue;
		BR_AUTO_FREE char *found = content(dir, name);
		assert_same_but_loose(expect, root->before, found, "the archive of the old root");
		return true;
	}
	return false;
}

/* The old one is under its name, where the new one was made, or in an archive. */
static void check_old_is_there(const struct expect *expect, size_t i, int top)
{
	const char *name = expect->scenario->ephemeral[i].name;
	char staging[64];

	snprintf(staging, sizeof(staging), STAGING "%s", name);
	if (id_of(top, name) == expect->root[i].id || is_archived(expect, i, top))
		return;
	ck_assert_msg(tree_exists(top, staging) && id_of(top, staging) == expect->root[i].id,
		      "the old %s is lost", name);
	BR_AUTO_FREE char *found = content(top, staging);
	assert_same_but_loose(expect, expect->root[i].before, found, "the swapped-out old root");
}

/* Returns whether it is the new one. */
static bool check_complete(const struct expect *expect, size_t i, int top)
{
	const char *name = expect->scenario->ephemeral[i].name;
	const struct expect_root *root = &expect->root[i];

	ck_assert_msg(tree_exists(top, name), "there is no %s", name);
	BR_AUTO_FREE char *found = content(top, name);
	if (id_of(top, name) == root->id) {
		assert_same_but_loose(expect, root->before, found, "the old root");
		return false;
	}
	assert_same_fingerprint(root->after, found, "the new root");
	return true;
}

static void check_others(const struct expect *expect, int top)
{
	BR_AUTO_FREE char *persistent = persistent_content(top);

	assert_same_fingerprint(expect->persistent, persistent, "a persistent subvolume");
	if (!*expect->archives)
		return;
	BR_AUTO_FREE char *now = names_by_id(top, "old_roots");
	BR_AUTO_FREE char *last = names_last(expect->archives);
	BR_AUTO_FREE char *newest = archive_content(top, last);
	assert_same_fingerprint(expect->newest, newest, "the newest archive");
	if (expect->scenario->drops_archives) {
		ck_assert_msg(names_keep_newest(expect->archives, now),
			      "of the archives\n%sare left\n%s", expect->archives, now);
		return;
	}
	BR_AUTO_FREE char *first = names_first(expect->archives);
	BR_AUTO_FREE char *oldest = archive_content(top, first);
	assert_same_fingerprint(expect->oldest, oldest, "the oldest archive");
	ck_assert_msg(names_contain_all(now, expect->archives), "of the archives\n%sare left\n%s",
		      expect->archives, now);
}

/* --- after the next run --- */

/* One of them is the old one; the others were new for a while. */
static void check_archives(const struct expect *expect, size_t i, unsigned swaps, int top)
{
	const struct ephemeral_place *place = &expect->scenario->ephemeral[i];
	const struct expect_root *root = &expect->root[i];
	BR_AUTO_CLOSE int dir = tree_open(top, place->archives, false);
	BR_AUTO_FREE char *names = names_by_id(top, place->archives);
	unsigned olds = 0, news = 0;

	for (char *state = NULL, *name = strtok_r(names, "\n", &state); name;
	     name = strtok_r(NULL, "\n", &state)) {
		ck_assert_msg(is_sealed(dir, name), "%s is not read-only", name);
		if (i == 0 && names_contain(expect->archives, name))
			continue;
		BR_AUTO_FREE char *found = content(dir, name);
		bool is_old = id_of(dir, name) == root->id;
		assert_same_but_loose(expect, is_old ? root->before : root->after, found, name);
		olds += is_old;
		news += !is_old;
	}
	ck_assert_msg(olds == 1, "the old %s is archived %u times", place->name, olds);
	ck_assert_msg(news <= swaps, "%u more archives of %s", news, place->name);
}

static void check_no_leftovers(const struct expect *expect, int top)
{
	BR_AUTO_FREE char *names = names_in(top, ".");
	BR_AUTO_FREE char *own = names_in(top, ".blankroot");

	ck_assert_msg(strcmp(names, expect->top) == 0, "left in the top level:\n%s", names);
	ck_assert_msg(strcmp(own, expect->own) == 0, "left in .blankroot:\n%s", own);
}

/* What was kept of an old root that was without something is without it, and nothing else. */
static void check_replaced(const struct expect *expect, size_t i, const char *kept, int top)
{
	const struct scenario *scenario = expect->scenario;
	BR_AUTO_FREE char *found = content(top, scenario->ephemeral[i].name);

	assert_same_but_loose(expect, expect->root[i].after, found, "the root of the next run");
	if (i > 0 || !scenario->loose)
		return;
	BR_AUTO_CLOSE int root = tree_open(top, scenario->ephemeral[i].name, false);
	BR_AUTO_FREE char *now = content(root, scenario->loose);
	assert_same_fingerprint(kept, now, "what the next run kept");
}

void expect_check(const struct expect *expect, const struct expect_state *state,
		  struct image *image)
{
	const struct scenario *scenario = expect->scenario;
	uint64_t id[SCENARIO_EPHEMERALS] = { 0 };
	BR_AUTO_FREE char *kept = NULL;
	int top = image_mount(image, NULL);

	for (size_t i = 0; i < SCENARIO_EPHEMERALS && scenario->ephemeral[i].name; i++) {
		bool is_new = check_complete(expect, i, top);

		ck_assert_msg(is_new || !state->is_done, "reported as done, but %s is the old one",
			      scenario->ephemeral[i].name);
		check_old_is_there(expect, i, top);
		id[i] = id_of(top, scenario->ephemeral[i].name);
	}
	check_others(expect, top);
	if (scenario->loose) {
		BR_AUTO_CLOSE int root = tree_open(top, scenario->ephemeral[0].name, false);
		kept = content(root, scenario->loose);
	}
	run_tool_on(expect, image);
	for (size_t i = 0; i < SCENARIO_EPHEMERALS && scenario->ephemeral[i].name; i++) {
		ck_assert_msg(id_of(image->top, scenario->ephemeral[i].name) != id[i],
			      "%s was not reset", scenario->ephemeral[i].name);
		check_replaced(expect, i, kept, image->top);
		check_archives(expect, i, state->swaps, image->top);
	}
	check_others(expect, image->top);
	check_no_leftovers(expect, image->top);
	image_unmount(image);
}
