/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors: codes, texts, formatting, escaping. */
#include "error.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Written down again here: a changed class changes an exit code that is documented. */
static const struct {
	enum br_code code;
	const char *name;
	enum br_class class;
} codes[] = {
	{ BR_OK, "ok", BR_CLASS_OK },
	{ BR_ERR_NOMEM, "out-of-memory", BR_CLASS_FAILED },
	{ BR_ERR_USAGE, "usage", BR_CLASS_USAGE },
	{ BR_ERR_CONFIG, "configuration", BR_CLASS_USAGE },
	{ BR_ERR_DEVICE_MISSING, "device-missing", BR_CLASS_FAILED },
	{ BR_ERR_DEVICE_INCOMPLETE, "device-incomplete", BR_CLASS_FAILED },
	{ BR_ERR_DEVICE_PROBE, "device-probe", BR_CLASS_FAILED },
	{ BR_ERR_MODULE, "module", BR_CLASS_FAILED },
	{ BR_ERR_HIBERNATED, "hibernated", BR_CLASS_REFUSED },
	{ BR_ERR_MOUNT, "mount", BR_CLASS_FAILED },
	{ BR_ERR_IN_USE, "in-use", BR_CLASS_REFUSED },
	{ BR_ERR_LOCKED, "locked", BR_CLASS_REFUSED },
	{ BR_ERR_LAYOUT, "layout", BR_CLASS_REFUSED },
	{ BR_ERR_REQUEST, "request", BR_CLASS_REFUSED },
	{ BR_ERR_OPEN, "open", BR_CLASS_FAILED },
	{ BR_ERR_STAT, "stat", BR_CLASS_FAILED },
	{ BR_ERR_READ, "read", BR_CLASS_FAILED },
	{ BR_ERR_WRITE, "write", BR_CLASS_FAILED },
	{ BR_ERR_CREATE, "create", BR_CLASS_FAILED },
	{ BR_ERR_CLONE, "clone", BR_CLASS_FAILED },
	{ BR_ERR_XATTR, "xattr", BR_CLASS_FAILED },
	{ BR_ERR_FLAGS, "flags", BR_CLASS_FAILED },
	{ BR_ERR_ATTRIBUTES, "attributes", BR_CLASS_FAILED },
	{ BR_ERR_LINK, "link", BR_CLASS_FAILED },
	{ BR_ERR_REMOVE, "remove", BR_CLASS_FAILED },
	{ BR_ERR_SYMLINK, "symlink", BR_CLASS_FAILED },
	{ BR_ERR_TYPE, "type", BR_CLASS_FAILED },
	{ BR_ERR_UNSUPPORTED, "unsupported", BR_CLASS_FAILED },
	{ BR_ERR_SNAPSHOT, "snapshot", BR_CLASS_FAILED },
	{ BR_ERR_SUBVOLUME, "subvolume", BR_CLASS_FAILED },
	{ BR_ERR_DELETE, "delete", BR_CLASS_FAILED },
	{ BR_ERR_EXCHANGE, "exchange", BR_CLASS_FAILED },
	{ BR_ERR_RENAME, "rename", BR_CLASS_FAILED },
	{ BR_ERR_DEFAULT, "default", BR_CLASS_FAILED },
	{ BR_ERR_SYNC, "sync", BR_CLASS_FAILED },
	{ BR_ERR_OWNER, "owner", BR_CLASS_FAILED },
	{ BR_ERR_BLANK_CHANGED, "blank-changed", BR_CLASS_REFUSED },
	{ BR_ERR_JOB, "job", BR_CLASS_FAILED },
};

START_TEST(test_codes)
{
	char text[200];

	ck_assert_uint_eq(COUNT(codes), 1 - BR_ERR_LAST);
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct br_error err = { .code = codes[i].code };

		ck_assert_int_eq(codes[i].code, -(int)i);
		ck_assert_str_eq(br_code_name(codes[i].code), codes[i].name);
		ck_assert_int_eq(br_code_class(codes[i].code), codes[i].class);
		br_error_format(&err, text, sizeof(text));
		ck_assert_uint_gt(strlen(text), 3);
		ck_assert_str_ne(text, "unknown error");
	}
}
END_TEST

START_TEST(test_unknown_codes)
{
	static const int unknown[] = { 1, BR_ERR_LAST - 1, -1000000, 1000000 };

	for (size_t i = 0; i < COUNT(unknown); i++) {
		ck_assert_str_eq(br_code_name((enum br_code)unknown[i]), "unknown");
		ck_assert_int_eq(br_code_class((enum br_code)unknown[i]), BR_CLASS_FAILED);
	}
}
END_TEST

START_TEST(test_set_fills_everything)
{
	struct br_error err;

	memset(&err, 0x55, sizeof(err));
	errno = EDOM;
	ck_assert_int_eq(br_error_set(&err, BR_ERR_OPEN, ENOENT, "a/b", "%s %d", "text", 7),
			 BR_ERR_OPEN);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_int_eq(err.code, BR_ERR_OPEN);
	ck_assert_int_eq(err.sys_errno, ENOENT);
	ck_assert_str_eq(err.path, "a/b");
	ck_assert_str_eq(err.text, "text 7");

	ck_assert_int_eq(br_error_set(&err, BR_ERR_NOMEM, 0, NULL, NULL), BR_ERR_NOMEM);
	ck_assert_int_eq(err.sys_errno, 0);
	ck_assert_str_eq(err.path, "");
	ck_assert_str_eq(err.text, "");
}
END_TEST

/* Functions wrap an error of which they keep a part. */
START_TEST(test_set_from_itself)
{
	struct br_error err;

	(void)br_error_set(&err, BR_ERR_OPEN, ENOENT, "path", "text");
	(void)br_error_set(&err, BR_ERR_LAYOUT, 0, err.path + 1, "new: %s", err.text);
	ck_assert_str_eq(err.path, "ath");
	ck_assert_str_eq(err.text, "new: text");
}
END_TEST

START_TEST(test_set_keeps_the_end_of_a_path)
{
	char path[BR_ERROR_PATH_MAX + 100];
	struct br_error err;

	memset(path, 'x', sizeof(path));
	path[BR_ERROR_PATH_MAX - 1] = '\0';
	(void)br_error_set(&err, BR_ERR_OPEN, 0, path, NULL);
	ck_assert_str_eq(err.path, path);

	path[BR_ERROR_PATH_MAX - 1] = 'x';
	strcpy(path + sizeof(path) - 5, "/end");
	(void)br_error_set(&err, BR_ERR_OPEN, 0, path, NULL);
	ck_assert_uint_eq(strlen(err.path), BR_ERROR_PATH_MAX - 1);
	ck_assert_int_eq(strncmp(err.path, "...xx", 5), 0);
	ck_assert_str_eq(err.path + BR_ERROR_PATH_MAX - 5, "/end");
}
END_TEST

START_TEST(test_set_cuts_a_text)
{
	char text[BR_ERROR_TEXT_MAX + 100];
	struct br_error err;

	memset(text, 'x', sizeof(text));
	text[BR_ERROR_TEXT_MAX - 1] = '\0';
	(void)br_error_set(&err, BR_ERR_OPEN, 0, NULL, "%s", text);
	ck_assert_str_eq(err.text, text);

	text[BR_ERROR_TEXT_MAX - 1] = 'x';
	text[sizeof(text) - 1] = '\0';
	(void)br_error_set(&err, BR_ERR_OPEN, 0, NULL, "%s", text);
	ck_assert_uint_eq(strlen(err.text), BR_ERROR_TEXT_MAX - 1);
	ck_assert_str_eq(err.text + BR_ERROR_TEXT_MAX - 5, "x...");

	/* the cut would fall between the two bytes of a character */
	memcpy(text + BR_ERROR_TEXT_MAX - 5, "\xc3\xa4", 2);
	(void)br_error_set(&err, BR_ERR_OPEN, 0, NULL, "%s", text);
	ck_assert_str_eq(err.text + BR_ERROR_TEXT_MAX - 6, "x...");
}
END_TEST

START_TEST(test_context)
{
	struct br_error err;

	(void)br_error_set(&err, BR_ERR_WRITE, EIO, "p", "inner");
	errno = EDOM;
	ck_assert_int_eq(br_error_context(&err, "outer %d", 1), BR_ERR_WRITE);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_str_eq(err.text, "outer 1: inner");
	ck_assert_str_eq(err.path, "p");
	ck_assert_int_eq(err.sys_errno, EIO);

	(void)br_error_set(&err, BR_ERR_WRITE, EIO, "p", NULL);
	(void)br_error_context(&err, "outer");
	ck_assert_str_eq(err.text, "outer");
}
END_TEST

START_TEST(test_prefix_path)
{
	static const struct {
		const char *path, *dir, *expected;
	} cases[] = {
		{ "b", "a", "a/b" },  { "b", "a/", "a/b" }, { "b", "/", "/b" },
		{ "/b", "a", "a/b" }, { "b", "", "b" },     { "", "a", "" },
	};
	struct br_error err;

	for (size_t i = 0; i < COUNT(cases); i++) {
		(void)br_error_set(&err, BR_ERR_STAT, ENOENT, cases[i].path, "t");
		ck_assert_int_eq(br_error_prefix_path(&err, cases[i].dir), BR_ERR_STAT);
		ck_assert_str_eq(err.path, cases[i].expected);
		ck_assert_str_eq(err.text, "t");
	}
}
END_TEST

START_TEST(test_name)
{
	struct br_error err;

	(void)br_error_set(&err, BR_ERR_SYNC, EIO, NULL, "t");
	ck_assert_int_eq(br_error_name(&err, NULL), BR_ERR_SYNC);
	ck_assert_str_eq(err.path, "");
	ck_assert_int_eq(br_error_name(&err, "/dev/sda"), BR_ERR_SYNC);
	ck_assert_str_eq(err.path, "/dev/sda");
	ck_assert_int_eq(br_error_name(&err, "/dev/sdb"), BR_ERR_SYNC);
	ck_assert_str_eq(err.path, "/dev/sda");
	ck_assert_str_eq(err.text, "t");
	ck_assert_int_eq(err.sys_errno, EIO);
}
END_TEST

START_TEST(test_prefix_path_too_long)
{
	char dir[3 * BR_ERROR_PATH_MAX];
	struct br_error err;

	memset(dir, 'd', sizeof(dir));
	dir[sizeof(dir) - 1] = '\0';
	(void)br_error_set(&err, BR_ERR_STAT, ENOENT, "name", NULL);
	for (int i = 0; i < 3; i++) { /* cutting what is cut already changes nothing */
		(void)br_error_prefix_path(&err, dir);
		ck_assert_uint_eq(strlen(err.path), BR_ERROR_PATH_MAX - 1);
		ck_assert_int_eq(strncmp(err.path, "...dd", 5), 0);
		ck_assert_str_eq(err.path + BR_ERROR_PATH_MAX - 6, "/name");
	}
}
END_TEST

START_TEST(test_format)
{
	static const struct {
		struct br_error err;
		const char *expected;
	} cases[] = {
		{ { .code = BR_ERR_OPEN }, "cannot open" },
		{ { .code = BR_ERR_OPEN, .sys_errno = ENOENT, .path = "a\nb", .text = "why\t" },
		  "cannot open \"a\\x0ab\": why\\x09: No such file or directory" },
		{ { .code = BR_ERR_SYNC, .sys_errno = EIO },
		  "cannot flush to disk: Input/output error" },
		{ { .code = BR_ERR_CONFIG, .text = "/x:1: bad" },
		  "configuration error: /x:1: bad" },
		{ { .code = BR_ERR_SNAPSHOT, .path = "\x1b[2J" },
		  "cannot make snapshot \"\\x1b[2J\"" },
		{ { .code = (enum br_code)5 }, "unknown error" },
	};
	char text[200];

	for (size_t i = 0; i < COUNT(cases); i++) {
		br_error_format(&cases[i].err, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].expected);
	}
}
END_TEST

/* Cut at every size: terminated, a prefix of the whole, nothing written behind the end. */
START_TEST(test_format_cut)
{
	struct br_error err = {
		.code = BR_ERR_OPEN, .sys_errno = EIO, .path = "p\xff", .text = "\xe2\x82\xac"
	};
	char whole[200], text[200];

	br_error_format(&err, whole, sizeof(whole));
	ck_assert_str_eq(whole, "cannot open \"p\\xff\": \xe2\x82\xac: Input/output error");
	for (size_t size = 0; size < sizeof(text); size++) {
		memset(text, '#', sizeof(text));
		br_error_format(&err, text, size);
		ck_assert_int_eq(text[size], '#');
		if (size == 0)
			continue;
		ck_assert_uint_lt(strnlen(text, size), size);
		ck_assert_int_eq(strncmp(text, whole, strlen(text)), 0);
	}
}
END_TEST

START_TEST(test_escape)
{
	static const struct {
		const char *raw, *expected;
	} cases[] = {
		{ "", "" },
		{ "plain \"text\" \\ ~", "plain \"text\" \\ ~" },
		{ "\x01\x1f\x7f", "\\x01\\x1f\\x7f" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "\xc2\x80\xc2\x9b", "\\xc2\\x80\\xc2\\x9b" }, /* C1: CSI among them */
		{ "\xc3", "\\xc3" },                            /* incomplete */
		{ "\xe2\x82", "\\xe2\\x82" },
		{ "\xe2\x82z", "\\xe2\\x82z" },
		{ "\x80\xbf", "\\x80\\xbf" }, /* continuation alone */
		{ "\xc0\xaf", "\\xc0\\xaf" }, /* overlong */
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf" },
		{ "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond U+10FFFF */
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80" },
		{ "\xff\xfe", "\\xff\\xfe" },
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" }, /* right-to-left override */
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" }, /* line separator */
		{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" }, /* zero width */
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },
		{ "\xef\xbf\xbf", "\\xef\\xbf\\xbf" },          /* U+FFFF */
		{ "\xf0\x9f\xbf\xbe", "\\xf0\\x9f\\xbf\\xbe" }, /* U+1FFFE */
		{ "\xef\xbf\xbd", "\xef\xbf\xbd" },             /* U+FFFD */
	};
	char text[100];

	for (size_t i = 0; i < COUNT(cases); i++) {
		ck_assert_uint_eq(br_escape(text, sizeof(text), cases[i].raw),
				  strlen(cases[i].expected));
		ck_assert_str_eq(text, cases[i].expected);
	}
}
END_TEST

START_TEST(test_escape_never_cuts_a_unit)
{
	static const size_t expected[] = { 0, 0, 1, 1, 1, 1, 5, 5, 5, 8, 9, 9 };
	char text[COUNT(expected) + 1];

	for (size_t size = 0; size < COUNT(expected); size++) {
		memset(text, '#', sizeof(text));
		ck_assert_uint_eq(br_escape(text, size, "a\n\xe2\x82\xacz"), expected[size]);
		ck_assert_int_eq(text[size], '#');
		if (size > 0)
			ck_assert_uint_eq(strlen(text), expected[size]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tcase = suite_add_case(suite, "error", NULL, NULL, 60);

	tcase_add_test(tcase, test_codes);
	tcase_add_test(tcase, test_unknown_codes);
	tcase_add_test(tcase, test_set_fills_everything);
	tcase_add_test(tcase, test_set_from_itself);
	tcase_add_test(tcase, test_set_keeps_the_end_of_a_path);
	tcase_add_test(tcase, test_set_cuts_a_text);
	tcase_add_test(tcase, test_context);
	tcase_add_test(tcase, test_prefix_path);
	tcase_add_test(tcase, test_name);
	tcase_add_test(tcase, test_prefix_path_too_long);
	tcase_add_test(tcase, test_format);
	tcase_add_test(tcase, test_format_cut);
	tcase_add_test(tcase, test_escape);
	tcase_add_test(tcase, test_escape_never_cuts_a_unit);
	return suite_run(suite, false);
}
