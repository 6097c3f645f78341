/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration: what is accepted, and what it means. */
#include "conf.h"
#include "config.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct conf conf;

static void make_conf(void)
{
	conf_make(&conf);
}

static void drop_conf(void)
{
	conf_remove(&conf);
}

static const struct br_ephemeral *find(const struct br_config *config, const char *name)
{
	for (size_t i = 0; i < config->ephemeral_count; i++)
		if (strcmp(config->ephemeral[i].name, name) == 0)
			return &config->ephemeral[i];
	ck_abort_msg("no %s", name);
}

START_TEST(test_defaults)
{
	const struct br_ephemeral *root;
	struct br_config config;

	conf_load(&conf, "ephemeral root {}", &config);
	ck_assert_ptr_null(config.device);
	ck_assert_uint_eq(config.ephemeral_count, 1);
	root = find(&config, "root");
	ck_assert_str_eq(root->blank, "root-blank");
	ck_assert_str_eq(root->archive, "old_roots");
	ck_assert_ptr_null(root->mountpoint);
	ck_assert_uint_eq(root->persist_count, 0);
	ck_assert_int_eq(root->on_failure, BR_ON_FAILURE_CONTINUE);
	ck_assert_int_eq(root->blank_changed, BR_BLANK_CHANGED_WARN);
	ck_assert_int_eq(config.degraded, BR_DEGRADED_NO);
	ck_assert_str_eq(root->origin.file, conf.path);
	ck_assert_uint_eq(root->origin.line, 1);
	ck_assert_uint_eq(config.archives.keep, 30 * 86400);
	ck_assert_uint_eq(config.archives.keep_min, 3);
	ck_assert_double_eq(config.archives.max_overhead, 0.15);
	ck_assert_double_eq(config.archives.min_free, 0.05);
	ck_assert_uint_eq(config.snapshots.subvolume_count, 0);
	ck_assert_ptr_null(config.snapshots.every.text);
	ck_assert_uint_eq(config.snapshots.keep, 0);
	ck_assert_uint_eq(config.snapshots.hourly + config.snapshots.yearly, 0);
	ck_assert_int_eq(config.snapshots.only_if_changed, BR_ONLY_IF_CHANGED_NO);
	ck_assert_ptr_null(config.snapshots.before.argv);
	ck_assert_uint_eq(config.snapshots.hook_timeout, 60);
	ck_assert_int_eq(config.performance, BR_PERFORMANCE_NONE);
	ck_assert_uint_eq(config.tuning.nodatacow.count + config.tuning.compress.count +
				  config.tuning.set.count,
			  0);
	ck_assert_ptr_null(config.maintenance.scrub.text);
	ck_assert_ptr_null(config.maintenance.balance.text);
	ck_assert_ptr_null(config.maintenance.trim.text);
	ck_assert_ptr_null(config.metrics.directory);
	ck_assert_ptr_null(config.metrics.every.text);
	ck_assert_ptr_null(config.metrics.on_alert.argv);
	ck_assert_double_eq_tol(config.metrics.max_used, 0.85, 1e-9);
	ck_assert_uint_eq(config.metrics.hook_timeout, 60);
	br_config_free(&config);
}
END_TEST

START_TEST(test_free)
{
	struct br_config config = { 0 };

	br_config_free(NULL);
	br_config_free(&config);
	conf_load(&conf, "device = /dev/sda\nephemeral root {}", &config);
	br_config_free(&config);
	ck_assert_ptr_null(config.device);
	ck_assert_ptr_null(config.ephemeral);
	ck_assert_uint_eq(config.ephemeral_count, 0);
	br_config_free(&config);
}
END_TEST

static void expect_postgresql(const struct br_persist *persist)
{
	ck_assert_str_eq(persist->path, "var/lib/postgresql");
	ck_assert_int_eq(persist->method, BR_METHOD_SUBVOLUME);
	ck_assert_int_eq(persist->create, BR_CREATE_DIRECTORY);
	ck_assert_str_eq(persist->owner, "postgres:postgres");
	ck_assert(persist->has_mode);
	ck_assert_uint_eq(persist->mode, 0700);
}

/* What the example and the text of the design have in common. */
static void expect_design(const struct br_config *config)
{
	const struct br_ephemeral *root = find(config, "root");

	ck_assert_uint_eq(config->ephemeral_count, 1);
	ck_assert_str_eq(root->blank, "root-blank");
	ck_assert_str_eq(root->archive, "old_roots");
	ck_assert_str_eq(root->mountpoint, "/");
	conf_expect_paths(root, "etc/machine-id etc/ssh var/lib/nixos var/lib/postgresql");
	ck_assert_int_eq(root->persist[0].method, BR_METHOD_COPY);
	ck_assert_int_eq(root->persist[0].create, BR_CREATE_NO);
	ck_assert_ptr_null(root->persist[0].owner);
	ck_assert(!root->persist[0].has_mode);
	expect_postgresql(&root->persist[3]);
	ck_assert_int_eq(root->on_failure, BR_ON_FAILURE_CONTINUE);
	ck_assert_int_eq(root->blank_changed, BR_BLANK_CHANGED_WARN);
	ck_assert_int_eq(config->degraded, BR_DEGRADED_NO);
	ck_assert_uint_eq(config->archives.keep, 30 * 86400);
	ck_assert_uint_eq(config->archives.keep_min, 3);
	ck_assert_uint_eq(config->snapshots.subvolume_count, 2);
	ck_assert_str_eq(config->snapshots.subvolumes[0], "persist");
	ck_assert_str_eq(config->snapshots.subvolumes[1], "services");
	ck_assert_str_eq(config->snapshots.every.text, "6h");
	ck_assert_uint_eq(config->snapshots.keep, 30 * 86400);
	ck_assert_int_eq(config->performance, BR_PERFORMANCE_BALANCED);
	ck_assert_str_eq(config->maintenance.scrub.text, "monthly");
	ck_assert_str_eq(config->maintenance.balance.text, "weekly");
	ck_assert_str_eq(config->maintenance.trim.text, "weekly");
}

/* Section 4 of the design, to the letter. */
static const char design[] =
	"device = \"UUID=0b3a\"                # default: root= from the kernel command line\n"
	"degraded = no                        # no (default) | yes\n"
	"\n"
	"ephemeral root {                     # title: the subvolume's path from the top level\n"
	"    blank      = \"root-blank\"\n"
	"    blank-changed = warn             # warn (default) | refuse\n"
	"    archive    = \"old_roots\"\n"
	"    mountpoint = \"/\"\n"
	"    persist    = { \"/etc/machine-id\", \"/etc/ssh\", \"/var/lib/nixos\" }\n"
	"    path \"/var/lib/postgresql\" {     # the long form, one path with options\n"
	"        method = subvolume           # copy (default) | subvolume\n"
	"        create = directory           # make it if neither old root nor blank has it\n"
	"        owner  = \"postgres:postgres\" # names resolved in the new root's /etc/passwd\n"
	"        mode   = \"0700\"\n"
	"    }\n"
	"    on-failure = continue            # continue (default) | stop: emergency shell\n"
	"}\n"
	"\n"
	"archives {\n"
	"    keep         = \"30d\"             # age counts from retirement\n"
	"    keep-min     = 3                 # never fewer than these\n"
	"    max-overhead = \"15%\"             # of the file system's used bytes\n"
	"    min-free     = \"5%\"\n"
	"}\n"
	"snapshots {\n"
	"    subvolumes = { \"persist\", \"services\" }\n"
	"    every      = \"6h\"\n"
	"    keep       = \"30d\"               # or calendar counts: hourly = 24, daily = 7\n"
	"}\n"
	"performance { mode = balanced }      # balanced | io-optimized | space-optimized\n"
	"maintenance {\n"
	"    scrub   = \"monthly\"\n"
	"    balance = \"weekly\"\n"
	"    trim    = \"weekly\"\n"
	"}\n";

START_TEST(test_design)
{
	struct br_config config;

	conf_load(&conf, design, &config);
	expect_design(&config);
	ck_assert_str_eq(config.device, "UUID=0b3a");
	ck_assert_uint_eq(config.ephemeral[0].origin.line, 4);
	ck_assert_uint_eq(config.ephemeral[0].persist[1].origin.line, 9);
	ck_assert_uint_eq(config.ephemeral[0].persist[3].origin.line, 10);
	br_config_free(&config);
}
END_TEST

START_TEST(test_example)
{
	struct br_config config;

	conf_load_file("docs/blankroot.conf.example", &config);
	expect_design(&config);
	ck_assert_ptr_null(config.device);
	br_config_free(&config);
}
END_TEST

START_TEST(test_everything_else)
{
	const struct br_ephemeral *home;
	struct br_config config;

	conf_load(
		&conf,
		"degraded = yes\n"
		"ephemeral root { archive = \"none\" on-failure = stop blank-changed = refuse }\n"
		"ephemeral \"sub/home\" {\n"
		"  blank = blanks/empty archive = none mountpoint = /home\n"
		"  path /a { method = copy create = file owner = 1000 mode = 640 }\n"
		"  path /b { create = directory owner = :users mode = 02755 }\n"
		"}\n"
		"ephemeral cache { blank = blanks/empty archive = old/cache }\n"
		"archives { keep = 1y2w3d4h5m6s keep-min = 0 max-overhead = 100% min-free = 12.5% }\n"
		"snapshots { hourly = 1 daily = 2 weekly = 3 monthly = 4 yearly = 4294967295\n"
		"  every = 'Mon *-*-* 00:00' }\n"
		"performance { mode = io-optimized nodatacow = { /db, /vm } compress = { /log }\n"
		"  set = { 'vm.swappiness=5', 'vm.dirty_ratio=30' } }\n",
		&config);
	ck_assert_uint_eq(config.ephemeral_count, 3);
	ck_assert_ptr_null(find(&config, "root")->archive);
	ck_assert_int_eq(find(&config, "root")->on_failure, BR_ON_FAILURE_STOP);
	ck_assert_int_eq(find(&config, "root")->blank_changed, BR_BLANK_CHANGED_REFUSE);
	ck_assert_int_eq(config.degraded, BR_DEGRADED_YES);
	home = find(&config, "sub/home");
	ck_assert_str_eq(home->blank, "blanks/empty");
	ck_assert_ptr_null(home->archive);
	ck_assert_str_eq(home->mountpoint, "/home");
	conf_expect_paths(home, "a b");
	ck_assert_int_eq(home->persist[0].create, BR_CREATE_FILE);
	ck_assert_str_eq(home->persist[0].owner, "1000");
	ck_assert_uint_eq(home->persist[0].mode, 0640);
	ck_assert_str_eq(home->persist[1].owner, ":users");
	ck_assert_uint_eq(home->persist[1].mode, 02755);
	ck_assert_str_eq(find(&config, "cache")->archive, "old/cache");
	ck_assert_uint_eq(config.archives.keep,
			  365 * 86400 + 14 * 86400 + 3 * 86400 + 4 * 3600 + 5 * 60 + 6);
	ck_assert_uint_eq(config.archives.keep_min, 0);
	ck_assert_double_eq(config.archives.max_overhead, 1);
	ck_assert_double_eq(config.archives.min_free, 0.125);
	ck_assert_uint_eq(config.snapshots.hourly, 1);
	ck_assert_uint_eq(config.snapshots.daily, 2);
	ck_assert_uint_eq(config.snapshots.weekly, 3);
	ck_assert_uint_eq(config.snapshots.monthly, 4);
	ck_assert_uint_eq(config.snapshots.yearly, 4294967295);
	ck_assert_str_eq(config.snapshots.every.text, "Mon *-*-* 00:00");
	ck_assert_int_eq(config.performance, BR_PERFORMANCE_IO);
	ck_assert_uint_eq(config.tuning.nodatacow.count, 2);
	ck_assert_str_eq(config.tuning.nodatacow.items[1].text, "/vm");
	ck_assert_uint_eq(config.tuning.nodatacow.items[1].origin.line, 12);
	ck_assert_uint_eq(config.tuning.compress.count, 1);
	ck_assert_str_eq(config.tuning.set.items[0].text, "vm.swappiness=5");
	ck_assert_uint_eq(config.tuning.set.items[1].origin.line, 13);
	br_config_free(&config);
}
END_TEST

START_TEST(test_shares)
{
	static const struct {
		const char *text;
		double share;
	} cases[] = {
		{ "0%", 0 },         { "100%", 1 },      { "15%", 0.15 },
		{ "2.25%", 0.0225 }, { "007.0%", 0.07 },
	};
	struct br_config config;
	char text[100];

	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)snprintf(text, sizeof(text), "ephemeral root {} archives { min-free = %s }",
			       cases[i].text);
		conf_load(&conf, text, &config);
		ck_assert_double_eq_tol(config.archives.min_free, cases[i].share, 1e-12);
		br_config_free(&config);
	}
}
END_TEST

/* Ways of writing; each must give root with /a and /b. */
static const char *const ways[] = {
	"ephemeral root{persist={\"/a\",\"/b\"}}",
	"ephemeral \"root\" { persist = { /a, /b, } }",
	"ephemeral 'root' { persist = { '/a' , '/b' } }\n",
	"ephemeral root\n{\npersist\n=\n{\n\"/a\"\n,\n\"/b\"\n}\n}",
	"ephemeral root { persist = /a persist += /b }",
	"ephemeral root { persist = { /a } persist += { /b } }",
	"ephemeral root { persist = {} path /a {} path /b {} }",
	"ephemeral root { path /a {}\npersist = { /b } }",
	"\r\nephemeral root {\r\n persist = { /a, /b }\r\n}\r\n",
	"# c\n// c\n/* c\n * c */ ephemeral /* c */ root { # {{{ \"'\n persist = { /a, // \"\n /b } }# c",
	"ephemeral root { persist = { \"/a\"/**/,\"/b\"//\n}\n}",
	"ephemeral root { persist = { \"/\\\na\", \"\\/b\" } }",
	"archives {}\nephemeral root { persist = { /a, /b } } snapshots{}performance{}maintenance{}",
};

START_TEST(test_ways_of_writing)
{
	struct br_config config;

	conf_load(&conf, ways[_i], &config);
	ck_assert_uint_eq(config.ephemeral_count, 1);
	ck_assert_str_eq(config.ephemeral[0].name, "root");
	conf_expect_paths(&config.ephemeral[0], "a b");
	br_config_free(&config);
}
END_TEST

/* Neither the environment nor the users of the system have a say. */
START_TEST(test_values_are_literal)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "'/${HOME}'", "${HOME}" },
		{ "\"/\\${HOME}\"", "${HOME}" },
		{ "/$HOME", "$HOME" },
		{ "\"/~root\"", "~root" },
		{ "/a~", "a~" },
		{ "\"/a\\\\b\\\"c\"", "a\\b\"c" },
		{ "'/a\\b\\'c'", "a\\b'c" },
		{ "\"/a b#c/*d\"", "a b#c/*d" },
		{ "'/a b#c{d}=,+*(x)'", "a b#c{d}=,+*(x)" },
		{ "/a;b|c", "a;b|c" },
		{ "/\xc3\xa4\xff", "\xc3\xa4\xff" },
		{ "/...", "..." },
		{ "/.hidden/a..b", ".hidden/a..b" },
	};
	char text[200];

	ck_assert_int_eq(setenv("HOME", "/expanded", 1), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct br_config config;

		(void)snprintf(text, sizeof(text), "ephemeral root { persist = { %s } }",
			       cases[i].text);
		conf_load(&conf, text, &config);
		conf_expect_paths(&config.ephemeral[0], cases[i].expected);
		br_config_free(&config);
	}
}
END_TEST

/* A list of one value, as written. Returns 0 with the path in it, owned by the caller, or what was wrong with it. */
static int read_path(const char *value, char **path_ret)
{
	struct br_config config;
	struct br_error err;
	char text[200];

	(void)snprintf(text, sizeof(text), "ephemeral root { persist = { %s } }", value);
	tmpdir_write_text(&conf.dir, "c", text);
	int r = br_config_load(conf.path, &config, &err);
	if (r < 0)
		return r;
	const struct br_ephemeral *root = &config.ephemeral[0];
	*path_ret = root->persist_count == 1 ? strdup(root->persist[0].path) : strdup("");
	ck_assert_ptr_nonnull(*path_ret);
	br_config_free(&config);
	return 0;
}

/* "/x", the characters, "y", in quotes or not, is the path "x", the expected, "y"; NULL: it is refused. */
static void expect_path(const char *quote, const char *written, const char *expected)
{
	char value[32], path[32], *found = NULL;

	(void)snprintf(value, sizeof(value), "%s/x%sy%s", quote, written, quote);
	(void)snprintf(path, sizeof(path), "x%sy", expected ? expected : "");
	int r = read_path(value, &found);
	if (expected)
		ck_assert_msg(r == 0 && strcmp(found, path) == 0, "%s is %s", value,
			      r == 0 ? found : "refused");
	else
		ck_assert_msg(r == BR_ERR_CONFIG, "%s is %s", value, r == 0 ? found : "odd");
	free(found);
}

/* A backslash quotes what is behind it, but for what would be a number or a control character. */
START_TEST(test_double_quotes)
{
	for (int c = ' '; c <= '~'; c++) {
		const char written[] = { '\\', (char)c, '\0' }, alone[] = { (char)c, '\0' };

		if (c == '/')
			continue; /* it divides the path, quoted or not */
		expect_path("\"", written, strchr("0123456789xabefnrtv", c) ? NULL : alone);
		if (c != '"' && c != '\\')
			expect_path("\"", alone, alone);
	}
	expect_path("\"", "${a}", NULL);
	expect_path("\"", "\n", NULL);
	expect_path("\"", "\\\n", "");
}
END_TEST

/* A backslash is one, but for two of them and for one before a quote. */
START_TEST(test_single_quotes)
{
	for (int c = ' '; c <= '~'; c++) {
		const char written[] = { '\\', (char)c, '\0' }, alone[] = { (char)c, '\0' };

		if (c == '/')
			continue;
		expect_path("'", written, strchr("'\\", c) ? alone : written);
		if (c != '\'' && c != '\\')
			expect_path("'", alone, alone);
	}
	expect_path("'", "${a}", "${a}");
	expect_path("'", "\n", NULL);
	expect_path("'", "\\\n", "");
}
END_TEST

/* White space and some characters end a value, "*" and "${" are refused, all others are themselves. */
START_TEST(test_no_quotes)
{
	for (int c = '!'; c <= '~'; c++) {
		const char alone[] = { (char)c, '\0' };
		char value[8], *found = NULL;

		if (c == '/')
			continue;
		if (!strchr("#\"'={}()+,*", c)) {
			expect_path("", alone, alone);
			continue;
		}
		(void)snprintf(value, sizeof(value), "/x%cy", c);
		int r = read_path(value, &found);
		ck_assert_msg(r == BR_ERR_CONFIG || (r == 0 && strchr("\"'", c)), "%s is %s", value,
			      r == 0 ? found : "odd");
		free(found);
	}
	expect_path("", "${a}", NULL);
}
END_TEST

START_TEST(test_subvolume_names_are_literal)
{
	struct br_config config;

	conf_load(&conf, "ephemeral ~root { }", &config);
	ck_assert_str_eq(config.ephemeral[0].name, "~root");
	ck_assert_str_eq(config.ephemeral[0].blank, "~root-blank");
	br_config_free(&config);
}
END_TEST

START_TEST(test_devices)
{
	static const char *const devices[] = { "UUID=1234-5678", "LABEL=my disk", "PARTUUID=ab",
					       "PARTLABEL=root", "/dev/disk/by-id/x" };
	char text[200];

	for (size_t i = 0; i < COUNT(devices); i++) {
		struct br_config config;

		(void)snprintf(text, sizeof(text), "device = \"%s\"\nephemeral root {}",
			       devices[i]);
		conf_load(&conf, text, &config);
		ck_assert_str_eq(config.device, devices[i]);
		br_config_free(&config);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("config");
	TCase *tcase = suite_add_case(suite, "config", NULL, NULL, 120);

	tcase_add_checked_fixture(tcase, make_conf, drop_conf);
	tcase_add_test(tcase, test_defaults);
	tcase_add_test(tcase, test_free);
	tcase_add_test(tcase, test_design);
	tcase_add_test(tcase, test_example);
	tcase_add_test(tcase, test_everything_else);
	tcase_add_test(tcase, test_shares);
	tcase_add_loop_test(tcase, test_ways_of_writing, 0, COUNT(ways));
	tcase_add_test(tcase, test_values_are_literal);
	tcase_add_test(tcase, test_double_quotes);
	tcase_add_test(tcase, test_single_quotes);
	tcase_add_test(tcase, test_no_quotes);
	tcase_add_test(tcase, test_subvolume_names_are_literal);
	tcase_add_test(tcase, test_devices);
	return suite_run(suite, false);
}
