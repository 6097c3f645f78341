/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration's files: odd ones, large ones, damaged ones, drop-ins. */
#include "cleanup.h"
#include "conf.h"
#include "config.h"
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ROOT "ephemeral root {\n"

static struct conf conf;

static void make_conf(void)
{
	conf_make(&conf);
}

static void drop_conf(void)
{
	conf_remove(&conf);
}

/* --- what is no text --- */

START_TEST(test_nul)
{
	static const char text[] = "# a\n\n" ROOT "x = \"a\0b\" }";
	BR_AUTO_FREE char *expected = conf_with_path(&conf,
						     "@:4: NUL byte; this is not a text file");
	struct br_error err;

	tmpdir_write(&conf.dir, "c", text, sizeof(text) - 1);
	conf_refused(&conf, &err);
	ck_assert_str_eq(err.text, expected);
	tmpdir_write(&conf.dir, "c", "", 1);
	conf_refused(&conf, &err);
}
END_TEST

static void expect_file_error(int sys_errno, const char *object, const char *text)
{
	struct br_error err;

	conf_refused(&conf, &err);
	ck_assert_int_eq(err.sys_errno, sys_errno);
	ck_assert_str_eq(err.path, object);
	ck_assert_str_eq(err.text, text);
}

START_TEST(test_no_file)
{
	expect_file_error(ENOENT, conf.path, "cannot open");
	ck_assert_int_eq(symlinkat("c", conf.dir.fd, "c"), 0);
	expect_file_error(ELOOP, conf.path, "cannot open");
	ck_assert_int_eq(unlinkat(conf.dir.fd, "c", 0), 0);
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c", 0755), 0);
	expect_file_error(0, conf.path, "not a regular file");
	ck_assert_int_eq(unlinkat(conf.dir.fd, "c", AT_REMOVEDIR), 0);
	ck_assert_int_eq(mkfifoat(conf.dir.fd, "c", 0600), 0);
	expect_file_error(0, conf.path, "not a regular file");
}
END_TEST

START_TEST(test_too_large)
{
	tmpdir_write_text(&conf.dir, "c", ROOT "}");
	ck_assert_int_eq(truncate(conf.path, 9 << 20), 0);
	expect_file_error(EFBIG, conf.path, "cannot read");
}
END_TEST

/* --- drop-ins --- */

START_TEST(test_dropins_add_and_override)
{
	struct br_config config;
	char *later = tmpdir_path(&conf.dir, "c.d/10-b.conf");

	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	tmpdir_write_text(&conf.dir, "c.d/9-last.conf",
			  "performance { mode = space-optimized }\narchives { keep-min = 9 }");
	tmpdir_write_text(
		&conf.dir, "c.d/10-b.conf",
		"\nephemeral root {\n archive = none blank = other\n persist = { /c }\n}\n"
		"ephemeral tmp { archive = none }\n");
	tmpdir_write_text(&conf.dir, "c.d/10-B.conf",
			  "performance { mode = io-optimized } snapshots { subvolumes = { b } }");
	tmpdir_write_text(&conf.dir, "c.d/.hidden.conf", "}");
	tmpdir_write_text(&conf.dir, "c.d/.conf", "}");
	tmpdir_write_text(&conf.dir, "c.d/README", "}");
	tmpdir_write_text(&conf.dir, "c.d/old.conf~", "}");
	tmpdir_write_text(&conf.dir, "c.d/Xconf", "}");
	conf_load(&conf,
		  "ephemeral root { blank = first archive = a persist = { /a } path /b { } }\n"
		  "archives { keep = 1d keep-min = 1 }\nsnapshots { subvolumes = { a } }",
		  &config);

	ck_assert_uint_eq(config.ephemeral_count, 2);
	conf_expect_paths(&config.ephemeral[0], "a b c");
	ck_assert_str_eq(config.ephemeral[0].blank, "other");
	ck_assert_ptr_null(config.ephemeral[0].archive);
	ck_assert_str_eq(config.ephemeral[0].origin.file, conf.path);
	ck_assert_str_eq(config.ephemeral[0].persist[2].origin.file, later);
	ck_assert_uint_eq(config.ephemeral[0].persist[2].origin.line, 4);
	ck_assert_str_eq(config.ephemeral[1].name, "tmp");
	ck_assert_str_eq(config.ephemeral[1].origin.file, later);
	ck_assert_uint_eq(config.ephemeral[1].origin.line, 6);
	ck_assert_int_eq(config.performance, BR_PERFORMANCE_SPACE);
	ck_assert_uint_eq(config.archives.keep, 86400);
	ck_assert_uint_eq(config.archives.keep_min, 9);
	ck_assert_uint_eq(config.snapshots.subvolume_count, 2);
	br_config_free(&config);
	free(later);
}
END_TEST

/* Of a command, a later file says all or nothing. */
START_TEST(test_dropins_replace_commands)
{
	struct br_config config;

	tmpdir_write_text(&conf.dir, "c",
			  ROOT "}\nsnapshots { before = { /a } before += { b, '' }\n"
			       "after = { /c } hook-timeout = 2m }");
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	conf_load_file(conf.path, &config);
	ck_assert_uint_eq(config.snapshots.before.count, 3);
	ck_assert_str_eq(config.snapshots.before.argv[1], "b");
	ck_assert_str_eq(config.snapshots.before.argv[2], "");
	ck_assert_ptr_null(config.snapshots.before.argv[3]);
	ck_assert_uint_eq(config.snapshots.hook_timeout, 120);
	br_config_free(&config);
	tmpdir_write_text(&conf.dir, "c.d/1.conf", "snapshots { before = { /d, e } }");
	conf_load_file(conf.path, &config);
	ck_assert_uint_eq(config.snapshots.before.count, 2);
	ck_assert_str_eq(config.snapshots.before.argv[0], "/d");
	ck_assert_str_eq(config.snapshots.before.argv[1], "e");
	ck_assert_ptr_null(config.snapshots.before.argv[2]);
	ck_assert_str_eq(config.snapshots.after.argv[0], "/c");
	br_config_free(&config);
}
END_TEST

static void expect_draft(const char *name, const char *text, const char *expected)
{
	const struct br_config_draft draft = { name, text };
	struct br_config config;
	struct br_error err;

	ck_assert_msg(br_config_load_draft(conf.path, &draft, &config, &err) == 0, "%s", err.text);
	conf_expect_paths(&config.ephemeral[0], expected);
	br_config_free(&config);
}

/* In its place among the others, as a file of that name would be. */
START_TEST(test_draft)
{
	BR_AUTO_FREE char *expected = conf_with_path(
		&conf, "@.d/5.conf:2: ephemeral root: persist: \"/b\": is the same as \"/b\" at "
		       "@.d/2.conf:1");
	const struct br_config_draft wrong = { "5.conf", "ephemeral root {\npersist = { /b } }" };
	struct br_config config;
	struct br_error err;

	tmpdir_write_text(&conf.dir, "c", "ephemeral root { persist = { /a } }");
	expect_draft("5.conf", NULL, "a");
	expect_draft("5.conf", "ephemeral root { persist = { /d } }", "a d");
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	tmpdir_write_text(&conf.dir, "c.d/2.conf", "ephemeral root { persist = { /b } }");
	tmpdir_write_text(&conf.dir, "c.d/5.conf", "ephemeral root { persist = { /x } }");
	tmpdir_write_text(&conf.dir, "c.d/9.conf", "ephemeral root { persist = { /c } }");
	expect_draft("5.conf", "ephemeral root { persist = { /d } }", "a b d c");
	expect_draft("5.conf", "", "a b c");
	expect_draft("5.conf", NULL, "a b c");
	expect_draft("0.conf", "ephemeral root { persist = { /d } }", "a d b x c");
	ck_assert_int_eq(br_config_load_draft(conf.path, &wrong, &config, &err), BR_ERR_CONFIG);
	ck_assert_str_eq(err.text, expected);
}
END_TEST

START_TEST(test_only_a_dropin_says_something)
{
	struct br_config config;

	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	tmpdir_write_text(&conf.dir, "c.d/a.conf", "ephemeral root {}");
	conf_load(&conf, "", &config);
	ck_assert_uint_eq(config.ephemeral_count, 1);
	br_config_free(&config);
}
END_TEST

/* Configurations made by a system's generator are links, the directory too. */
START_TEST(test_links)
{
	BR_AUTO_FREE char *link = tmpdir_path(&conf.dir, "link.conf");
	struct br_config config;

	tmpdir_write_text(&conf.dir, "store", "ephemeral root {}\n");
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	tmpdir_write_text(&conf.dir, "c.d/a.conf", "ephemeral tmp {}\n");
	ck_assert_int_eq(symlinkat("store", conf.dir.fd, "link.conf"), 0);
	ck_assert_int_eq(symlinkat("c.d", conf.dir.fd, "link.conf.d"), 0);
	conf_load_file(link, &config);
	ck_assert_uint_eq(config.ephemeral_count, 2);
	ck_assert_str_eq(config.ephemeral[0].origin.file, link);
	br_config_free(&config);
}
END_TEST

START_TEST(test_dropin_errors)
{
	BR_AUTO_FREE char *dropin = tmpdir_path(&conf.dir, "c.d/x.conf");
	BR_AUTO_FREE char *dropins = tmpdir_path(&conf.dir, "c.d");

	tmpdir_write_text(&conf.dir, "c", ROOT "persist = { /a/b } }");
	tmpdir_write_text(&conf.dir, "c.d", "");
	expect_file_error(ENOTDIR, dropins, "cannot read the directory");
	ck_assert_int_eq(unlinkat(conf.dir.fd, "c.d", 0), 0);
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	ck_assert_int_eq(symlinkat("nothing", conf.dir.fd, "c.d/x.conf"), 0);
	expect_file_error(ENOENT, dropin, "cannot open");
	ck_assert_int_eq(unlinkat(conf.dir.fd, "c.d/x.conf", 0), 0);
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d/x.conf", 0755), 0);
	expect_file_error(0, dropin, "not a regular file");
}
END_TEST

/* A text to load as a drop-in of the one above; "@.d/x.conf" is its own path. */
static const struct {
	const char *text, *expected;
} dropins[] = {
	{ "\nfoo = 1", "@.d/x.conf:2: unknown key \"foo\"" },
	{ "\n" ROOT "persist = {\n/a } }",
	  "@.d/x.conf:4: ephemeral root: persist: \"/a\": contains \"/a/b\" at @:2" },
	{ ROOT "path /a/b { method = subvolume } }",
	  "@.d/x.conf:2: ephemeral root: persist: \"/a/b\": is the same as \"/a/b\" at @:2" },
	{ ROOT "}\n" ROOT "}",
	  "@.d/x.conf:3: ephemeral \"root\": given more than once; first at @.d/x.conf:1" },
	{ "\nephemeral x { archive = root }",
	  "@.d/x.conf:2: ephemeral x: archive: \"root\": is the same as the ephemeral subvolume \"root\" at @:1" },
	/* an earlier file is no excuse for what a later one leaves open */
	{ "ephemeral root {", "@.d/x.conf:1: the brace that opens here is not closed" },
};

START_TEST(test_dropins)
{
	BR_AUTO_FREE char *expected = conf_with_path(&conf, dropins[_i].expected);
	struct br_error err;

	tmpdir_write_text(&conf.dir, "c", ROOT "persist = { /a/b } }");
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	tmpdir_write_text(&conf.dir, "c.d/x.conf", dropins[_i].text);
	conf_refused(&conf, &err);
	ck_assert_str_eq(err.text, expected);
}
END_TEST

/* --- sizes --- */

START_TEST(test_long_line)
{
	const size_t count = 10000;
	struct br_config config;
	char *text = malloc(40 + count * 112);
	char *end = stpcpy(text, "ephemeral root { persist = { ");

	for (size_t i = 0; i < count; i++)
		end += sprintf(end, "/%0107zu, ", i);
	strcpy(end, "} }");
	ck_assert_uint_gt(strlen(text), 1 << 20);
	conf_load(&conf, text, &config);
	ck_assert_uint_eq(config.ephemeral[0].persist_count, count);
	ck_assert_uint_eq(strtoul(config.ephemeral[0].persist[count - 1].path, NULL, 10),
			  count - 1);
	br_config_free(&config);
	free(text);
}
END_TEST

START_TEST(test_long_value)
{
	const size_t size = 1 << 17;
	struct br_config config;
	char *text = malloc(size + 100);
	char *end = stpcpy(text, "ephemeral root { persist = { \"");

	for (size_t i = 0; i < size; i += 2)
		end = stpcpy(end, "/x");
	strcpy(end, "\" } }");
	conf_load(&conf, text, &config);
	ck_assert_uint_eq(strlen(config.ephemeral[0].persist[0].path), size - 1);
	br_config_free(&config);
	free(text);
}
END_TEST

/* --- messages --- */

START_TEST(test_long_values_leave_room_for_the_reason)
{
	struct br_config config;
	struct br_error err;
	char *text = calloc(100000, 1);
	char *end = stpcpy(text, ROOT "persist = { \"");

	memset(end, 'x', 50000);
	strcpy(end + 50000, "\" } }");
	tmpdir_write_text(&conf.dir, "c", text);
	conf_refused(&conf, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "xxx...\": must be an absolute path"));

	*end = '/';
	tmpdir_write_text(&conf.dir, "c", text);
	conf_refused(&conf, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "has a component of more than 255 bytes"));
	strcpy(end + 257, "\" } }"); /* the slash and one byte too many */
	tmpdir_write_text(&conf.dir, "c", text);
	conf_refused(&conf, &err);
	strcpy(end + 256, "\" } }");
	conf_load(&conf, text, &config);
	br_config_free(&config);

	end = stpcpy(text, "ephemeral ");
	memset(end, 'x', 200);
	strcpy(end + 200, " { }");
	tmpdir_write_text(&conf.dir, "c", text);
	conf_refused(&conf, &err);
	ck_assert_ptr_nonnull(strstr(err.text, "xxx\": is too long a name"));
	free(text);
}
END_TEST

static void expect_too_many(const char *head, const char *element, const char *tail,
			    const char *reason)
{
	char *text = malloc(300000);
	char *end = stpcpy(text, head);
	struct br_error err;

	for (int i = 0; i < 5000; i++)
		end += sprintf(end, "%s%d%s", element, i, tail);
	strcpy(end, *head ? "} }" : "");
	tmpdir_write_text(&conf.dir, "c", text);
	conf_refused(&conf, &err);
	ck_assert_ptr_nonnull(strstr(err.text, reason));
	free(text);
}

START_TEST(test_too_many)
{
	expect_too_many("", "ephemeral a", " {}\n",
			":257: ephemeral \"a256\": too many ephemeral subvolumes");
	expect_too_many("snapshots { subvolumes = {", "a", ",\n",
			":4097: snapshots: subvolumes: \"a4096\": is one subvolume too many");
}
END_TEST

/* --- robustness --- */

static char *read_example(size_t *size_ret)
{
	FILE *file = fopen("docs/blankroot.conf.example", "re");
	char *text = calloc(1, 1 << 16);

	ck_assert_ptr_nonnull(file);
	*size_ret = fread(text, 1, (1 << 16) - 1, file);
	ck_assert_uint_gt(*size_ret, 1000);
	ck_assert_int_eq(fclose(file), 0);
	return text;
}

/*
 * A file that was cut off somewhere must not lose persistent paths in silence: all of them are there
 * when the section is.
 */
START_TEST(test_cut_off)
{
	struct br_config config;
	struct br_error err;
	size_t size, accepted = 0;
	char *text = read_example(&size);

	for (size_t length = 0; length < size; length++) {
		tmpdir_write(&conf.dir, "c", text, length);
		if (br_config_load(conf.path, &config, &err) < 0) {
			ck_assert_int_eq(err.code, BR_ERR_CONFIG);
			continue;
		}
		accepted++;
		ck_assert_uint_eq(config.ephemeral[0].persist_count, 4);
		br_config_free(&config);
	}
	ck_assert_uint_gt(accepted, 0);
	free(text);
}
END_TEST

/* Every byte replaced by others: accepted or refused, but nothing worse; the sanitizers watch. */
START_TEST(test_changed_bytes)
{
	static const char others[] = "\"'{}=,/*#\\$\n+ x\xff";
	struct br_config config;
	struct br_error err;
	size_t size, refused = 0;
	char *text = read_example(&size);

	for (size_t i = (size_t)_i; i < size; i += 8) {
		char original = text[i];

		text[i] = others[(i / 8) % (sizeof(others) - 1)];
		tmpdir_write(&conf.dir, "c", text, size);
		if (br_config_load(conf.path, &config, &err) == 0) {
			br_config_free(&config);
		} else {
			ck_assert_int_eq(err.code, BR_ERR_CONFIG);
			ck_assert_int_eq(strncmp(err.text, conf.path, strlen(conf.path)), 0);
			refused++;
		}
		text[i] = original;
	}
	ck_assert_uint_gt(refused, 0);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config-files");
	TCase *tcase = suite_add_case(suite, "config-files", NULL, NULL, 120);

	tcase_add_checked_fixture(tcase, make_conf, drop_conf);
	tcase_add_test(tcase, test_nul);
	tcase_add_test(tcase, test_no_file);
	tcase_add_test(tcase, test_too_large);
	tcase_add_test(tcase, test_dropin_errors);
	tcase_add_test(tcase, test_dropins_add_and_override);
	tcase_add_test(tcase, test_dropins_replace_commands);
	tcase_add_test(tcase, test_draft);
	tcase_add_test(tcase, test_only_a_dropin_says_something);
	tcase_add_test(tcase, test_links);
	tcase_add_test(tcase, test_long_line);
	tcase_add_test(tcase, test_long_value);
	tcase_add_loop_test(tcase, test_dropins, 0, COUNT(dropins));
	tcase_add_test(tcase, test_long_values_leave_room_for_the_reason);
	tcase_add_test(tcase, test_too_many);
	tcase_add_test(tcase, test_cut_off);
	tcase_add_loop_test(tcase, test_changed_bytes, 0, 8);
	return suite_run(suite, false);
}
