/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of staging, archives and records. */
#include "cleanup.h"
#include "fail-alloc.h"
#include "name.h"
#include "suite.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define THEN 1795460701 /* 2026-11-23 19:05:01 UTC */

static const struct {
	const char *subvolume, *escaped;
} escapes[] = {
	{ "root", "root" },
	{ "a/b/c", "a%2Fb%2Fc" },
	{ "50%", "50%25" },
	{ "a%2Fb", "a%252Fb" },
	{ "%", "%25" },
	{ "@", "@" },
	{ "with space\n\xff", "with space\n\xff" },
};

START_TEST(test_escape)
{
	struct br_error err = { 0 };

	for (size_t i = 0; i < COUNT(escapes); i++) {
		BR_AUTO_FREE char *name = NULL;

		ck_assert_int_eq(br_name_escape(escapes[i].subvolume, &name, &err), 0);
		ck_assert_str_eq(name, escapes[i].escaped);
	}
}
END_TEST

/* Staging and record of two subvolumes must never be the same. */
START_TEST(test_escape_is_injective)
{
	static const char *const parts[] = { "a", "/", "%", "2", "F", "%2F", "%25", "2F" };
	char *names[COUNT(parts) * COUNT(parts)];
	char *sources[COUNT(names)];
	struct br_error err = { 0 };

	for (size_t i = 0; i < COUNT(names); i++) {
		ck_assert(asprintf(&sources[i], "%s%s", parts[i / COUNT(parts)],
				   parts[i % COUNT(parts)]) > 0);
		ck_assert_int_eq(br_name_escape(sources[i], &names[i], &err), 0);
		ck_assert_ptr_null(strchr(names[i], '/'));
		for (size_t k = 0; k < i; k++)
			ck_assert_int_eq(strcmp(names[i], names[k]) == 0,
					 strcmp(sources[i], sources[k]) == 0);
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		free(names[i]);
		free(sources[i]);
	}
}
END_TEST

static int escape_repeated(char c, size_t count, char **name)
{
	BR_AUTO_FREE char *subvolume = malloc(count + 1);
	struct br_error err = { 0 };

	ck_assert_ptr_nonnull(subvolume);
	memset(subvolume, c, count);
	subvolume[count] = '\0';
	int r = br_name_escape(subvolume, name, &err);
	ck_assert_int_eq(r, err.code);
	return r;
}

/* The longest name with everything around it still is a name. */
START_TEST(test_escape_length)
{
	char *untouched = NULL;
	BR_AUTO_FREE char *letters = NULL;
	BR_AUTO_FREE char *slashes = NULL;

	ck_assert_int_eq(escape_repeated('x', BR_NAME_MAX, &letters), 0);
	ck_assert_uint_eq(strlen(letters), BR_NAME_MAX);
	ck_assert_int_eq(escape_repeated('x', BR_NAME_MAX + 1, &untouched), BR_ERR_USAGE);
	ck_assert_int_eq(escape_repeated('/', BR_NAME_MAX / 3, &slashes), 0);
	ck_assert_uint_eq(strlen(slashes), BR_NAME_MAX);
	ck_assert_int_eq(escape_repeated('/', BR_NAME_MAX / 3 + 1, &untouched), BR_ERR_USAGE);
	ck_assert_int_eq(escape_repeated('%', 100000, &untouched), BR_ERR_USAGE);
	ck_assert_ptr_null(untouched);

	BR_AUTO_FREE char *staging = br_name_staging(letters);
	BR_AUTO_FREE char *archive = br_name_archive(letters, INT64_MAX, UINT_MAX);
	ck_assert(strlen(staging) <= NAME_MAX && strlen(archive) <= NAME_MAX);
}
END_TEST

START_TEST(test_staging)
{
	BR_AUTO_FREE char *name = br_name_staging("a%2Fb");

	ck_assert_str_eq(name, "staging-a%2Fb");
}
END_TEST

static const struct {
	time_t when;
	unsigned n;
	const char *name;
} archives[] = {
	{ THEN, 1, "root.20261123T190501Z" },
	{ THEN, 0, "root.20261123T190501Z" },
	{ THEN, 2, "root.20261123T190501Z-2" },
	{ THEN, 10, "root.20261123T190501Z-10" },
	{ THEN, UINT_MAX, "root.20261123T190501Z-4294967295" },
	{ 0, 1, "root.19700101T000000Z" },
	{ -1, 1, "root.19700101T000000Z" },
	{ INT64_MIN, 1, "root.19700101T000000Z" },
	{ 951782400, 1, "root.20000229T000000Z" },
	{ 2147483648, 1, "root.20380119T031408Z" },
	{ 4294967296, 1, "root.21060207T062816Z" },
	{ 253402300799, 1, "root.99991231T235959Z" },
	{ 253402300800, 1, "root.99991231T235959Z" },
	{ INT64_MAX, 3, "root.99991231T235959Z-3" },
};

static void check_archives(void)
{
	for (size_t i = 0; i < COUNT(archives); i++) {
		BR_AUTO_FREE char *name = br_name_archive("root", archives[i].when, archives[i].n);

		ck_assert_str_eq(name, archives[i].name);
		ck_assert_msg(br_name_is_archive_of(name, "root"), "%s", name);
	}
}

START_TEST(test_archive)
{
	check_archives();
}
END_TEST

/* UTC, wherever the machine thinks it is. */
START_TEST(test_archive_elsewhere)
{
	ck_assert_int_eq(setenv("TZ", "XYZ-13:45", 1), 0);
	tzset();
	check_archives();
}
END_TEST

static const char *const foreign[] = {
	"",
	"root",
	"root.",
	"root20261123T190501Z",
	"root.20261123T190501",
	"root.20261123T190501z",
	"root.20261123t190501Z",
	"root.20261123 190501Z",
	"root.2026112T190501Z",
	"root.202611230T190501Z",
	"root.20261123T19050Z",
	"root.2026-11-23T19:05:01Z",
	"root.20261123T190501Z ",
	"root.20261123T190501Z.bak",
	"root.20261123T190501Z-",
	"root.20261123T190501Z-0",
	"root.20261123T190501Z-1",
	"root.20261123T190501Z-02",
	"root.20261123T190501Z-2x",
	"root.20261123T190501Z--2",
	"root.20261123T190501Z-2-2",
	"Root.20261123T190501Z",
	"root2.20261123T190501Z",
	"oot.20261123T190501Z",
	"root.old.20261123T190501Z",
	".20261123T190501Z",
	"persist",
};

START_TEST(test_not_an_archive)
{
	for (size_t i = 0; i < COUNT(foreign); i++)
		ck_assert_msg(!br_name_is_archive_of(foreign[i], "root"), "'%s'", foreign[i]);
}
END_TEST

/* One subvolume's name may begin with another's. */
START_TEST(test_archive_of_which)
{
	ck_assert(br_name_is_archive_of("root.d.20261123T190501Z", "root.d"));
	ck_assert(!br_name_is_archive_of("root.d.20261123T190501Z", "root"));
	ck_assert(br_name_is_archive_of("a%2Fb.20261123T190501Z-7", "a%2Fb"));
	ck_assert(!br_name_is_archive_of("a%2Fb.20261123T190501Z", "b"));
}
END_TEST

START_TEST(test_join)
{
	BR_AUTO_FREE char *both = br_name_join("old/roots", "root.1");
	BR_AUTO_FREE char *alone = br_name_join("", "root.1");

	ck_assert_str_eq(both, "old/roots/root.1");
	ck_assert_str_eq(alone, "root.1");
}
END_TEST

static int escape_and_free(void)
{
	BR_AUTO_FREE char *name = NULL;
	struct br_error err = { 0 };

	return br_name_escape("a/b", &name, &err);
}

START_TEST(test_no_memory)
{
	assert_survives_no_memory(escape_and_free());
	for (unsigned i = 0; i < 4; i++) {
		char *name;

		fail_alloc_at(1);
		name = i == 0   ? br_name_staging("root")
		       : i == 1 ? br_name_archive("root", THEN, 1)
		       : i == 2 ? br_name_archive("root", THEN, 2)
				: br_name_join("a", "b");
		ck_assert(fail_alloc_stop());
		ck_assert_ptr_null(name);
	}
}
END_TEST

/* What the name says, and nothing when there is no such time. */
START_TEST(test_archive_time)
{
	static const struct {
		const char *entry;
		time_t time; /* -1: none */
	} cases[] = {
		{ "root.20261123T190501Z", THEN },
		{ "root.20261123T190501Z-12", THEN },
		{ "root.19700101T000000Z", 0 },
		{ "root.20240229T000000Z", 1709164800 },
		{ "root.20230229T000000Z", -1 },
		{ "root.20261323T190501Z", -1 },
		{ "root.20261100T190501Z", -1 },
		{ "root.20261123T240000Z", -1 },
		{ "root.20261123T196001Z", -1 },
		{ "root.20261123T190561Z", -1 },
		{ "root.20261123T190501", -1 },
		{ "other.20261123T190501Z", -1 },
		{ "r", -1 },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		time_t time = -1;

		ck_assert_msg(br_name_archive_time(cases[i].entry, "root", &time) ==
				      (cases[i].time != -1),
			      "%s", cases[i].entry);
		ck_assert_int_eq(time, cases[i].time);
	}
}
END_TEST

/* Of which subvolume: what br_name_escape and br_name_archive made, and nothing else. */
START_TEST(test_subvolume_of_archive)
{
	static const struct {
		const char *entry, *subvolume; /* NULL: of none */
	} cases[] = {
		{ "root.20261123T190501Z", "root" },
		{ "root.20261123T190501Z-2", "root" },
		{ "a%2Fb.20261123T190501Z", "a/b" },
		{ "50%25.20261123T190501Z", "50%" },
		{ "a.b.20261123T190501Z", "a.b" },
		{ "a%252Fb.20261123T190501Z", "a%2Fb" },
		{ "root", NULL },
		{ "", NULL },
		{ ".20261123T190501Z", NULL },
		{ "root.20261123", NULL },
		{ "50%.20261123T190501Z", NULL },
		{ "a%2fb.20261123T190501Z", NULL },
		{ "a%41.20261123T190501Z", NULL },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		BR_AUTO_FREE char *name = NULL;

		ck_assert_msg(br_name_archive_subvolume(cases[i].entry, &name) ==
				      (cases[i].subvolume != NULL),
			      "%s", cases[i].entry);
		if (cases[i].subvolume)
			ck_assert_str_eq(name, cases[i].subvolume);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("name");
	TCase *tcase = suite_add_case(suite, "name", NULL, NULL, 10);

	tcase_add_test(tcase, test_escape);
	tcase_add_test(tcase, test_archive_time);
	tcase_add_test(tcase, test_escape_is_injective);
	tcase_add_test(tcase, test_escape_length);
	tcase_add_test(tcase, test_staging);
	tcase_add_test(tcase, test_archive);
	tcase_add_test(tcase, test_archive_elsewhere);
	tcase_add_test(tcase, test_not_an_archive);
	tcase_add_test(tcase, test_archive_of_which);
	tcase_add_test(tcase, test_subvolume_of_archive);
	tcase_add_test(tcase, test_join);
	tcase_add_test(tcase, test_no_memory);
	return suite_run(suite, false);
}
