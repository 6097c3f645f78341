/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot diff: what the next reset will lose. */
#include "command-options.h"
#include "command.h"
#include "config.h"
#include "diff.h"
#include "filesystem.h"

#include <stdbool.h>
#include <stdio.h>

enum { MODE_FLAT, MODE_SUMMARY, MODE_JSON, MODE_SUGGEST };

struct options {
	struct filesystem_options filesystem;
	struct diff_options diff;
	struct command_mode mode;
	bool exit_code;
};

static int check(const void *data)
{
	const struct options *options = data;

	if (options->mode.count > 1)
		return command_fail_usage(
			"blankroot diff",
			"only one of --summary, --json and --suggest can be given", NULL);
	if (options->diff.only && options->diff.only[0] != '/')
		return command_fail_usage("blankroot diff", "--only takes an absolute path", NULL);
	return EXIT_DONE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_STRING("of", "NAME", &options->diff.of,
			      "an archive or another subvolume instead of the root"),
		OPTION_STRING("from", "NAME", &options->diff.from,
			      "an archive, a snapshot or another subvolume instead of\nthe blank"),
		OPTION_STRING("subvolume", "NAME", &options->diff.subvolume,
			      "only this ephemeral subvolume"),
		OPTION_STRING("only", "PATH", &options->diff.only,
			      "only this path and what is in it"),
		OPTION_MODE("summary", &options->mode, MODE_SUMMARY,
			    "directories as a tree, with totals"),
		OPTION_MODE("json", &options->mode, MODE_JSON, "everything, for programs"),
		OPTION_MODE("suggest", &options->mode, MODE_SUGGEST,
			    "the lines of a configuration that would keep it"),
		OPTION_FLAG("exit-code", &options->exit_code,
			    "exit with 3 if anything is different"),
		OPTION_DEVICE(&options->filesystem.device, "a device"),
		OPTION_CONFIG_DEFAULT(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot diff [OPTION]...\n"
			"Tell what the next reset will lose: what is different in the root from its\n"
			"blank, but for the persistent paths.\n",
		.tail = "Each line begins with what happened: + created, - deleted, * changed, . changed\n"
			"in its attributes only, > renamed.\n"
			"\n"
			"Exit codes: 0 done; 1 failed; 2 usage error; 3 with --exit-code: something is\n"
			"different.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.check = check,
		.data = options,
	};

	return command_options_parse(&usage, argc, argv, NULL);
}

/* Standard output may be for a program: what is worth knowing besides goes to the other. */
static void tell_unrelated(const struct diffs *diffs)
{
	for (size_t i = 0; i < diffs->count; i++) {
		char of[1024], from[1024];

		if (diffs->items[i].changes.is_related)
			continue;
		(void)br_escape(of, sizeof(of), diffs->items[i].of);
		(void)br_escape(from, sizeof(from), diffs->items[i].from);
		(void)fprintf(stderr,
			      "blankroot diff: %s is not known to descend from the same subvolume "
			      "as %s: everything was compared\n",
			      of, from);
	}
}

static int act(const struct options *options)
{
	static void (*const prints[])(FILE *, const struct diffs *) = {
		[MODE_FLAT] = diff_print_flat,
		[MODE_SUMMARY] = diff_print_summary,
		[MODE_JSON] = diff_print_json,
		[MODE_SUGGEST] = diff_print_suggestion,
	};
	struct filesystem filesystem;
	struct diffs diffs = { 0 };
	struct br_error err = { 0 };
	bool is_different = false;
	int r = filesystem_open(&options->filesystem, &filesystem, &err);

	if (r < 0)
		return command_fail("blankroot diff", &err);
	r = diffs_find(&filesystem, &options->diff, &diffs, &err);
	if (r == 0) {
		tell_unrelated(&diffs);
		prints[options->mode.value](stdout, &diffs);
		for (size_t i = 0; i < diffs.count; i++)
			is_different |= diffs.items[i].changes.count > 0;
		diffs_free(&diffs);
	}
	filesystem_close(&filesystem);
	if (r < 0)
		return command_fail("blankroot diff", &err);
	return options->exit_code && is_different ? EXIT_DIFFERENT : EXIT_DONE;
}

static int run(int argc, char *argv[])
{
	struct options options = { .filesystem = { .config = BR_CONFIG_PATH, .shared = true } };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	return act(&options);
}

const struct command command_diff = {
	.name = "diff",
	.summary = "tell what the next reset will lose",
	.run = run,
};
