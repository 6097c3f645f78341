/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory runs out in the configuration, the kernel command line, files and owners. */
#include "cmdline.h"
#include "conf.h"
#include "config.h"
#include "fail-alloc.h"
#include "file.h"
#include "owner.h"
#include "suite.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct conf conf;

static void make_conf(void)
{
	conf_make(&conf);
}

static void drop_conf(void)
{
	conf_remove(&conf);
}

static int load_and_free(void)
{
	struct br_config config;
	struct br_error err;
	int r = br_config_load(conf.path, &config, &err);

	if (r == 0)
		br_config_free(&config);
	return r;
}

START_TEST(test_config)
{
	tmpdir_write_text(
		&conf.dir, "c",
		"device = /dev/sda\n"
		"ephemeral root { blank = b archive = a mountpoint = /\n"
		"  persist = { /a, /b }\n"
		"  path /c { method = subvolume create = directory owner = root:root mode = 0700 }\n}\n"
		"ephemeral tmp { }\n"
		"archives { keep = 1d }\n"
		"snapshots { subvolumes = { x, y } every = 1h before = { /bin/true, a } after = /b }\n"
		"maintenance { scrub = weekly }\n");
	ck_assert_int_eq(mkdirat(conf.dir.fd, "c.d", 0755), 0);
	tmpdir_write_text(&conf.dir, "c.d/x.conf", "ephemeral root { blank = c path /d {} }\n");
	assert_survives_no_memory(load_and_free());
}
END_TEST

static int parse_and_free(void)
{
	struct br_cmdline cmdline;
	struct br_error err;
	int r = br_cmdline_parse("root=LABEL=x quiet", &cmdline, &err);

	if (r == 0)
		br_cmdline_free(&cmdline);
	return r;
}

START_TEST(test_cmdline)
{
	assert_survives_no_memory(parse_and_free());
}
END_TEST

static int read_and_free(void)
{
	struct br_error err;
	char *text;
	int r = br_file_read(conf.dir.fd, "file", 1 << 20, &text, NULL, &err);

	if (r == 0)
		free(text);
	return r;
}

START_TEST(test_file)
{
	static const char text[100000];

	tmpdir_write(&conf.dir, "file", text, sizeof(text));
	assert_survives_no_memory(read_and_free());
}
END_TEST

static int resolve(void)
{
	struct br_error err;
	uid_t uid;
	gid_t gid;

	return br_owner_resolve(conf.dir.fd, "user:group", &uid, &gid, &err);
}

START_TEST(test_owner)
{
	ck_assert_int_eq(mkdirat(conf.dir.fd, "etc", 0755), 0);
	tmpdir_write_text(&conf.dir, "etc/passwd", "user:x:1:2:::\n");
	tmpdir_write_text(&conf.dir, "etc/group", "group:x:3:\n");
	assert_survives_no_memory(resolve());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory");
	TCase *tcase = suite_add_case(suite, "memory", NULL, NULL, 120);

	tcase_add_checked_fixture(tcase, make_conf, drop_conf);
	tcase_add_test(tcase, test_config);
	tcase_add_test(tcase, test_cmdline);
	tcase_add_test(tcase, test_file);
	tcase_add_test(tcase, test_owner);
	return suite_run(suite, false);
}
