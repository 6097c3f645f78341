/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line, and what it says to blankroot. */
#include "cmdline.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Arguments written as "<name>" or "<name|value>". */
static const struct {
	const char *text, *args;
} splits[] = {
	{ "", "" },
	{ " \t\n", "" },
	{ "quiet\n", "<quiet>" },
	{ "a b=c  d=\n", "<a><b|c><d|>" },
	{ "  a\tb\vc\fd\re", "<a><b><c><d><e>" },
	{ "a=b=c", "<a|b=c>" },
	/* a '=' in front is part of the name */
	{ "=a =b=c = d", "<=a><=b|c><=><d>" },
	/* quotes around a value */
	{ "a=\"b c\" d", "<a|b c><d>" },
	{ "a=\"\" d", "<a|><d>" },
	{ "a=\"x=y z\"", "<a|x=y z>" },
	/* around the whole argument */
	{ "\"a=b c\" d", "<a|b c><d>" },
	{ "\"a b\" c", "<a b><c>" },
	{ "\"a=\"b\"\" c", "<a|b\"><c>" },
	{ "\"\" x", "<><x>" },
	/* in the middle they protect, but stay */
	{ "a=b\" \"c d", "<a|b\" \"c><d>" },
	{ "a\" \"b=c", "<a\" \"b|c>" },
	{ "a=\"b\"c d", "<a|b\"c><d>" },
	{ "a=\"b c\"\"d e\" f", "<a|b c\"\"d e><f>" },
	/* unclosed: to the end */
	{ "a=\"b c d", "<a|b c d>" },
	{ "\"a b", "<a b>" },
	{ "\"", "<>" },
	{ "a=\"", "<a|>" },
	{ "a=b\" c", "<a|b\" c>" },
	/* for init */
	{ "a -- b c", "<a>" },
	{ "--", "" },
	{ "-- a", "" },
	{ "a \"--\" b", "<a>" },
	{ "--a --=b ---", "<--a><--|b><--->" },
	{ "root=LABEL=voil\xc3\xa0 \xd0\xa0", "<root|LABEL=voil\xc3\xa0><\xd0\xa0>" },
};

START_TEST(test_split)
{
	struct br_cmdline cmdline;
	struct br_error err;
	char args[200] = "";

	ck_assert_int_eq(br_cmdline_parse(splits[_i].text, &cmdline, &err), 0);
	for (size_t i = 0; i < cmdline.count; i++) {
		const char *value = cmdline.args[i].value;

		strcat(strcat(args, "<"), cmdline.args[i].name);
		if (value)
			strcat(strcat(args, "|"), value);
		strcat(args, ">");
	}
	ck_assert_str_eq(args, splits[_i].args);
	br_cmdline_free(&cmdline);
	ck_assert_ptr_null(cmdline.text);
}
END_TEST

START_TEST(test_free_nothing)
{
	struct br_cmdline cmdline = { 0 };

	br_cmdline_free(&cmdline);
	br_cmdline_free(NULL);
}
END_TEST

START_TEST(test_find)
{
	static const struct {
		const char *name, *value;
		bool found;
	} cases[] = {
		{ "a", "2", true },
		{ "b-c_d", "4", true },
		{ "b_c-d", "4", true },
		{ "flag", NULL, true },
		{ "rd.blankroot", NULL, true },
		{ "A", NULL, false },
		{ "b", NULL, false },
		{ "b-c_dd", NULL, false },
		{ "", NULL, false },
		{ "rd.blankroot.from", "x", true },
	};
	struct br_cmdline cmdline;
	struct br_error err;

	ck_assert_int_eq(
		br_cmdline_parse("a=1 b_c_d=3 a=2 b-c-d=4 flag rd.blankroot=off rd.blankroot "
				 "rd.blankroot.from=x -- a=5",
				 &cmdline, &err),
		0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct br_cmdline_arg *arg = br_cmdline_find(&cmdline, cases[i].name);

		ck_assert_int_eq(arg != NULL, cases[i].found);
		if (arg)
			ck_assert_pstr_eq(arg->value, cases[i].value);
	}
	br_cmdline_free(&cmdline);
}
END_TEST

/* --- what it says to blankroot --- */

#define DEFAULTS .mode = BR_BOOT_RESET, .timeout = BR_BOOT_TIMEOUT_DEFAULT

static const struct {
	const char *text;
	struct br_boot boot;
} boots[] = {
	{ "", { DEFAULTS } },
	{ "quiet rd.blankrooted=3 rd-blankroot=off xrd.blankroot=off", { DEFAULTS } },
	{ "rd.blankroot", { DEFAULTS } },
	{ "rd.blankroot=on", { DEFAULTS } },
	{ "rd.blankroot=1", { DEFAULTS } },
	{ "rd.blankroot=yes", { DEFAULTS } },
	{ "rd.blankroot=true", { DEFAULTS } },
	{ "rd.blankroot=off", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot=0", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot=no", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot=false", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot=\"off\"", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot=dry-run", { .mode = BR_BOOT_DRY_RUN, .timeout = 30 } },
	{ "rd.blankroot=bad rd.blankroot=off", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot=off rd.blankroot=on", { DEFAULTS } },
	{ "rd.blankroot=off -- rd.blankroot=on", { .mode = BR_BOOT_OFF, .timeout = 30 } },
	{ "rd.blankroot.from=root.20261123T190501Z-2",
	  { DEFAULTS, .from = "root.20261123T190501Z-2" } },
	{ "rd.blankroot.from=\"a b\"", { DEFAULTS, .from = "a b" } },
	{ "rd.blankroot.from=... rd.blankroot.timeout=0", { .from = "..." } },
	{ "rd.blankroot.timeout=86400", { .timeout = 86400 } },
	{ "rd.blankroot.timeout=007", { .timeout = 7 } },
	{ "rd.blankroot.debug", { DEFAULTS, .debug = true } },
	{ "rd.blankroot.debug=yes", { DEFAULTS, .debug = true } },
	{ "rd.blankroot.debug=0", { DEFAULTS } },
	{ "rd.blankroot.debug rd.blankroot.debug=off", { DEFAULTS } },
	{ "root=/dev/a root=LABEL=x", { DEFAULTS, .root = "LABEL=x" } },
	{ "root resume=", { DEFAULTS } },
	{ "resume=UUID=1 resume_offset=34816",
	  { DEFAULTS, .resume = "UUID=1", .has_resume_offset = true, .resume_offset = 34816 } },
	{ "resume-offset=18446744073709551615",
	  { DEFAULTS, .has_resume_offset = true, .resume_offset = UINT64_MAX } },
	{ "resume_offset=0", { DEFAULTS, .has_resume_offset = true } },
	{ "noresume", { DEFAULTS, .noresume = true } },
	{ "noresume=0", { DEFAULTS } },
	{ "noresume noresume=x", { DEFAULTS } },
};

START_TEST(test_boot)
{
	const struct br_boot *expected = &boots[_i].boot;
	struct br_cmdline cmdline;
	struct br_boot boot;
	struct br_error err;

	ck_assert_int_eq(br_cmdline_parse(boots[_i].text, &cmdline, &err), 0);
	memset(&boot, 0x55, sizeof(boot));
	ck_assert_int_eq(br_boot_parse(&cmdline, &boot, &err), 0);
	ck_assert_int_eq(boot.mode, expected->mode);
	ck_assert_pstr_eq(boot.from, expected->from);
	ck_assert_uint_eq(boot.timeout, expected->timeout);
	ck_assert_int_eq(boot.debug, expected->debug);
	ck_assert_pstr_eq(boot.root, expected->root);
	ck_assert_pstr_eq(boot.resume, expected->resume);
	ck_assert_int_eq(boot.has_resume_offset, expected->has_resume_offset);
	ck_assert_uint_eq(boot.resume_offset, expected->resume_offset);
	ck_assert_int_eq(boot.noresume, expected->noresume);
	br_cmdline_free(&cmdline);
}
END_TEST

#define SAYS "kernel command line: "
#define MODES ": must be on, off or dry-run"
#define SECONDS ": must be seconds, 0 to 86400"
#define ARCHIVE ": must be the name of an archive, without a slash"
#define PAGES ": must be a number of pages"
#define UNKNOWN                                                                           \
	": unknown; there are rd.blankroot=, rd.blankroot.from=, rd.blankroot.timeout=, " \
	"rd.blankroot.debug"

static const struct {
	const char *text, *expected;
} refusals[] = {
	{ "rd.blankroot=maybe", SAYS "rd.blankroot=maybe" MODES },
	{ "rd.blankroot=", SAYS "rd.blankroot=" MODES },
	{ "rd.blankroot=OFF", SAYS "rd.blankroot=OFF" MODES },
	{ "rd.blankroot=dry_run", SAYS "rd.blankroot=dry_run" MODES },
	{ "rd.blankroot=off rd.blankroot=bad", SAYS "rd.blankroot=bad" MODES },
	{ "rd.blankroot.debug=", SAYS "rd.blankroot.debug=: must be on or off" },
	{ "rd.blankroot.debug=2", SAYS "rd.blankroot.debug=2: must be on or off" },
	{ "rd.blankroot.from", SAYS "rd.blankroot.from" ARCHIVE },
	{ "rd.blankroot.from=", SAYS "rd.blankroot.from=" ARCHIVE },
	{ "rd.blankroot.from=.", SAYS "rd.blankroot.from=." ARCHIVE },
	{ "rd.blankroot.from=..", SAYS "rd.blankroot.from=.." ARCHIVE },
	{ "rd.blankroot.from=a/b", SAYS "rd.blankroot.from=a/b" ARCHIVE },
	{ "rd.blankroot.from=/", SAYS "rd.blankroot.from=/" ARCHIVE },
	{ "rd.blankroot.timeout", SAYS "rd.blankroot.timeout" SECONDS },
	{ "rd.blankroot.timeout=", SAYS "rd.blankroot.timeout=" SECONDS },
	{ "rd.blankroot.timeout=-1", SAYS "rd.blankroot.timeout=-1" SECONDS },
	{ "rd.blankroot.timeout=+1", SAYS "rd.blankroot.timeout=+1" SECONDS },
	{ "rd.blankroot.timeout=30s", SAYS "rd.blankroot.timeout=30s" SECONDS },
	{ "rd.blankroot.timeout=0x10", SAYS "rd.blankroot.timeout=0x10" SECONDS },
	{ "rd.blankroot.timeout=86401", SAYS "rd.blankroot.timeout=86401" SECONDS },
	{ "rd.blankroot.timeout=99999999999999999999",
	  SAYS "rd.blankroot.timeout=99999999999999999999" SECONDS },
	{ "rd.blankroot.form=x", SAYS "rd.blankroot.form=x" UNKNOWN },
	{ "rd.blankroot.off", SAYS "rd.blankroot.off" UNKNOWN },
	{ "rd.blankroot.", SAYS "rd.blankroot." UNKNOWN },
	{ "resume_offset", SAYS "resume_offset" PAGES },
	{ "resume_offset=-1", SAYS "resume_offset=-1" PAGES },
	{ "resume_offset=18446744073709551616", SAYS "resume_offset=18446744073709551616" PAGES },
};

START_TEST(test_boot_refuses)
{
	struct br_boot boot, untouched;
	struct br_cmdline cmdline;
	struct br_error err;

	memset(&untouched, 0x55, sizeof(untouched));
	boot = untouched;
	ck_assert_int_eq(br_cmdline_parse(refusals[_i].text, &cmdline, &err), 0);
	ck_assert_int_eq(br_boot_parse(&cmdline, &boot, &err), BR_ERR_USAGE);
	ck_assert_str_eq(err.text, refusals[_i].expected);
	ck_assert_mem_eq(&boot, &untouched, sizeof(boot));
	br_cmdline_free(&cmdline);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cmdline");
	TCase *tcase = suite_add_case(suite, "cmdline", NULL, NULL, 60);

	tcase_add_loop_test(tcase, test_split, 0, COUNT(splits));
	tcase_add_test(tcase, test_free_nothing);
	tcase_add_test(tcase, test_find);
	tcase_add_loop_test(tcase, test_boot, 0, COUNT(boots));
	tcase_add_loop_test(tcase, test_boot_refuses, 0, COUNT(refusals));
	return suite_run(suite, false);
}
