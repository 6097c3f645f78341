/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-shot request of the next boot: making it, taking it back, saying so. */
#include "next-boot.h"

#include "beneath.h"
#include "cleanup.h"
#include "command.h"
#include "facts.h"
#include "filesystem.h"
#include "name.h"
#include "now-blank.h"
#include "request.h"
#include "text.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct options {
	struct filesystem_options filesystem;
	const char *archive;
	bool cancel, dry_run, help, now_blank;
};

enum long_option {
	OPTION_CANCEL = 256,
	OPTION_CONFIG,
	OPTION_DEVICE,
	OPTION_DRY_RUN,
	OPTION_HELP,
	OPTION_NOW_BLANK,
};

static int fail_usage(const struct next_boot *command, const char *what, const char *argument)
{
	if (what)
		(void)fprintf(stderr, "%s: %s%s%s%s\n", command->command, what,
			      argument ? " '" : "", argument ? argument : "", argument ? "'" : "");
	(void)fprintf(stderr, "Try '%s --help' for more information.\n", command->command);
	return EXIT_USAGE;
}

static void set_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_CANCEL:
		options->cancel = true;
		break;
	case OPTION_CONFIG:
		options->filesystem.config = optarg;
		break;
	case OPTION_DEVICE:
		options->filesystem.device = optarg;
		break;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		break;
	case OPTION_NOW_BLANK:
		options->now_blank = true;
		break;
	default:
		options->help = true;
	}
}

static int check(const struct next_boot *command, const struct options *options)
{
	if (options->help)
		return EXIT_DONE;
	if (command->takes_archive && !options->cancel && !options->archive)
		return fail_usage(command, "which archive? Its name is missing", NULL);
	if (options->cancel && options->now_blank)
		return fail_usage(command, "--undo and --now-blank exclude each other", NULL);
	if (options->cancel && options->archive)
		return fail_usage(command, "unexpected argument", options->archive);
	return EXIT_DONE;
}

/* Returns EXIT_DONE, or EXIT_USAGE when it was explained what is wrong. */
static int parse(const struct next_boot *command, int argc, char *argv[], struct options *options)
{
	const struct option long_options[] = {
		{ command->cancel_name, no_argument, NULL, OPTION_CANCEL },
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "device", required_argument, NULL, OPTION_DEVICE },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "help", no_argument, NULL, OPTION_HELP },
		/* last, because not all commands have it */
		{ command->takes_archive ? "now-blank" : NULL, no_argument, NULL,
		  OPTION_NOW_BLANK },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == '?')
			return fail_usage(command, NULL, NULL);
		set_option(options, option);
	}
	if (optind < argc && command->takes_archive)
		options->archive = argv[optind++];
	if (optind < argc)
		return fail_usage(command, "unexpected argument", argv[optind]);
	return check(command, options);
}

/* --- saying --- */

void next_boot_put(FILE *out, const struct br_request *request)
{
	switch (request->kind) {
	case BR_REQUEST_SKIP:
		(void)fputs("keeps the root", out); /* lost output is found when it is closed */
		break;
	case BR_REQUEST_FROM:
		(void)fputs("starts from ", out);
		br_text_put_name(out, request->archive);
		break;
	case BR_REQUEST_INVALID:
		(void)fputs("does what nobody can understand", out);
		break;
	default:
		(void)fputs("resets the root from its blank", out);
	}
}

static void tell(const char *beginning, const struct br_request *request, const char *end)
{
	(void)printf("blankroot: %s ", beginning);
	next_boot_put(stdout, request);
	(void)puts(end);
}

/* --- doing --- */

/* *fd_ret is -1 when there is no state directory yet. */
static int open_state_dir(int top, int *fd_ret, struct br_error *err)
{
	int r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, fd_ret, err);

	return r < 0 && err->sys_errno == ENOENT ? 0 : r;
}

static int cancel(const struct options *options, int state, const struct br_request *pending,
		  struct br_error *err)
{
	static const struct br_request none = { .kind = BR_REQUEST_NONE };
	int r;

	if (pending->kind == BR_REQUEST_NONE) {
		tell("nothing to take back: the next boot", &none, "");
		return 0;
	}
	if (!options->dry_run && (r = br_request_use_up(state, err)) < 0)
		return r;
	tell(options->dry_run ? "would take back that the next boot" : "taken back: the next boot",
	     options->dry_run ? pending : &none, "");
	return 0;
}

/* Would the next reset be able to start from it? */
static int check_archive(const struct filesystem *filesystem, const char *archive,
			 struct br_error *err)
{
	struct br_facts facts;
	int r = br_facts_gather(filesystem->top, &filesystem->config, archive, time(NULL), &facts,
				err);

	if (r == 0)
		br_facts_free(&facts);
	return r;
}

/* A new blank is tried as a request is: what the next reset would refuse is refused now. */
static int now_blank(const struct filesystem *filesystem, const char *archive, bool dry_run,
		     struct br_error *err)
{
	int r = check_archive(filesystem, archive, err);

	return r < 0 ? r : now_blank_make(filesystem, archive, dry_run, err);
}

static int make(const struct options *options, const struct filesystem *filesystem,
		const struct br_request *pending, struct br_error *err)
{
	BR_AUTO_FREE char *archive = options->archive ? strdup(options->archive) : NULL;
	const struct br_request request = {
		.kind = options->archive ? BR_REQUEST_FROM : BR_REQUEST_SKIP,
		.archive = archive,
	};
	int r;

	if (options->archive && !archive)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (archive && (r = check_archive(filesystem, archive, err)) < 0)
		return r;
	if (!options->dry_run && (r = br_request_write(filesystem->top, &request, err)) < 0)
		return r;
	if (pending->kind != BR_REQUEST_NONE)
		tell("replaced an earlier request: that the next boot", pending, "");
	tell(options->dry_run ? "would ask for this: the next boot" : "the next boot", &request,
	     ", once");
	return 0;
}

static int act(const struct options *options, struct br_error *err)
{
	struct br_request pending = { .kind = BR_REQUEST_NONE };
	struct filesystem filesystem;
	BR_AUTO_CLOSE int state = -1;
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	if ((r = open_state_dir(filesystem.top, &state, err)) == 0 &&
	    (r = br_request_read(state, &pending, err)) == 0)
		r = options->cancel ? cancel(options, state, &pending, err)
		    : options->now_blank
			    ? now_blank(&filesystem, options->archive, options->dry_run, err)
			    : make(options, &filesystem, &pending, err);
	br_request_free(&pending);
	filesystem_close(&filesystem);
	return r;
}

int next_boot_run(const struct next_boot *command, int argc, char *argv[])
{
	struct options options = { .filesystem.config = BR_CONFIG_PATH };
	struct br_error err = { 0 };
	int code = parse(command, argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (options.help) {
		command->print_help();
		return EXIT_DONE;
	}
	options.filesystem.read_only = options.dry_run;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail(command->command, &err);
}
