/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot diff: what the next reset will lose. */
#include "command.h"
#include "config.h"
#include "diff.h"
#include "filesystem.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

struct options {
	struct filesystem_options filesystem;
	struct diff_options diff;
	void (*print)(FILE *out, const struct diffs *diffs);
	unsigned prints; /* how many were asked for */
	bool exit_code, help;
};

enum long_option {
	OPTION_OF = 256,
	OPTION_FROM,
	OPTION_SUBVOLUME,
	OPTION_ONLY,
	OPTION_SUMMARY,
	OPTION_JSON,
	OPTION_SUGGEST,
	OPTION_EXIT_CODE,
	OPTION_DEVICE,
	OPTION_CONFIG,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "of", required_argument, NULL, OPTION_OF },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ "subvolume", required_argument, NULL, OPTION_SUBVOLUME },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ "summary", no_argument, NULL, OPTION_SUMMARY },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "suggest", no_argument, NULL, OPTION_SUGGEST },
	{ "exit-code", no_argument, NULL, OPTION_EXIT_CODE },
	{ "device", required_argument, NULL, OPTION_DEVICE },
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ 0 },
};

static void print_help(void)
{
	(void)fputs(/* lost output is found when standard output is closed */
		    "Usage: blankroot diff [OPTION]...\n"
		    "Tell what the next reset will lose: what is different in the root from its\n"
		    "blank, but for the persistent paths.\n"
		    "\n"
		    "      --of=NAME         an archive or another subvolume instead of the root\n"
		    "      --from=NAME       an archive, a snapshot or another subvolume instead of\n"
		    "                        the blank\n"
		    "      --subvolume=NAME  only this ephemeral subvolume\n"
		    "      --only=PATH       only this path and what is in it\n"
		    "      --summary         directories as a tree, with totals\n"
		    "      --json            everything, for programs\n"
		    "      --suggest         the lines of a configuration that would keep it\n"
		    "      --exit-code       exit with 3 if anything is different\n"
		    "      --device=SPEC     another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n"
		    "                        or a device\n"
		    "      --config=FILE     the configuration (default " BR_CONFIG_PATH ")\n"
		    "      --help            print this and exit\n"
		    "\n"
		    "Each line begins with what happened: + created, - deleted, * changed, . changed\n"
		    "in its attributes only, > renamed.\n"
		    "\n"
		    "Exit codes: 0 done; 1 failed; 2 usage error; 3 with --exit-code: something is\n"
		    "different.\n",
		    stdout);
}

static int fail_usage(const char *what)
{
	if (what)
		(void)fprintf(stderr, "blankroot diff: %s\n", what);
	(void)fputs("Try 'blankroot diff --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

static int fail(const struct br_error *err)
{
	int code = command_fail("blankroot diff", err);

	return br_code_class(err->code) == BR_CLASS_USAGE ? EXIT_USAGE : code;
}

static void set_print(struct options *options, void (*print)(FILE *out, const struct diffs *diffs))
{
	options->print = print;
	options->prints++;
}

static void set_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_OF:
		options->diff.of = optarg;
		break;
	case OPTION_FROM:
		options->diff.from = optarg;
		break;
	case OPTION_SUBVOLUME:
		options->diff.subvolume = optarg;
		break;
	case OPTION_ONLY:
		options->diff.only = optarg;
		break;
	case OPTION_SUMMARY:
		set_print(options, diff_print_summary);
		break;
	case OPTION_JSON:
		set_print(options, diff_print_json);
		break;
	case OPTION_SUGGEST:
		set_print(options, diff_print_suggestion);
		break;
	case OPTION_EXIT_CODE:
		options->exit_code = true;
		break;
	case OPTION_DEVICE:
		options->filesystem.device = optarg;
		break;
	case OPTION_CONFIG:
		options->filesystem.config = optarg;
		break;
	default:
		options->help = true;
	}
}

/* Returns EXIT_DONE, or EXIT_USAGE when it was explained what is wrong. */
static int parse(int argc, char *argv[], struct options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?')
			return fail_usage(NULL);
		set_option(options, option);
	}
	if (optind < argc) {
		(void)fprintf(stderr, "blankroot diff: unexpected argument '%s'\n", argv[optind]);
		return fail_usage(NULL);
	}
	if (options->prints > 1)
		return fail_usage("only one of --summary, --json and --suggest can be given");
	if (options->diff.only && options->diff.only[0] != '/')
		return fail_usage("--only takes an absolute path");
	return EXIT_DONE;
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
	struct filesystem filesystem;
	struct diffs diffs = { 0 };
	struct br_error err = { 0 };
	bool is_different = false;
	int r = filesystem_open(&options->filesystem, &filesystem, &err);

	if (r < 0)
		return fail(&err);
	r = diffs_find(&filesystem, &options->diff, &diffs, &err);
	if (r == 0) {
		tell_unrelated(&diffs);
		options->print(stdout, &diffs);
		for (size_t i = 0; i < diffs.count; i++)
			is_different |= diffs.items[i].changes.count > 0;
		diffs_free(&diffs);
	}
	filesystem_close(&filesystem);
	if (r < 0)
		return fail(&err);
	return options->exit_code && is_different ? EXIT_DIFFERENT : EXIT_DONE;
}

static int run(int argc, char *argv[])
{
	struct options options = { .filesystem = { .config = BR_CONFIG_PATH, .shared = true },
				   .print = diff_print_flat };
	int code = parse(argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (options.help) {
		print_help();
		return EXIT_DONE;
	}
	return act(&options);
}

const struct command command_diff = {
	.name = "diff",
	.summary = "tell what the next reset will lose",
	.run = run,
};
