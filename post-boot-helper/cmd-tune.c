/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot tune: apply a performance mode, show what is tuned, take it back. */
#include "audit.h"
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "filesystem.h"
#include "tune.h"

#include <stdio.h>
#include <string.h>

#define CONFIGURED "configured"

struct options {
	struct filesystem_options filesystem;
	const char *mode; /* NULL: none was given */
	const char *print;
	bool reset, dry_run, json;
};

/* A run. */
struct tune {
	const struct options *options;
	struct filesystem filesystem;
	struct tune_facts facts;
	struct tune_record record;
	struct tune_list list;
	enum br_performance mode;
};

static int check(const void *data)
{
	const struct options *options = data;

	if (options->reset && options->print)
		return command_fail_usage("blankroot tune", "--reset does not go with --print",
					  NULL);
	if (options->print && strcmp(options->print, "fstab") != 0 &&
	    strcmp(options->print, "nix") != 0 && strcmp(options->print, "sysctl") != 0 &&
	    strcmp(options->print, "udev") != 0)
		return command_fail_usage("blankroot tune",
					  "--print takes fstab, nix, sysctl or udev, not",
					  options->print);
	if (options->print && options->json)
		return command_fail_usage("blankroot tune", "--print does not go with --json",
					  NULL);
	return EXIT_DONE;
}

static int check_mode(const struct options *options)
{
	enum br_performance ignored;

	if (options->mode && options->reset)
		return command_fail_usage("blankroot tune", "--reset does not go with a mode",
					  options->mode);
	if (options->mode && strcmp(options->mode, CONFIGURED) != 0 &&
	    (!tune_mode_find(options->mode, &ignored) || ignored == BR_PERFORMANCE_NONE))
		return command_fail_usage("blankroot tune", "there is no mode", options->mode);
	if (options->dry_run && !options->mode && !options->reset)
		return command_fail_usage("blankroot tune",
					  "--dry-run of what? Name a mode, or --reset", NULL);
	return COMMAND_GO_ON;
}

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("reset", &options->reset, "take back all that was changed"),
		OPTION_STRING("print", "WHAT", &options->print,
			      "only print the lines that make it permanent: fstab, nix,\n"
			      "sysctl or udev"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be changed"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot tune [OPTION]... [MODE]\n"
			"Apply a performance mode, and show what it is made of.\n"
			"\n"
			"MODE: balanced, io-optimized, space-optimized; configured: the mode that\n"
			"the configuration names. Without one, only show.\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = 1,
		.check = check,
		.data = options,
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	options->mode = arguments.list[0];
	return check_mode(options);
}

static bool changes_nothing(const struct options *options)
{
	return options->dry_run || options->print || (!options->mode && !options->reset);
}

/* Named on the command line; else the one in use; else that of the configuration. */
static void choose_mode(struct tune *tune)
{
	const struct options *options = tune->options;
	enum br_performance configured = tune->filesystem.config.performance;

	if (options->reset)
		tune->mode = BR_PERFORMANCE_NONE;
	else if (options->mode && strcmp(options->mode, CONFIGURED) != 0)
		(void)tune_mode_find(options->mode, &tune->mode); /* was checked */
	else if (options->mode || tune->record.mode == BR_PERFORMANCE_NONE)
		tune->mode = configured;
	else
		tune->mode = tune->record.mode;
}

/* Of a reset, only what it changes. */
static int list_all(struct tune *tune, struct br_error *err)
{
	int r = 0;

	if (!tune->options->reset)
		r = tune_want(&tune->facts, &tune->filesystem.config, tune->mode, &tune->list, err);
	if (r == 0 && (tune->mode != BR_PERFORMANCE_NONE || !changes_nothing(tune->options) ||
		       tune->options->dry_run))
		r = tune_merge(&tune->facts, &tune->record, &tune->list, err);
	return r;
}

static void audit_rows(const struct tune_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct tune_row *row = &list->rows[i];
		struct br_error err = { 0 };
		int r = 0;

		if (!row->was_changed && !row->has_failed)
			continue;
		if (row->has_failed)
			r = br_error_set(&err, BR_ERR_WRITE, 0, NULL, "%s",
					 row->note ? row->note : "");
		audit_result("tune", row->object[0] ? row->object : NULL, row->knob->name, r, &err);
	}
}

/* The files first when it goes back: nothing may apply them anew in between. */
static int change(struct tune *tune, struct br_error *err)
{
	bool is_reset = tune->mode == BR_PERFORMANCE_NONE;
	int r = 0;

	if (is_reset && (r = tune_write_files(tune->mode, &tune->list, err)) < 0)
		return r;
	r = tune_apply(&tune->facts, tune->mode, &tune->record, &tune->list, err);
	audit_rows(&tune->list);
	if (!is_reset) {
		struct br_error second = { 0 };
		int files = tune_write_files(tune->mode, &tune->list, &second);

		if (r == 0 && files < 0) {
			*err = second;
			r = files;
		}
	}
	return r;
}

static int tell(const struct tune *tune, struct br_error *err)
{
	const struct options *options = tune->options;
	const struct tune_told told = {
		.mode = tune->mode,
		.dry_run = options->dry_run,
		.json = options->json,
		.action = options->reset  ? "reset"
			  : options->mode ? "apply"
					  : "show",
	};

	if (!options->print)
		return tune_print(&told, &tune->list, err);
	(void)tune_print_lines(options->print, &tune->facts, &tune->list); /* was checked */
	return 0;
}

static int run_all(struct tune *tune, struct br_error *err)
{
	BR_AUTO_CLOSE int lock = -1;
	struct br_error problem = { 0 };
	int r, told;

	if (!changes_nothing(tune->options) && (r = tune_record_lock(&lock, err)) < 0)
		return r;
	if ((r = tune_record_load(tune->filesystem.top, &tune->record, err)) < 0 ||
	    (r = tune_facts_read(tune->filesystem.top, tune->filesystem.device.fsid, &tune->facts,
				 err)) < 0)
		return r;
	choose_mode(tune);
	if ((r = list_all(tune, err)) < 0)
		return r;
	if (!changes_nothing(tune->options))
		r = change(tune, err);
	told = tell(tune, &problem);
	if (r == 0 && told < 0) {
		*err = problem;
		r = told;
	}
	return r;
}

static int act(const struct options *options, struct br_error *err)
{
	struct tune tune = { .options = options, .facts.top = -1 };
	int r = filesystem_open(&options->filesystem, &tune.filesystem, err);

	if (r < 0)
		return r;
	r = run_all(&tune, err);
	tune_list_free(&tune.list);
	tune_record_free(&tune.record);
	tune_facts_free(&tune.facts);
	filesystem_close(&tune.filesystem);
	return r;
}

static int run(int argc, char *argv[])
{
	struct options options = { .filesystem.config = BR_CONFIG_PATH, .filesystem.shared = true };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	options.filesystem.read_only = changes_nothing(&options);
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail("blankroot tune", &err);
}

const struct command command_tune = {
	.name = "tune",
	.summary = "apply a performance mode, show it, take it back",
	.run = run,
};
