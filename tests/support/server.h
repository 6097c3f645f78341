/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server's image (layout.h) that each test finds as it was made, and running blankroot-initrd on
 * it. Tests see no block devices but their own: what else is attached to this machine cannot change
 * what the tool decides. Everything fails the current test when it fails.
 */
#ifndef TEST_SERVER_H
#define TEST_SERVER_H

#include "image.h"
#include "layout.h"
#include "run.h"
#include "state.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Make the image: for an unchecked setup.
 *
 * size  bytes; 0: IMAGE_SIZE_DEFAULT
 * more  makes more on the mounted top level; NULL: nothing
 */
void server_make(uint64_t size, void (*more)(int top));

/* Release it: for an unchecked teardown. */
void server_drop(void);

/*
 * Begin a test: mounts of its own, a /dev with nothing but the image's device (disk.h), the image
 * as it was made, its top level mounted.
 */
struct image *server_begin(void);

/* The image as it was made. */
const struct state *server_state(void);

/* Write a configuration file. Returns its path, owned by the caller. */
char *server_config(const char *text);

struct reset {
	const char *config;  /* path */
	const char *cmdline; /* instead of the kernel's; NULL: "" */
	const char *device;  /* NULL: that of the image */
	bool dry_run;
	bool stay_mounted;  /* leave the top level mounted meanwhile, as in a running system */
	const char *fault;  /* a system call that fails, as for strace -e inject=; NULL: none */
	const char *trace;  /* path of a file for what strace -f tells; NULL: none */
	const char *traced; /* the calls in it, as for strace -e trace= */
};

struct reset_result {
	int code;
	struct run_result run;
	char *report; /* path of the report; the file does not exist if none was written */
};

/*
 * Run the tool on an image, unmounted before and mounted again after.
 *
 * result  the caller releases it with reset_free
 *
 * Returns the exit code.
 */
int server_reset(struct image *image, const struct reset *reset, struct reset_result *result);

/* A run that must succeed with this configuration, and nothing else of interest. */
void server_reset_ok(struct image *image, const char *config);

void reset_free(struct reset_result *result);

/* The value of a jq filter on the report, raw, without the newline. Owned by the caller. */
char *report_value(const struct reset_result *result, const char *filter);

/* Assert that a jq filter is true of the report. */
#define assert_report(result, filter)                                                          \
	do {                                                                                   \
		char *value_ = report_value((result), (filter));                               \
		ck_assert_msg(strcmp(value_, "true") == 0, "%s is %s in the report", (filter), \
			      value_);                                                         \
		free(value_);                                                                  \
	} while (0)

/* Assert that a program's output contains a text. */
#define assert_says(text, part) \
	ck_assert_msg(strstr((text), (part)) != NULL, "\"%s\" is not in: %s", (part), (text))

/*
 * Fingerprint (fingerprint.h, FINGERPRINT_IDENTITY) of all but .blankroot: is everything untouched?
 * Owned by the caller.
 */
char *server_fingerprint(const struct image *image);

#endif
