/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Persistent paths and nested subvolumes in a reset: what is carried, what is created, what stays
 * where it is.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "oracle.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/*
 * root: nested subvolumes inside a kept path and elsewhere, of them "srv/both" also in the blank,
 * as a place-holder; "var/lib/db" plain, "var/lib/vm" a subvolume. root-blank: something else at
 * kept paths.
 */
static void make_more(int top)
{
	subvol_set_read_only(top, "root-blank", false);
	subvol_delete(top, "root-blank");
	(void)close(tree_mkdir(top, "root/srv"));
	subvol_create(top, "root/srv/both");
	tree_write(top, "root/srv/both/data", "nested\n");
	subvol_snapshot(top, "root", "root-blank", false);
	run_ok(top, "sh", "-euc",
	       "cd root-blank\n"
	       "rm -r etc/ssh var/lib/app usr/bin/drift root/.history\n"
	       "mkdir -p etc/ssh/stale/deep opt/tool var/lib/app\n"
	       "echo stale >etc/ssh/stale/deep/file\n"
	       "echo blank >etc/machine-id\n"
	       "echo dir >opt/tool/file\n"
	       "echo blank >opt/config\n"
	       "ln -s nowhere opt/link\n"
	       "cd ../root\n"
	       "mkdir -p opt/config etc/new/deep var/lib/db\n"
	       "echo tool >opt/tool\n"
	       "echo old >opt/config/file\n"
	       "echo linked >opt/link\n"
	       "echo deep >etc/new/deep/file\n"
	       "chmod 750 etc/new\n"
	       "chown 12:34 etc/new\n"
	       "touch -d 2001-01-01 etc/new\n"
	       "ln -s ../machine-id etc/kept-link\n"
	       "mkfifo -m 622 etc/kept-fifo\n"
	       "chattr +C var/lib/db\n"
	       "dd if=/dev/urandom of=var/lib/db/table bs=64K count=5 status=none\n"
	       "chown 26:26 var/lib/db\n"
	       "chmod 700 var/lib/db\n"
	       "ln var/lib/db/table var/lib/db/second\n");
	subvol_set_read_only(top, "root-blank", true);
	subvol_create(top, "root/var/lib/vm");
	tree_write(top, "root/var/lib/vm/disk", "image\n");
	subvol_create(top, "root/var/lib/vm/inner");
	tree_write(top, "root/var/lib/vm/inner/file", "inner\n");
	subvol_set_read_only(top, "root/var/lib/vm/inner", true);
	subvol_create(top, "root/var/lib/app/nested");
	tree_write(top, "root/var/lib/app/nested/file", "in a kept path\n");
	subvol_create(top, "root/var/lib/machines");
	tree_write(top, "root/var/lib/machines/file", "elsewhere\n");
}

static void make_server(void)
{
	server_make(0, make_more);
}

/* The same path in two subvolumes of the top level must be the same in every respect. */
static void assert_carried(int top, const char *archive, const char *path, const char *const *skip)
{
	BR_AUTO_CLOSE int a = tree_open(top, archive, false);
	BR_AUTO_CLOSE int b = tree_open(top, "root", false);
	struct oracle_options options = { .only = path, .skip = skip };
	struct facts *old = oracle_facts(a, &options);
	struct facts *new = oracle_facts(b, &options);

	ck_assert_uint_gt(old->count, 0);
	assert_same(oracle_diff(old, new));
	facts_free(old);
	facts_free(new);
}

struct kept {
	const char *path;
	bool as_subvolume;
};

/* One path at a time. */
static const struct kept kepts[] = {
	{ "/etc/machine-id", false },    /* the blank has a file there too */
	{ "/etc/ssh", false },           /* other things in the same directory */
	{ "/etc/new", false },           /* nothing */
	{ "/etc/new/deep/file", false }, /* nothing, nor at its parents */
	{ "/etc/kept-link", false },     /* a link is kept as a link */
	{ "/etc/kept-fifo", false },
	{ "/opt/tool", false },   /* a directory where a file is kept */
	{ "/opt/config", false }, /* a file where a directory is kept */
	{ "/opt/link", false },   /* a link where a file is kept */
	{ "/var/lib/db", false }, /* without copy on write, hard links */
	{ "/var/lib/vm", false }, /* a subvolume, kept as one whatever the method */
	{ "/var/lib/vm", true },
	{ "/var/lib/app", false }, /* with a subvolume inside */
	{ "/var/lib/app/nested", false },
	{ "/var/lib/app/nested/file", false },
	{ "/srv/both", false }, /* a place-holder in the blank */
	{ "/srv/both", true },
	{ "/srv/both/data", false },
	{ "/srv", false },
	{ "/var", false }, /* everything, with all the nested ones */
};

static char *config_of(const struct kept *kept)
{
	BR_AUTO_FREE char *section = NULL;

	ck_assert(asprintf(&section, "\tpath \"%s\" {\n\t\tmethod = %s\n\t}\n", kept->path,
			   kept->as_subvolume ? "subvolume" : "copy") > 0);
	return layout_config(NULL, section);
}

START_TEST(test_carried)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_of(&kepts[_i]);
	BR_AUTO_FREE char *drift = NULL;

	for (int boot = 0; boot < 2; boot++) {
		server_reset_ok(image, config);
		BR_AUTO_FREE char *archive = layout_archive(image->top,
							    (const char *const[]){ drift, NULL });
		assert_carried(image->top, archive, kepts[_i].path + 1, NULL);
		if (!drift)
			drift = br_take_ptr(&archive);
	}
	ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
}
END_TEST

static void set_blank_times(int top)
{
	subvol_set_read_only(top, "root-blank", false);
	tree_set_time(top, "root-blank/etc", (struct timespec){ 1000000000, 123456789 });
	tree_set_time(top, "root-blank/opt", (struct timespec){ 1000000001, 987654321 });
	subvol_set_read_only(top, "root-blank", true);
}

/*
 * What is not kept is as in the blank; the times of the directories that hold kept paths are, too.
 */
START_TEST(test_only_the_path_is_carried)
{
	static const char *const skip[] = { "opt/tool", "etc/machine-id", "srv/both", NULL };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/opt/tool\", \"/etc/machine-id\"", NULL);

	set_blank_times(image->top);
	server_reset_ok(image, config);
	subvol_snapshot(image->top, "root", "new", true);
	BR_AUTO_CLOSE int blank = tree_open(image->top, "root-blank", false);
	BR_AUTO_CLOSE int new = tree_open(image->top, "new", false);
	assert_same(oracle_compare(blank, new, &(struct oracle_options){ .skip = skip }));
}
END_TEST

/* Parents that had to be made are like the old ones, but hold the path alone. */
START_TEST(test_missing_parents)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/etc/new/deep/file\"", NULL);

	tree_write(image->top, "root/etc/new/deep/other", "not kept\n");
	tree_set_xattr(image->top, "root/etc/new", "user.x", "y", 1);
	tree_set_time(image->top, "root/etc/new/deep", (struct timespec){ 5, 6 });
	tree_set_time(image->top, "root/etc/new", (struct timespec){ 7, 8 });
	set_blank_times(image->top);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	static const char facts[] =
		"cd %s; stat -c '%%n %%a %%u:%%g %%y' etc/new etc/new/deep; getfattr -d etc/new";
	BR_AUTO_FREE char *old = run_shell(image->top, facts, archive);
	BR_AUTO_FREE char *new = run_shell(image->top, facts, "root");
	ck_assert_str_eq(new, old);
	BR_AUTO_FREE char *names = run_shell(
		image->top,
		"cd root/etc/new; find . -type f; stat -c %%y .. ../../../root-blank/etc | "
		"uniq | wc -l");
	ck_assert_str_eq(names, "./deep/file\n1\n");
}
END_TEST

/* Nested subvolumes that no path covers stay in the archive, as they are. */
START_TEST(test_nested_stay_in_the_archive)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/var/lib/app\"", NULL);
	uint64_t machines = subvol_id(image->top, "root/var/lib/machines");
	uint64_t both = subvol_id(image->top, "root/srv/both");

	server_reset_ok(image, config);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	BR_AUTO_CLOSE int old = tree_open(image->top, archive, false);
	ck_assert_uint_eq(subvol_id(old, "var/lib/machines"), machines);
	ck_assert_uint_eq(subvol_id(old, "srv/both"), both);
	ck_assert(tree_exists(old, "var/lib/app/nested/file"));
	ck_assert(subvol_is_read_only(old, "var/lib/vm/inner"));
	BR_AUTO_FREE char *list = run_shell(
		image->top, "btrfs subvolume list . | sed 's/.* path //' | grep ^root/");
	ck_assert_str_eq(list, "root/var/lib/app/nested\n");
	ck_assert(!tree_exists(image->top, "root/var/lib/machines"));
	ck_assert(tree_exists(image->top, "root/srv/both") &&
		  !tree_exists(image->top, "root/srv/both/data"));
}
END_TEST

/* A snapshot of the blank leaves out what is nested in it; the new root has it all the same. */
START_TEST(test_nested_of_the_blank_come_along)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/var/lib/app\"", NULL);

	run_ok(image->top, "sh", "-euc",
	       "btrfs property set -ts root-blank ro false\n"
	       "cd root-blank\n"
	       "mkdir -p opt/fixed\n"
	       "btrfs subvolume create opt/fixed/one\n"
	       "btrfs subvolume create opt/fixed/one/two\n"
	       "btrfs subvolume create var/lib/app/mine\n"
	       "echo two >opt/fixed/one/two/file\n"
	       "btrfs property set -ts opt/fixed/one/two ro true\n"
	       "touch -d 2001-01-01 opt/fixed\n"
	       "cd ..\n"
	       "btrfs property set -ts root-blank ro true");
	server_reset_ok(image, config);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *two = tree_read(image->top, "root/opt/fixed/one/two/file");
	ck_assert_str_eq(two, "two\n");
	ck_assert(subvol_is_read_only(image->top, "root/opt/fixed/one/two"));
	ck_assert(!subvol_is_read_only(image->top, "root/opt/fixed/one"));
	ck_assert(!tree_exists(image->top, "root/var/lib/app/mine"));
	ck_assert(tree_exists(image->top, "root-blank/var/lib/app/mine"));
	BR_AUTO_FREE char *times = run_shell(image->top, "stat -c %%Y r*/opt/fixed | uniq | wc -l");
	ck_assert_str_eq(times, "1\n");
}
END_TEST

/* A plain directory becomes a subvolume, once; then it is carried in constant time. */
START_TEST(test_conversion)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = config_of(&(struct kept){ "/var/lib/db", true });
	struct reset_result result;

	BR_AUTO_FREE char *before = run_shell(
		image->top, "cd root/var/lib/db; stat -c '%%n %%a %%u:%%g %%h %%s %%Y' . *; "
			    "lsattr -d . *; sha256sum *");
	for (int boot = 0; boot < 2; boot++) {
		ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result),
				 0);
		ck_assert(subvol_exists(image->top, "root/var/lib/db"));
		BR_AUTO_FREE char *after = run_shell(
			image->top,
			"cd root/var/lib/db; stat -c '%%n %%a %%u:%%g %%h %%s %%Y' . *; "
			"lsattr -d . *; sha256sum *");
		ck_assert_str_eq(after, before);
		assert_report(
			&result,
			boot == 0 ? ".ephemeral[0].paths[0] | .files == 2 and .hard_links == 1"
				  : ".ephemeral[0].paths[0] | .files == 0 and .subvolumes == 1");
		assert_report(
			&result,
			boot == 0
				? ".steps | any(.text == \"carry root:/var/lib/db (converted into "
				  "a subvolume)\")"
				: ".steps | any(.text == \"carry root:/var/lib/db (snapshot)\")");
		reset_free(&result);
	}
	/* the archive of the first boot still has the directory */
	BR_AUTO_FREE char *plain = run_shell(
		image->top, "find old_roots -path '*/var/lib/db' -not -inum 256 | wc -l");
	ck_assert_str_eq(plain, "1\n");
}
END_TEST

struct created {
	const char *section;  /* of the path /var/new/thing */
	const char *expected; /* stat -c '%F %a %u:%g' of it, and of its parent */
	bool is_subvolume;
};

static const struct created createds[] = {
	{ "create = directory", "directory 755 0:0\ndirectory 755 0:0\n", false },
	{ "create = file", "regular empty file 644 0:0\ndirectory 755 0:0\n", false },
	{ "create = directory\nmethod = subvolume", "directory 755 0:0\ndirectory 755 0:0\n",
	  true },
	{ "create = directory\nowner = \"app:app\"\nmode = \"2770\"",
	  "directory 2770 990:991\ndirectory 755 0:0\n", false },
	{ "create = file\nowner = \"1234:5678\"\nmode = \"4711\"",
	  "regular empty file 4711 1234:5678\ndirectory 755 0:0\n", false },
	{ "create = directory\nmethod = subvolume\nowner = \"app\"\nmode = \"0700\"",
	  "directory 700 990:991\ndirectory 755 0:0\n", true },
};

START_TEST(test_created)
{
	const struct created *created = &createds[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *section = NULL;
	struct reset_result result;

	ck_assert(asprintf(&section, "path \"/var/new/thing\" {\n%s\n}\n", created->section) > 0);
	BR_AUTO_FREE char *config = layout_config(NULL, section);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	BR_AUTO_FREE char *found = run_shell(
		image->top, "stat -c '%%F %%a %%u:%%g' root/var/new/thing root/var/new");
	ck_assert_str_eq(found, created->expected);
	ck_assert(subvol_exists(image->top, "root/var/new/thing") == created->is_subvolume);
	assert_report(&result, ".ephemeral[0].paths[0] | .action == \"create\" and .done");
	reset_free(&result);
	/* from now on it is kept, with what was put there and whatever its mode became */
	ck_assert(fchmodat(image->top, "root/var/new/thing", 0711, 0) == 0);
	server_reset_ok(image, config);
	BR_AUTO_FREE char *mode = run_shell(image->top, "stat -c %%a root/var/new/thing");
	ck_assert_str_eq(mode, "711\n");
}
END_TEST

/* Absent from the old root: what the blank has stays; where neither has it, nothing is made. */
START_TEST(test_absent)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/etc/group\", \"/no/where\"",
						  "path \"/etc/passwd\" {\ncreate = file\n}\n");
	struct reset_result result;

	ck_assert(unlinkat(image->top, "root/etc/group", 0) == 0 &&
		  unlinkat(image->top, "root/etc/passwd", 0) == 0);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	BR_AUTO_FREE char *same = run_shell(image->top,
					    "cmp root/etc/group root-blank/etc/group && "
					    "cmp root/etc/passwd root-blank/etc/passwd && ls root");
	BR_AUTO_FREE char *names = run_shell(image->top, "ls root-blank");
	ck_assert_str_eq(same, names);
	assert_report(&result,
		      "[.ephemeral[0].paths[] | {(.path): .action}] | add == {\"/etc/group\": "
		      "\"keep-from-source\", "
		      "\"/no/where\": \"absent\", \"/etc/passwd\": \"keep-from-source\"}");
	reset_free(&result);
}
END_TEST

struct hostile {
	const char *prepare; /* shell, in the top level */
	const char *persist; /* and, if not NULL, more: */
	const char *more;
	const char *says;
};

/* What a path cannot be carried from or to. All fail before the swap. */
static const struct hostile hostiles[] = {
	{ "rm -r root/etc/ssh; ln -s /etc root/etc/ssh", "\"/etc/ssh/keys\"", NULL, "etc/ssh" },
	{ "mv root/var root/real-var; ln -s real-var root/var", "\"/var/log\"", NULL, "var/log" },
	{ "mv root/var root/real-var; ln -s ../persist root/var", "\"/var/precious\"", NULL,
	  "var/precious" },
	{ "echo file >root/srv-file", "\"/srv-file/sub\"", NULL, "srv-file/sub" },
	{ ":", "", "path \"/etc/machine-id\" {\nmethod = subvolume\n}\n", "etc/machine-id" },
	{ "mkdir root/opt/link2; touch root/opt/link2/x; btrfs property set -ts root-blank ro "
	  "false; "
	  "ln -s . root-blank/opt/link2; btrfs property set -ts root-blank ro true",
	  "\"/opt/link2/x\"", NULL, "opt/link2" },
	{ "rm root/opt/tool; mkdir root/opt/config/sub", "\"/opt/config/sub\"", NULL,
	  "opt/config" },
	{ ":", "", "path \"/var/x\" {\ncreate = file\nowner = \"nobody-there\"\n}\n",
	  "nobody-there" },
};

START_TEST(test_hostile)
{
	const struct hostile *hostile = &hostiles[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(hostile->persist, hostile->more);
	struct reset_result result;

	free(run_shell(image->top, "%s", hostile->prepare));
	BR_AUTO_FREE char *before = server_fingerprint(image);
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 4,
		      "exit %d: %s", result.code, result.run.err);
	BR_AUTO_FREE char *after = server_fingerprint(image);
	assert_same_fingerprint(before, after, "the file system");
	assert_says(result.run.err, hostile->says);
	assert_says(result.run.err, "root");
	BR_AUTO_FREE char *state = run_shell(image->top, "ls -A .blankroot 2>/dev/null || :");
	ck_assert_str_eq(state, "");
	reset_free(&result);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("reset-paths");
	TCase *tcase = suite_add_case(suite, "paths", make_server, server_drop, 60);

	tcase_add_loop_test(tcase, test_carried, 0, sizeof(kepts) / sizeof(kepts[0]));
	tcase_add_test(tcase, test_only_the_path_is_carried);
	tcase_add_test(tcase, test_missing_parents);
	tcase_add_test(tcase, test_nested_stay_in_the_archive);
	tcase_add_test(tcase, test_nested_of_the_blank_come_along);
	tcase_add_test(tcase, test_conversion);
	tcase_add_loop_test(tcase, test_created, 0, sizeof(createds) / sizeof(createds[0]));
	tcase_add_test(tcase, test_absent);
	tcase_add_loop_test(tcase, test_hostile, 0, sizeof(hostiles) / sizeof(hostiles[0]));
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
