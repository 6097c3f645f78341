/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: bring a file system into the layout that a reset needs, and take that back. */
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "init.h"
#include "lock-wait.h"
#include "text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int refuse(const char *what, const char *argument)
{
	return command_fail_usage(INIT_COMMAND, what, argument);
}

static int check(const void *data)
{
	const struct init_options *options = data;

	if (options->format && (options->device || options->undo || options->subvolume))
		return refuse(
			"--format takes the device itself, and goes with neither --device nor "
			"--undo nor --subvolume",
			NULL);
	if (options->label && !options->format)
		return refuse("--label is for --format", NULL);
	if (options->undo &&
	    (options->preset || options->write_fstab || options->write_boot_loader ||
	     options->replace_config || options->json))
		return refuse("--undo goes with --device, --subvolume, --dry-run and --yes only",
			      NULL);
	if (options->config[0] != '/' || br_config_subvolume_problem(options->config + 1))
		return refuse(
			"--config takes an absolute and normal path, as seen in the root, not",
			options->config);
	return EXIT_DONE;
}

static int parse(int argc, char *argv[], struct init_options *options)
{
	const struct command_option list[] = {
		OPTION_STRING("format", "DEV", &options->format,
			      "make a file system on this empty device"),
		OPTION_STRING("label", "NAME", &options->label, "of that file system"),
		OPTION_STRING("subvolume", "PATH", &options->subvolume,
			      "the subvolume of the root, from the top level"),
		OPTION_STRING("preset", "NAME", &options->preset,
			      "server, container-host, database, web, or the path of a file"),
		OPTION_FLAG("write-fstab", &options->write_fstab,
			    "also change /etc/fstab where the root has to be named\n"
			    "otherwise; else the lines are printed"),
		OPTION_FLAG("write-boot-loader", &options->write_boot_loader,
			    "the same of rootflags= in files of boot loaders"),
		OPTION_FLAG("replace-config", &options->replace_config,
			    "replace a configuration that is there, and keep it"),
		OPTION_FLAG("undo", &options->undo,
			    "take back what was done; the snapshot from before goes\n"
			    "too if it is named"),
		OPTION_FLAG("yes", &options->yes, "do it without asking"),
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_DRY_RUN(&options->dry_run, "only say what would be done"),
		OPTION_WAIT(&options->wait, "run of blankroot"),
		OPTION_DEVICE(&options->device, "a block device, instead of the root that runs"),
		OPTION_STRING("config", "FILE", &options->config,
			      "what to write (" BR_CONFIG_PATH " of the root)"),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot init [OPTION]...\n"
			"  or:  blankroot init --format=DEV [OPTION]...\n"
			"  or:  blankroot init --undo [OPTION]... [SNAPSHOT]\n"
			"Prepare a btrfs root for starting blank: a snapshot to go back to, the blank,\n"
			"and a configuration that keeps what should survive.\n",
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
	if (arguments.count > 0 && !options->undo)
		return refuse("unexpected argument", arguments.list[0]);
	options->snapshot = arguments.list[0];
	if (!options->dry_run && !options->yes && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
		return refuse(
			"there is no terminal to ask on; say --yes to have it done, or --dry-run "
			"to see what it would be",
			NULL);
	return COMMAND_GO_ON;
}

/* --- doing --- */

static void tell_done(const struct init_told *told)
{
	for (size_t i = 0; i < told->plan->count; i++)
		if (told->plan->steps[i].is_done) {
			(void)fputs("done: ", stdout);
			init_print_step(&told->plan->steps[i], told->system);
		}
}

static int carry_out(const struct init_told *told, struct init_plan *plan,
		     struct init_record *record, struct br_error *err)
{
	int r = init_plan_run(told->system, plan, record, err);

	if (told->options->json)
		init_print_json(told);
	else
		tell_done(told);
	if (r < 0)
		return br_error_context(err,
					"what was done so far stays: run it again to go on, or "
					"--undo to take it back");
	if (!told->options->json)
		init_print_next(told);
	return 0;
}

static int act_on_plan(const struct init_told *told, struct init_plan *plan,
		       struct init_record *record, struct br_error *err)
{
	const struct init_options *options = told->options;

	if (options->dry_run) {
		if (options->json)
			init_print_json(told);
		else
			init_print_plan(told);
		return 0;
	}
	if (init_plan_is_empty(plan) && record->exists && record->is_done) {
		if (options->json) {
			init_print_json(told);
			return 0;
		}
		(void)puts("All of it is done already.");
		init_print_next(told);
		return 0;
	}
	if (!options->yes)
		init_print_plan(told);
	if (!init_is_agreed(options))
		return 0;
	return carry_out(told, plan, record, err);
}

static int prepare(const struct init_options *options, const struct init_system *system,
		   struct init_record *record, struct br_error *err)
{
	struct init_plan plan = { 0 };
	struct init_told told = { options, system, &plan, record };
	int r = init_plan_make(options, system, record, &plan, err);

	if (r < 0)
		return r;
	r = act_on_plan(&told, &plan, record, err);
	init_plan_free(&plan);
	return r;
}

static int take_back(const struct init_options *options, const struct init_system *system,
		     struct init_record *record, struct br_error *err)
{
	if (record->exists && !options->dry_run && !options->yes) {
		(void)puts(
			"The configuration, the blank and what else blankroot init made will go.");
		if (!init_is_agreed(options))
			return 0;
	}
	return init_undo(options, system, record, err);
}

/* A record is of one root. That of --format, which has no snapshot, is of none yet. */
static int check_record(const struct init_system *system, const struct init_record *record,
			struct br_error *err)
{
	if (!record->exists || !record->snapshot[0] || strcmp(record->root, system->subvolume) == 0)
		return 0;
	return br_error_set(
		err, BR_ERR_LAYOUT, 0, system->subvolume,
		"blankroot init has prepared another root of this file system, %s; with "
		"several, make the blanks of the others by 'blankroot blank create'",
		record->root[0] ? record->root : "the top level");
}

static int act(const struct init_options *options, struct br_error *err)
{
	struct init_system system = { .top = -1, .fd = -1 };
	struct init_record record = { 0 };
	int r;

	if (geteuid() != 0)
		return br_error_set(err, BR_ERR_OPEN, EPERM, NULL, "only root can do that");
	if ((r = init_system_open(options, &system, err)) < 0)
		return r;
	if (!options->dry_run)
		r = lock_wait_flock(system.top, options->wait, system.device.path, err);
	if (r == 0)
		r = init_record_load(system.top, &record, err);
	if (r == 0)
		r = check_record(&system, &record, err);
	if (r == 0)
		r = options->undo ? take_back(options, &system, &record, err)
				  : prepare(options, &system, &record, err);
	init_record_free(&record);
	init_system_close(&system);
	return r;
}

static int run(int argc, char *argv[])
{
	struct init_options options = { .config = BR_CONFIG_PATH, .wait = LOCK_WAIT_DEFAULT };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	if (options.format)
		return init_format(&options);
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail(INIT_COMMAND, &err);
}

const struct command command_init = {
	.name = "init",
	.summary = "prepare a file system for starting blank",
	.run = run,
};
