/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users and groups of another root. */
#include "owner.h"
#include "suite.h"
#include "tmpdir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct tmpdir root;

static void make_root(void)
{
	tmpdir_make(&root);
	ck_assert_int_eq(mkdirat(root.fd, "etc", 0755), 0);
	tmpdir_write_text(&root, "etc/passwd",
			  "root:x:0:0:root:/root:/bin/sh\n"
			  "\n"
			  "# comment\n"
			  "+::::::\n"
			  "postgres:x:70:71:PostgreSQL:/var/lib/postgresql:/bin/sh\n"
			  "postgres:x:1:1:second of the name::\n"
			  "pos:x:72:73:::\n"
			  "cut:x:74\n"
			  "bad:x:abc:75:::\n"
			  "large:x:4294967295:1:::\n"
			  "nobody:x:65534:65534::/:/bin/false\n"
			  "nologin\n"
			  "last:x:4294967294:4294967294");
	tmpdir_write_text(&root, "etc/group",
			  "root:x:0:\n"
			  "postgres:x:80:root,postgres\n"
			  "badgroup:x::\n"
			  "ssl-cert:x:110:postgres\n");
}

static void drop_root(void)
{
	tmpdir_remove(&root);
}

static const struct {
	const char *owner;
	uid_t uid;
	gid_t gid;
} owners[] = {
	{ NULL, 0, 0 },
	{ "root", 0, 0 },
	{ "root:root", 0, 0 },
	{ "postgres", 70, 71 },
	{ "postgres:", 70, 0 },
	{ "postgres:postgres", 70, 80 },
	{ ":postgres", 0, 80 },
	{ "pos:ssl-cert", 72, 110 },
	{ "1000", 1000, 0 },
	{ "1000:1001", 1000, 1001 },
	{ ":1001", 0, 1001 },
	{ "postgres:7", 70, 7 },
	{ "7:ssl-cert", 7, 110 },
	{ "last", 4294967294, 4294967294 },
	{ "4294967294:0", 4294967294, 0 },
};

START_TEST(test_resolve)
{
	uid_t uid = 123456;
	gid_t gid = 123456;
	struct br_error err;

	ck_assert_int_eq(br_owner_resolve(root.fd, owners[_i].owner, &uid, &gid, &err), 0);
	ck_assert_uint_eq(uid, owners[_i].uid);
	ck_assert_uint_eq(gid, owners[_i].gid);
	if (owners[_i].owner)
		ck_assert_int_eq(br_owner_check(owners[_i].owner, &err), 0);
}
END_TEST

#define FORM "must be user:group, names or numbers"

static const struct {
	const char *owner, *path, *text;
	bool valid; /* in form */
} refusals[] = {
	{ "mysql", "etc/passwd", "there is no \"mysql\"", true },
	{ "post", "etc/passwd", "there is no \"post\"", true },
	{ "ssl-cert", "etc/passwd", "there is no \"ssl-cert\"", true },
	{ "root:pos", "etc/group", "there is no \"pos\"", true },
	{ ":wheel", "etc/group", "there is no \"wheel\"", true },
	{ "cut", "etc/passwd", "the entry of \"cut\" is damaged", true },
	{ "bad", "etc/passwd", "the entry of \"bad\" is damaged", true },
	{ "large", "etc/passwd", "the entry of \"large\" is damaged", true },
	{ "nologin", "etc/passwd", "the entry of \"nologin\" is damaged", true },
	{ ":badgroup", "etc/group", "the entry of \"badgroup\" is damaged", true },
	{ "", "", "must not be empty", false },
	{ ":", "", "must not be empty", false },
	{ "a:b:c", "", FORM, false },
	{ "::", "", FORM, false },
	{ "a b", "", FORM, false },
	{ "a:b ", "", FORM, false },
	{ "a/b", "", FORM, false },
	{ "a\n", "", FORM, false },
	{ "a\177", "", FORM, false },
	{ "4294967295", "", "the number is too large", false },
	{ ":99999999999999999999999", "", "the number is too large", false },
};

START_TEST(test_resolve_refuses)
{
	uid_t uid = 123;
	gid_t gid = 456;
	struct br_error err;

	ck_assert_int_eq(br_owner_resolve(root.fd, refusals[_i].owner, &uid, &gid, &err),
			 BR_ERR_OWNER);
	ck_assert_str_eq(err.text, refusals[_i].text);
	ck_assert_str_eq(err.path, refusals[_i].path);
	ck_assert_uint_eq(uid, 123);
	ck_assert_uint_eq(gid, 456);
	ck_assert_int_eq(br_owner_check(refusals[_i].owner, &err),
			 refusals[_i].valid ? 0 : BR_ERR_OWNER);
}
END_TEST

/* A root that may have been taken over must not make us read something else. */
START_TEST(test_links_are_not_followed)
{
	struct tmpdir other;
	struct br_error err;
	uid_t uid;
	gid_t gid;

	tmpdir_make(&other);
	ck_assert_int_eq(symlinkat(root.path, other.fd, "real"), 0);
	ck_assert_int_eq(symlinkat("real/etc", other.fd, "etc"), 0);
	ck_assert_int_eq(br_owner_resolve(other.fd, "postgres", &uid, &gid, &err), BR_ERR_OWNER);
	ck_assert_int_eq(err.sys_errno, ELOOP);

	ck_assert_int_eq(unlinkat(other.fd, "etc", 0), 0);
	ck_assert_int_eq(mkdirat(other.fd, "etc", 0755), 0);
	ck_assert_int_eq(symlinkat("../real/etc/passwd", other.fd, "etc/passwd"), 0);
	ck_assert_int_eq(br_owner_resolve(other.fd, "postgres", &uid, &gid, &err), BR_ERR_OWNER);
	ck_assert_int_eq(err.sys_errno, ELOOP);

	ck_assert_int_eq(unlinkat(other.fd, "etc/passwd", 0), 0);
	ck_assert_int_eq(mkfifoat(other.fd, "etc/passwd", 0600), 0);
	ck_assert_int_eq(br_owner_resolve(other.fd, "postgres", &uid, &gid, &err), BR_ERR_OWNER);
	tmpdir_remove(&other);
}
END_TEST

START_TEST(test_numbers_need_no_files)
{
	struct tmpdir empty;
	struct br_error err;
	uid_t uid;
	gid_t gid;

	tmpdir_make(&empty);
	ck_assert_int_eq(br_owner_resolve(empty.fd, "5:6", &uid, &gid, &err), 0);
	ck_assert_uint_eq(uid, 5);
	ck_assert_uint_eq(gid, 6);
	ck_assert_int_eq(br_owner_resolve(empty.fd, NULL, &uid, &gid, &err), 0);
	ck_assert_int_eq(br_owner_resolve(empty.fd, "root", &uid, &gid, &err), BR_ERR_OWNER);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	tmpdir_remove(&empty);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("owner");
	TCase *tcase = suite_add_case(suite, "owner", make_root, drop_root, 60);

	tcase_add_loop_test(tcase, test_resolve, 0, COUNT(owners));
	tcase_add_loop_test(tcase, test_resolve_refuses, 0, COUNT(refusals));
	tcase_add_test(tcase, test_links_are_not_followed);
	tcase_add_test(tcase, test_numbers_need_no_files);
	return suite_run(suite, false);
}
