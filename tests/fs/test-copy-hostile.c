/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Old roots and blanks that try to lead a reset out of the persistent path. Whatever they hold:
 * nothing outside is read or written, and the path is either carried as it is, or the reset is
 * refused with the path named and the root left alone.
 */
#include "carry.h"
#include "cleanup.h"
#include "hostile.h"
#include "layout.h"
#include "oracle.h"
#include "run.h"
#include "suite.h"
#include "tree.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct hostile_place place;

static char *config_of(const struct hostile *scenario)
{
	BR_AUTO_FREE char *section = NULL;

	ck_assert(asprintf(&section, "path \"/%s\" {\n%s\n}", hostile_path(scenario),
			   scenario->options ? scenario->options : "") > 0);
	return layout_config(NULL, section);
}

static struct facts *facts_of(int top, const char *path, const struct oracle_options *options)
{
	BR_AUTO_CLOSE int fd = tree_open(top, path, false);

	return oracle_facts(fd, options);
}

/* Differences, but those about the top directories themselves, which are told apart on purpose. */
static char *differences(struct facts *a, struct facts *b)
{
	BR_AUTO_FREE char *text = oracle_diff(a, b);
	char *next = text, *rest = calloc(1, strlen(text) + 1);

	ck_assert_ptr_nonnull(rest);
	for (char *line = strsep(&next, "\n"); line && *line; line = strsep(&next, "\n")) {
		if (strncmp(line, ".: ", 3) != 0)
			strcat(strcat(rest, line), "\n");
	}
	facts_free(a);
	facts_free(b);
	return rest;
}

static const struct oracle_options untouched = { .flags = ORACLE_CTIME | ORACLE_CONTENT };

/*
 * What a snapshot has instead of a nested subvolume: its times are those of the moment, so nothing
 * can be like it.
 */
static bool is_place_holder(int top, const char *path)
{
	struct stat st;

	return fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_ino == 2;
}

static char *join(const char *dir, const char *path)
{
	char *joined = NULL;

	ck_assert(asprintf(&joined, "%s/%s", dir, path) > 0);
	return joined;
}

/* Differences between two subvolumes. */
static char *compare(int top, const char *a, const char *b, const struct oracle_options *options)
{
	return differences(facts_of(top, a, options), facts_of(top, b, options));
}

/* What the old subvolume has at the path the new one has; all else is from the blank. */
static void check_new(int top, const struct hostile *scenario, const char *old, const char *new)
{
	const char *path = hostile_path(scenario);
	const char *const differs[] = { scenario->differs ? scenario->differs : path, NULL };
	const struct oracle_options kept = { .flags = ORACLE_CONTENT, .only = path };
	const struct oracle_options others = { .flags = ORACLE_CONTENT, .skip = differs };
	BR_AUTO_FREE char *was = join(old, path), *is = join(new, path);

	if (is_place_holder(top, was)) {
		BR_AUTO_FREE char *names = run_shell(top, "test -d '%s'; ls -A '%s'", is, is);

		ck_assert_str_eq(names, "");
		ck_assert(!is_place_holder(top, is));
	} else if (tree_exists(top, was)) {
		assert_same(compare(top, old, new, &kept));
	}
	if (strcmp(differs[0], ".") != 0)
		assert_same(compare(top, "root-blank", new, &others));
}

/* The old root is the archive, unchanged. */
static void check_carried(int top, const struct hostile *scenario, struct facts *old)
{
	BR_AUTO_FREE char *archive = layout_archive(top, NULL);

	ck_assert(subvol_is_read_only(top, archive));
	assert_same(differences(old, facts_of(top, archive, &untouched)));
	check_new(top, scenario, archive, "root");
}

static void check_refused(int top, const struct hostile *scenario, struct facts *old,
			  const struct run_result *result)
{
	const char *says = scenario->says ? scenario->says : hostile_path(scenario);

	ck_assert_msg(strstr(result->err, says) || strstr(result->out, says),
		      "%s is not named: %s%s", says, result->out, result->err);
	assert_same(differences(old, facts_of(top, "root", &untouched)));
}

START_TEST(test_scenario)
{
	const struct hostile *scenario = &hostile_scenarios[_i];
	int top = hostile_set_up(scenario, &place);
	BR_AUTO_FREE char *config = config_of(scenario);
	struct watch watch = { .count = 0 };
	struct facts *old = facts_of(top, "root", &untouched);
	struct facts *blank = facts_of(top, "root-blank/.", &untouched);
	struct run_result result;

	hostile_watch(&place, &watch);
	ck_assert_msg(layout_reset_mounted(place.image, config, NULL, &result) == scenario->code,
		      "%s: exit %d, not %d: %s%s", scenario->name, result.code, scenario->code,
		      result.out, result.err);
	BR_AUTO_FREE char *events = watch_end(&watch);
	ck_assert_msg(!*events, "%s: touched:\n%s", scenario->name, events);
	assert_same(differences(blank, facts_of(top, "root-blank/.", &untouched)));
	if (scenario->code == 0)
		check_carried(top, scenario, old);
	else
		check_refused(top, scenario, old, &result);
	run_free(&result);
}
END_TEST

/* Is this about one path that is copied, and not about what surrounds it? */
static bool is_for_carry(const struct hostile *scenario)
{
	return !scenario->options && !scenario->says && !(scenario->differs && !scenario->blank);
}

/* Carrying alone: the reset looks at the paths before it begins, and a look is not a lock. */
START_TEST(test_carry)
{
	const struct hostile *scenario = &hostile_scenarios[_i];
	BR_AUTO_FREE char *path = strdup(hostile_path(scenario));
	const struct br_persist persist = { .path = path, .method = BR_METHOD_COPY };
	struct br_copy_stats stats = { .files = 0 };
	struct watch watch = { .count = 0 };
	struct br_error err;

	if (!is_for_carry(scenario))
		return;
	int top = hostile_set_up(scenario, &place);
	subvol_snapshot(top, "root-blank", "new", false);
	struct facts *before = facts_of(top, "root", &untouched);
	BR_AUTO_CLOSE int old = tree_open(top, "root", false);
	BR_AUTO_CLOSE int new = tree_open(top, "new", false);
	hostile_watch(&place, &watch);
	int result = br_carry_path(old, new, &persist, NULL, &stats, &err);
	BR_AUTO_FREE char *events = watch_end(&watch);
	ck_assert_msg(!*events, "%s: touched:\n%s", scenario->name, events);
	ck_assert_msg((result == 0) == (scenario->code == 0), "%s: %d", scenario->name, result);
	assert_same(differences(before, facts_of(top, "root", &untouched)));
	if (result == 0)
		check_new(top, scenario, "root", "new");
	else
		ck_assert_str_eq(err.path, path);
}
END_TEST

/* A persistent path longer than PATH_MAX, which no call of the kernel takes. */
START_TEST(test_long_path)
{
	static const struct hostile nothing = { .name = "long path" };
	const char component[] = "a-directory-with-a-long-name";
	int top = hostile_set_up(&nothing, &place);
	BR_AUTO_FREE char *path = calloc(200, sizeof(component) + 1);
	struct run_result result;

	ck_assert_ptr_nonnull(path);
	BR_AUTO_CLOSE int root = tree_open(top, "root", false);
	tree_make_deep(root, component, 200);
	BR_AUTO_CLOSE int deep = tree_open_deep(root, component, 199);
	tree_set_xattr(deep, component, "user.a", "b", 1);
	for (unsigned i = 0; i < 200; i++)
		strcat(strcat(path, i ? "/" : ""), component);
	BR_AUTO_FREE char *persist = NULL;
	ck_assert(asprintf(&persist, "\"/%s\"", path) > 0);
	BR_AUTO_FREE char *config = layout_config(persist, NULL);
	ck_assert_msg(layout_reset_mounted(place.image, config, NULL, &result) == 0, "%s",
		      result.err);
	BR_AUTO_CLOSE int new_root = tree_open(top, "root", false);
	ck_assert(!tree_exists(new_root, "usr/bin/drift"));
	BR_AUTO_CLOSE int a = tree_open(root, component, false);
	BR_AUTO_CLOSE int b = tree_open(new_root, component, false);
	assert_same(oracle_walk(a, b));
	BR_AUTO_CLOSE int new_deep = tree_open_deep(new_root, component, 199);
	struct facts *of_old = oracle_facts(deep, NULL);
	assert_same(differences(of_old, oracle_facts(new_deep, NULL)));
	run_free(&result);
}
END_TEST

/* What is a path to the kernel and something else to a shell, a printf or a parser. */
START_TEST(test_odd_name)
{
	static const struct hostile odd = {
		.name = "odd name",
		.old = "mkdir -p 'a b/%s%n $(reboot)'; cd 'a b/%s%n $(reboot)'; echo x >\"'\"; "
		       "echo y >'\\'; mkdir -- -rf "
		       "\"$(printf '\\377\\376')\"; ln -s / '*'",
		.path = "a b/%s%n $(reboot)",
		.differs = "a b",
	};
	int top = hostile_set_up(&odd, &place);
	BR_AUTO_FREE char *config = config_of(&odd);
	struct facts *old = facts_of(top, "root", &untouched);
	struct run_result result;

	ck_assert_msg(layout_reset_mounted(place.image, config, NULL, &result) == 0, "%s",
		      result.err);
	check_carried(top, &odd, old);
	run_free(&result);
}
END_TEST

static void reset_once(const char *config, const char *cmdline)
{
	struct run_result result;

	ck_assert_msg(layout_reset_mounted(place.image, config, cmdline, &result) == 0, "%s%s",
		      result.out, result.err);
	run_free(&result);
}

/* An archive to start from has a subvolume of its own where the old root has one to be carried. */
START_TEST(test_from_archive_with_subvolume)
{
	static const struct hostile kept = { .name = "from archive",
					     .path = "var/lib/app",
					     .options = "method = subvolume" };
	int top = hostile_set_up(&kept, &place);
	BR_AUTO_FREE char *config = config_of(&kept);
	BR_AUTO_FREE char *cmdline = NULL;

	reset_once(config, NULL);
	ck_assert(subvol_exists(top, "root/var/lib/app"));
	BR_AUTO_FREE char *first = layout_archive(top, NULL);
	tree_write(top, "root/var/lib/app/in-second", "x");
	reset_once(config, NULL);
	BR_AUTO_FREE char *second = layout_archive(top, (const char *const[]){ first, NULL });
	tree_write(top, "root/var/lib/app/in-third", "x");
	ck_assert(asprintf(&cmdline, "rd.blankroot.from=%s", strchr(second, '/') + 1) > 0);
	reset_once(config, cmdline);
	ck_assert(subvol_exists(top, "root/var/lib/app"));
	ck_assert(tree_exists(top, "root/var/lib/app/in-second"));
	ck_assert(tree_exists(top, "root/var/lib/app/in-third"));
	ck_assert(tree_exists(top, "root/var/lib/app/data"));
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("copy-hostile");
	TCase *reset = suite_add_case(suite, "reset", NULL, NULL, 60);
	TCase *carry = suite_add_case(suite, "carry", NULL, NULL, 60);

	tcase_add_loop_test(reset, test_scenario, 0, (int)hostile_count);
	tcase_add_loop_test(carry, test_carry, 0, (int)hostile_count);
	tcase_add_test(reset, test_long_path);
	tcase_add_test(reset, test_odd_name);
	tcase_add_test(reset, test_from_archive_with_subvolume);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
