/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a copied file costs, in system calls of a whole reset: the same for each, and no more than there have to be. Not
 * how long it takes, which is the machine's.
 */
#include "call.h"
#include "cleanup.h"
#include "image.h"
#include "layout.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILES 1000u
/* What one archive more, and another place to begin in the directories, may change in all. */
#define SLACK 100

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Those that are made for each file: how many for one like the others. */
static const struct {
	const char *name;
	unsigned per_file;
} calls[] = {
	{ "openat", 2 },  { "close", 2 },      { "statx", 1 },     { "ioctl", 1 },
	{ "FICLONE", 1 }, { "flistxattr", 1 }, { "utimensat", 1 }, { "fchown", 0 },
	{ "fchmod", 0 },  { "fgetxattr", 0 },  { "fsetxattr", 0 },
};

/* All others. */
#define OTHERS COUNT(calls)

struct tally {
	unsigned count[COUNT(calls) + 1];
};

/* Files that are not like the others. */
static const struct kind {
	const char *name;
	const char *adorn; /* shell, in the directory above */
	unsigned size;
	const char *more, *less; /* each of the calls that there is one more of, or none */
} kinds[] = {
	{ "plain", ":", 3000, "", "" },
	{ "empty", ":", 0, "", "FICLONE" },
	{ "owned", "find owned -type f -exec chown 33:44 {} +", 3000, "fchown", "" },
	{ "closed", "find closed -type f -exec chmod 0600 {} +", 5000, "", "" },
	{ "owned-and-closed",
	  "find owned-and-closed -type f -exec chown 33 {} + -exec chmod 0400 {} +", 100, "fchown",
	  "" },
	{ "setuid", "find setuid -type f -exec chmod 4755 {} +", 100, "fchmod", "" },
	{ "labelled", "find labelled -type f -exec setfattr -n user.a -v b {} +", 100,
	  "fgetxattr fsetxattr", "" },
};

static struct image *image;

static void make_image(void)
{
	image_private_mounts();
	image = image_create(&(struct image_options){ .size = 4ULL << 30 });
	layout_make(image_mount(image, NULL));
	image_unmount(image); /* what is open here stays open in the tests */
}

static void drop_image(void)
{
	image_free(image);
}

static bool count_call(void *data, const struct stepper_call *call)
{
	struct tally *tally = data;
	size_t i = 0;

	while (i < COUNT(calls) && strcmp(call->name, calls[i].name) != 0)
		i++;
	tally->count[i]++;
	return true;
}

/* A reset of the image, which is not mounted. */
static struct tally count_reset(const char *config)
{
	const char *const argv[] = { run_tool_path(),  "--config",  config,     "--device",
				     image->device[0], "--cmdline", "noresume", NULL };
	struct tally tally = { { 0 } };
	const struct stepper stepper = {
		.argv = argv, .before_call = count_call, .every_call = true, .data = &tally
	};
	struct run_result result;

	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	run_free(&result);
	return tally;
}

static void add_files(const char *name, unsigned per_dir, unsigned size, const char *adorn)
{
	int top = image_mount(image, NULL);
	BR_AUTO_CLOSE int app = tree_open(top, "root/var/lib/app", false);

	tree_make_many(app, name, FILES, per_dir, size);
	free(run_shell(app, "%s", adorn));
	(void)close(br_take_fd(&app));
	image_unmount(image);
}

static unsigned expected(const struct kind *kind, size_t call)
{
	unsigned wanted = calls[call].per_file;

	wanted += strstr(kind->more, calls[call].name) != NULL;
	wanted -= strstr(kind->less, calls[call].name) != NULL;
	return wanted * FILES;
}

START_TEST(test_calls_of_a_file)
{
	BR_AUTO_FREE char *config = layout_config("\"/var/lib/app\"", NULL);
	struct tally before;

	if (run_tool_is_sanitized()) /* they make system calls of their own */
		return;
	before = count_reset(config);
	for (size_t k = 0; k < COUNT(kinds); k++) {
		const struct kind *kind = &kinds[k];
		struct tally after;

		add_files(kind->name, 250, kind->size, kind->adorn);
		after = count_reset(config);
		for (size_t i = 0; i < COUNT(calls); i++) {
			int more = (int)(after.count[i] - before.count[i]);
			int wanted = (int)expected(kind, i);

			ck_assert_msg(more >= wanted - SLACK && more <= wanted + SLACK,
				      "%s: %d %s for %u files, not %d", kind->name, more,
				      calls[i].name, FILES, wanted);
		}
		int others = (int)(after.count[OTHERS] - before.count[OTHERS]);

		ck_assert_msg(others <= SLACK, "%s: %d other calls", kind->name, others);
		before = after;
	}
}
END_TEST

/* A directory of its own for each file: what that costs more, in all. */
START_TEST(test_calls_of_a_directory)
{
	BR_AUTO_FREE char *config = layout_config("\"/var/lib/app\"", NULL);
	struct tally before, after;
	unsigned more = 0, of_files = 0;

	if (run_tool_is_sanitized())
		return;
	before = count_reset(config);
	add_files("directories", 1, 100, ":");
	after = count_reset(config);
	for (size_t i = 0; i < COUNT(calls); i++) {
		of_files += calls[i].per_file * FILES;
		more += after.count[i] - before.count[i];
	}
	more += after.count[OTHERS] - before.count[OTHERS];
	ck_assert_uint_ge(more, of_files);
	printf("%.1f calls for a directory\n", (double)(more - of_files) / FILES);
	ck_assert_msg(more - of_files <= 15 * FILES + FILES / 2, "%.1f calls for a directory",
		      (double)(more - of_files) / FILES);
}
END_TEST

/* One call of many fails. */
struct failure {
	unsigned at, seen;
};

static struct stepper_order fail_one(void *data, const struct stepper_call *call)
{
	struct failure *failure = data;

	if (strcmp(call->name, "FICLONE") == 0 && ++failure->seen == failure->at)
		return (struct stepper_order){ .action = STEPPER_FAIL, .error = EIO };
	return (struct stepper_order){ .action = STEPPER_GO_ON };
}

/* The reset fails, and tells which file. */
START_TEST(test_call_that_fails)
{
	BR_AUTO_FREE char *config = layout_config("\"/var/lib/app\"", NULL);
	const char *const argv[] = { run_tool_path(),  "--config",  config,     "--device",
				     image->device[0], "--cmdline", "noresume", NULL };

	add_files("failing", 250, 100, ":");
	for (unsigned at = 200; at < FILES; at += 199) {
		struct failure failure = { .at = at };
		const struct stepper stepper = {
			.argv = argv, .order = fail_one, .every_call = true, .data = &failure
		};
		struct run_result result;

		(void)stepper_run(&stepper, &result);
		ck_assert_uint_ge(failure.seen, at);
		ck_assert_msg(result.code == 4, "exit %d: %s", result.code, result.err);
		ck_assert_msg(strstr(result.err, "\"root/var/lib/app/") != NULL, "%s", result.err);
		run_free(&result);
	}
	ck_assert_uint_gt(count_reset(config).count[0], 2 * FILES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("copy-calls");
	TCase *tcase = suite_add_case(suite, "calls", make_image, drop_image, 300);

	tcase_add_test(tcase, test_calls_of_a_file);
	tcase_add_test(tcase, test_calls_of_a_directory);
	tcase_add_test(tcase, test_call_that_fails);
	return suite_run(suite, true);
}
