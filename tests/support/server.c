/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server's image that each test finds as it was made. */
#include "server.h"

#include "cleanup.h"
#include "disk.h"
#include "fingerprint.h"
#include "tree.h"
#include "words.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>

static struct image *server_image;
static struct state server_made = { .file = -1 };

void server_make(uint64_t size, void (*more)(int top))
{
	server_image = image_create(&(struct image_options){ .size = size });
	layout_make(image_mount(server_image, NULL));
	if (more)
		more(server_image->top);
	image_unmount(server_image);
	state_save(&server_made, server_image);
}

void server_drop(void)
{
	state_free(&server_made);
	image_free(server_image);
	server_image = NULL;
}

struct image *server_begin(void)
{
	disk_private_dev();
	disk_show(server_image->device[0]);
	state_restore(&server_made, server_image);
	(void)image_mount(server_image, NULL);
	return server_image;
}

const struct state *server_state(void)
{
	return &server_made;
}

char *server_config(const char *text)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	char *path = NULL;

	ck_assert(asprintf(&path, "%s/blankroot.conf", dir) > 0);
	tree_write(AT_FDCWD, path, text);
	return path;
}

/* The leak detector of a program under test cannot work while it is traced. */
static void add_strace(struct words *words, const struct reset *reset, char **options)
{
	const char *calls = reset->fault ? reset->fault : reset->traced;

	WORDS_ADD(words, "env", "ASAN_OPTIONS=detect_leaks=0", "strace", "-f", "-qq", "-s", "512",
		  "-o", reset->trace ? reset->trace : "/dev/null");
	ck_assert(asprintf(&options[0], "trace=%.*s", (int)strcspn(calls, ":"), calls) > 0);
	WORDS_ADD(words, "-e", options[0]);
	if (!reset->fault)
		return;
	ck_assert(asprintf(&options[1], "inject=%s", reset->fault) > 0);
	WORDS_ADD(words, "-e", options[1]);
}

static void run_on(const struct image *image, const struct reset *reset,
		   struct reset_result *result)
{
	BR_AUTO_FREE char *dir = image_scratch_dir();
	char *options[2] = { NULL, NULL };
	struct words words = { .count = 0 };

	ck_assert(asprintf(&result->report, "%s/boot.json", dir) > 0);
	if (reset->fault || reset->trace)
		add_strace(&words, reset, options);
	WORDS_ADD(&words, run_tool_path(), "--config", reset->config, "--report", result->report,
		  "--device", reset->device ? reset->device : image->device[0], "--cmdline",
		  reset->cmdline ? reset->cmdline : "");
	if (reset->dry_run)
		WORDS_ADD(&words, "--dry-run");
	run(&(struct run_options){ .argv = words.word }, &result->run);
	result->code = result->run.code;
	free(options[0]);
	free(options[1]);
}

int server_reset(struct image *image, const struct reset *reset, struct reset_result *result)
{
	bool remount = image->mountpoint && !reset->stay_mounted;

	if (remount)
		image_unmount(image);
	run_on(image, reset, result);
	if (remount)
		(void)image_mount(image, NULL);
	return result->code;
}

void server_reset_ok(struct image *image, const char *config)
{
	struct reset_result result;

	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 0,
		      "exit %d: %s", result.code, result.run.err);
	reset_free(&result);
}

void reset_free(struct reset_result *result)
{
	run_free(&result->run);
	free(result->report);
	*result = (struct reset_result){ 0 };
}

char *report_value(const struct reset_result *result, const char *filter)
{
	char *value = run_checked(
		0, (const char *const[]){ "jq", "-r", filter, result->report, NULL });
	size_t length = strlen(value);

	if (length > 0 && value[length - 1] == '\n')
		value[length - 1] = '\0';
	return value;
}

char *server_fingerprint(const struct image *image)
{
	return fingerprint(image->top, ".", FINGERPRINT_IDENTITY | FINGERPRINT_NO_TOP,
			   ".blankroot");
}
