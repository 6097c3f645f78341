/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a boot does instead of a plain reset: dry run, skip, start from an archive; the kernel
 * command line and the one-shot request.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <regex.h>
#include <string.h>
#include <sys/stat.h>

#define FROM "root.20200202T020202Z"

/* An archive to start from: an old root with a nested subvolume, and programs of its own. */
static void make_more(int top)
{
	subvol_create(top, "root/srv");
	tree_write(top, "root/srv/served", "nested\n");
	subvol_snapshot(top, "root", "old_roots/" FROM, false);
	subvol_delete(top, "root/srv");
	run_ok(top, "rmdir", "old_roots/" FROM "/srv");
	subvol_create(top, "old_roots/" FROM "/srv");
	tree_write(top, "old_roots/" FROM "/srv/served", "nested\n");
	tree_write(top, "old_roots/" FROM "/usr/bin/of-the-archive", "only there\n");
	tree_write(top, "old_roots/" FROM "/etc/machine-id", "of the archive\n");
	tree_set_xattr(top, "old_roots/" FROM, "trusted.blankroot.good", "1", 1);
	tree_set_xattr(top, "old_roots/" FROM, "trusted.blankroot.pinned", "1", 1);
	subvol_set_read_only(top, "old_roots/" FROM, true);
	subvol_create(top, "cache");
	subvol_snapshot(top, "cache", "cache-blank", true);
	tree_write(top, "cache/drift", "cached\n");
}

static void make_server(void)
{
	server_make(256 << 20, make_more);
}

static char *full_config(void)
{
	return server_config(
		"ephemeral root {\n\tblank = \"root-blank\"\n\tarchive = \"old_roots\"\n"
		"\tpersist = { " LAYOUT_PERSIST
		" }\n\tpath \"/var/new\" {\n\t\tcreate = directory\n\t}\n"
		"\tpath \"/var/lib/app2\" {\n\t\tmethod = subvolume\n\t\tcreate = "
		"directory\n\t}\n}\n"
		"ephemeral cache {\n\tblank = \"cache-blank\"\n\tarchive = none\n}\n");
}

/* What root is now made from. */
enum made_from { OLD, BLANK, ARCHIVE };

static void assert_root_is(int top, enum made_from from)
{
	ck_assert(tree_exists(top, "root/usr/bin/drift") == (from != BLANK));
	ck_assert(tree_exists(top, "root/usr/bin/of-the-archive") == (from == ARCHIVE));
}

/* Archive names tell the time of the run. */
static void blur_times(char *text)
{
	regex_t stamp;
	regmatch_t match;

	ck_assert(regcomp(&stamp, "[0-9]{8}T[0-9]{6}Z(-[0-9]+)?", REG_EXTENDED) == 0);
	while (regexec(&stamp, text, 1, &match, 0) == 0) {
		text[match.rm_so] = '*';
		memmove(text + match.rm_so + 1, text + match.rm_eo, strlen(text + match.rm_eo) + 1);
	}
	regfree(&stamp);
}

/*
 * Two ways to ask for it, with nothing on the disk yet, and with leftovers of an interrupted run.
 */
START_TEST(test_dry_run_prints_the_steps_of_the_run)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	struct reset reset = { .config = config,
			       .dry_run = _i == 0,
			       .cmdline = _i ? "rd.blankroot=dry-run" : "" };
	const struct reset interrupted = { .config = config,
					   .fault = "renameat2:error=EIO:when=3" };
	struct reset_result result;

	if (_i == 2) {
		ck_assert_int_eq(server_reset(image, &interrupted, &result), 5);
		reset_free(&result);
	}
	ck_assert_int_eq(server_reset(image, &reset, &result), 0);
	BR_AUTO_FREE char *steps = br_take_ptr(&result.run.out);
	assert_report(&result,
		      ".outcome == \"dry-run\" and (.steps | length > 10 and all(.done | not))");
	BR_AUTO_FREE char *promised = report_value(&result, ".steps[].text");
	assert_says(result.run.err, "not reset: dry run");
	reset_free(&result);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	BR_AUTO_FREE char *done = report_value(&result, ".steps[].text");
	ck_assert_str_eq(result.run.out, "");
	reset_free(&result);
	steps[strlen(steps) - 1] = '\0';
	blur_times(steps);
	blur_times(promised);
	blur_times(done);
	ck_assert_str_eq(steps, done);
	ck_assert_str_eq(promised, done);
}
END_TEST

/* Not one byte of the disk, also when a crash left a log to replay. */
START_TEST(test_dry_run_changes_nothing)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	struct reset_result result;
	struct state before;

	if (_i == 1) {
		BR_AUTO_CLOSE int file = tree_open(image->top, "root/etc/machine-id", true);

		ck_assert(write(file, "logged", 6) == 6 && fsync(file) == 0);
		state_save(&before, image);
		ck_assert_int_eq(close(br_take_fd(&file)), 0);
		image_unmount(image);
		state_restore(&before, image);
	} else {
		image_unmount(image);
		state_save(&before, image);
	}
	ck_assert_int_eq(
		server_reset(image, &(struct reset){ .config = config, .dry_run = true }, &result),
		0);
	ck_assert(state_is_on(&before, image));
	reset_free(&result);
	/* and the comparison can tell */
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = config }, &result), 0);
	ck_assert(!state_is_on(&before, image));
	reset_free(&result);
	state_free(&before);
}
END_TEST

/*
 * Where the file system is mounted writable already, it cannot be mounted read-only: nothing is
 * changed all the same.
 */
START_TEST(test_dry_run_while_mounted)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	BR_AUTO_FREE char *before = server_fingerprint(image);
	struct reset_result result;

	ck_assert_int_eq(
		server_reset(
			image,
			&(struct reset){ .config = config, .dry_run = true, .stay_mounted = true },
			&result),
		0);
	BR_AUTO_FREE char *after = server_fingerprint(image);
	assert_same_fingerprint(before, after, "the file system");
	ck_assert(!tree_exists(image->top, ".blankroot"));
	reset_free(&result);
}
END_TEST

struct choice {
	const char *request; /* content of .blankroot/request; NULL: none */
	const char *cmdline;
	int code;
	enum made_from root; /* afterwards */
	bool request_stays;
	const char *report; /* filter */
	const char *says;
};

static const struct choice choices[] = {
	{ NULL, "", 0, BLANK, false, ".outcome == \"reset\" and .requested_by == \"configuration\"",
	  "from root-blank" },
	{ NULL, "rd.blankroot=on quiet", 0, BLANK, false, ".outcome == \"reset\"", "reset" },
	{ NULL, "rd.blankroot", 0, BLANK, false, ".outcome == \"reset\"", "reset" },
	{ NULL, "rd.blankroot=off", 0, OLD, false,
	  ".outcome == \"skipped\" and .requested_by == \"kernel-command-line\" and .steps == []",
	  "rd.blankroot=off" },
	{ NULL, "rd.blankroot=off rd.blankroot=on", 0, BLANK, false, ".outcome == \"reset\"",
	  "reset" },
	{ NULL, "-- rd.blankroot=off", 0, BLANK, false, ".outcome == \"reset\"", "reset" },
	{ NULL, "rd.blankroot=of", 2, OLD, false, ".outcome == \"usage\"", "rd.blankroot=of" },
	{ NULL, "rd.blankroot.form=x", 2, OLD, false, ".outcome == \"usage\"",
	  "rd.blankroot.form" },
	{ NULL, "rd.blankroot.from=../root", 2, OLD, false, ".outcome == \"usage\"",
	  "rd.blankroot.from" },
	{ NULL, "rd.blankroot.from=" FROM, 0, ARCHIVE, false,
	  ".outcome == \"reset\" and .requested_by == \"kernel-command-line\" and "
	  ".ephemeral[0].source_kind == \"archive\"",
	  "root reset from old_roots/" FROM },
	{ NULL, "rd.blankroot.from=no-such-root", 3, OLD, false,
	  ".error | .code == \"request\" and .path == \"no-such-root\"", "no-such-root" },
	{ "skip\n", "", 0, OLD, false,
	  ".outcome == \"skipped\" and .requested_by == \"one-shot-request\"",
	  "skipped this once" },
	{ "skip", "", 0, OLD, false, ".outcome == \"skipped\"", "skipped this once" },
	{ "from " FROM "\n", "", 0, ARCHIVE, false,
	  ".requested_by == \"one-shot-request\" and .steps[0].step == \"use-request\"",
	  "root reset from old_roots/" FROM },
	{ "from no-such-root\n", "", 3, OLD, false, ".error.code == \"request\"", "no-such-root" },
	{ "from ../root\n", "", 3, OLD, false, ".error.code == \"request\"", ".blankroot/request" },
	{ "format the disk\n", "", 3, OLD, false, ".error.code == \"request\"",
	  ".blankroot/request" },
	{ "", "", 3, OLD, false, ".error.code == \"request\"", ".blankroot/request" },
	{ "skip\nskip\n", "", 3, OLD, false, ".error.code == \"request\"", ".blankroot/request" },
	/* the command line wins */
	{ "skip\n", "rd.blankroot.from=" FROM, 0, ARCHIVE, false,
	  ".requested_by == \"kernel-command-line\"", "root reset from old_roots/" FROM },
	{ "format the disk\n", "rd.blankroot.from=" FROM, 0, ARCHIVE, false,
	  ".outcome == \"reset\"", "reset" },
	{ "from no-such-root\n", "rd.blankroot.from=" FROM, 0, ARCHIVE, false,
	  ".outcome == \"reset\"", "reset" },
	{ "from " FROM "\n", "rd.blankroot=off", 0, OLD, true, ".outcome == \"skipped\"",
	  "rd.blankroot=off" },
	/* a dry run tells, and leaves it for the boot that it is meant for */
	{ "skip\n", "rd.blankroot=dry-run", 0, OLD, true,
	  ".outcome == \"dry-run\" and [.steps[].step] == [\"use-request\"]", "dry run" },
	{ "from " FROM "\n", "rd.blankroot=dry-run", 0, OLD, true,
	  ".outcome == \"dry-run\" and .requested_by == \"one-shot-request\"", "dry run" },
	{ "format the disk\n", "rd.blankroot=dry-run", 3, OLD, true,
	  ".error.code == \"request\" and (.error.message | contains(\"removed\") | not)",
	  ".blankroot/request" },
};

static void write_request(int top, const char *request)
{
	if (!request)
		return;
	(void)close(tree_mkdir(top, ".blankroot"));
	ck_assert(fchmodat(top, ".blankroot", 0700, 0) == 0);
	tree_write(top, ".blankroot/request", request);
}

START_TEST(test_choice)
{
	const struct choice *choice = &choices[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	const struct reset reset = { .config = config, .cmdline = choice->cmdline };
	struct reset_result result;

	write_request(image->top, choice->request);
	BR_AUTO_FREE char *before = server_fingerprint(image);
	ck_assert_msg(server_reset(image, &reset, &result) == choice->code, "exit %d: %s",
		      result.code, result.run.err);
	assert_report(&result, choice->report);
	assert_says(result.run.err, choice->says);
	assert_root_is(image->top, choice->root);
	ck_assert(tree_exists(image->top, ".blankroot/request") == choice->request_stays);
	if (choice->root == OLD) {
		BR_AUTO_FREE char *after = server_fingerprint(image);

		assert_same_fingerprint(before, after, "the file system");
	}
	reset_free(&result);
	/* used once: the next boot resets as usual */
	if (!choice->request_stays) {
		server_reset_ok(image, config);
		assert_root_is(image->top, BLANK);
	}
}
END_TEST

static const char *const odd_requests[] = { "mkdir request",
					    "ln -s /etc/passwd request",
					    "mkfifo request",
					    "tr '\\0' x <../root/usr/bin/program >request",
					    "printf 'skip\\0' >request",
					    "mkdir request; touch request/file" };

/* A request that is no proper file holds up the reset once, at most, and is not followed. */
START_TEST(test_odd_request)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	bool is_removed = _i < 5;
	struct reset_result result;

	free(run_shell(image->top, "mkdir -m 700 .blankroot; cd .blankroot; %s", odd_requests[_i]));
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) ==
			      (is_removed ? 3 : 4),
		      "exit %d: %s", result.code, result.run.err);
	assert_root_is(image->top, OLD);
	assert_says(result.run.err, "request");
	ck_assert(tree_exists(image->top, ".blankroot/request") == !is_removed);
	reset_free(&result);
	if (is_removed)
		server_reset_ok(image, config);
}
END_TEST

/* Used once, also when that boot fails: before the first step, while preparing, after the swap. */
START_TEST(test_request_is_used_by_a_failed_boot)
{
	static const char *const faults[] = { "fsetxattr:error=EIO:when=1",
					      "renameat2:error=EIO:when=1",
					      "renameat2:error=EIO:when=3",
					      "syncfs:error=EIO:when=2" };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	struct reset_result result;

	write_request(image->top, "from " FROM "\n");
	ck_assert_int_ge(server_reset(image,
				      &(struct reset){ .config = config, .fault = faults[_i] },
				      &result),
			 4);
	ck_assert(!tree_exists(image->top, ".blankroot/request"));
	reset_free(&result);
	server_reset_ok(image, config);
	assert_root_is(image->top, BLANK);
}
END_TEST

/* When the request cannot be used up, nothing may happen: it would act again at each boot. */
START_TEST(test_request_that_cannot_be_removed)
{
	static const char *const requests[] = { "skip\n", "from " FROM "\n" };
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	const struct reset reset = { .config = config, .fault = "unlinkat:error=EIO:when=1+" };
	struct reset_result result;

	write_request(image->top, requests[_i]);
	ck_assert_int_eq(server_reset(image, &reset, &result), 4);
	assert_says(result.run.err, "request");
	assert_root_is(image->top, OLD);
	reset_free(&result);
}
END_TEST

/*
 * From an archive: with its nested subvolumes, and with what is kept from the old root; the archive
 * stays as it is.
 */
START_TEST(test_from_archive)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	BR_AUTO_FREE char *before = fingerprint(image->top, "old_roots/" FROM, FINGERPRINT_IDENTITY,
						NULL);
	const struct reset reset = { .config = config, .cmdline = "rd.blankroot.from=" FROM };
	struct reset_result result;

	ck_assert_int_eq(server_reset(image, &reset, &result), 0);
	BR_AUTO_FREE char *after = fingerprint(image->top, "old_roots/" FROM, FINGERPRINT_IDENTITY,
					       NULL);
	assert_same_fingerprint(before, after, "the archive");
	BR_AUTO_FREE char *id = tree_read(image->top, "root/etc/machine-id");
	ck_assert_str_eq(id, "0123456789abcdef0123456789abcdef\n");
	BR_AUTO_FREE char *served = tree_read(image->top, "root/srv/served");
	ck_assert_str_eq(served, "nested\n");
	ck_assert(subvol_exists(image->top, "root/srv"));
	ck_assert(!subvol_is_read_only(image->top, "root"));
	BR_AUTO_FREE char *marks = run_shell(image->top, "getfattr -dm- root");
	ck_assert_str_eq(marks, "");
	/* the others start from their blanks */
	assert_report(&result, ".ephemeral[1].source_kind == \"blank\"");
	ck_assert(!tree_exists(image->top, "cache/drift"));
	reset_free(&result);
}
END_TEST

START_TEST(test_debug_names_the_steps)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = full_config();
	struct reset_result result;

	ck_assert_int_eq(
		server_reset(image,
			     &(struct reset){ .config = config, .cmdline = "rd.blankroot.debug" },
			     &result),
		0);
	BR_AUTO_FREE char *steps = report_value(&result, ".steps[] | \"blankroot: \" + .text");
	ck_assert_msg(strncmp(result.run.err, steps, strlen(steps)) == 0, "%s", result.run.err);
	reset_free(&result);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("reset-choice");
	TCase *tcase = suite_add_case(suite, "choice", make_server, server_drop, 60);

	tcase_add_loop_test(tcase, test_dry_run_prints_the_steps_of_the_run, 0, 3);
	tcase_add_loop_test(tcase, test_dry_run_changes_nothing, 0, 2);
	tcase_add_test(tcase, test_dry_run_while_mounted);
	tcase_add_loop_test(tcase, test_choice, 0, sizeof(choices) / sizeof(choices[0]));
	tcase_add_loop_test(tcase, test_odd_request, 0,
			    sizeof(odd_requests) / sizeof(odd_requests[0]));
	tcase_add_loop_test(tcase, test_request_is_used_by_a_failed_boot, 0, 4);
	tcase_add_loop_test(tcase, test_request_that_cannot_be_removed, 0, 2);
	tcase_add_test(tcase, test_from_archive);
	tcase_add_test(tcase, test_debug_names_the_steps);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
