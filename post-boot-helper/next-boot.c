/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-shot request of the next boot: making it, taking it back, saying so. */
#include "next-boot.h"

#include "audit.h"
#include "beneath.h"
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "facts.h"
#include "filesystem.h"
#include "lock-wait.h"
#include "name.h"
#include "now-blank.h"
#include "request.h"
#include "rollback-snapshot.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

struct options {
	struct filesystem_options filesystem;
	const char *archive;
	const char *cancel_operation; /* for the audit trail */
	bool cancel, dry_run, force, now_blank;
};

static int check(const struct next_boot *command, const struct options *options)
{
	const char *what = NULL;

	if (command->takes_archive && !options->cancel && !options->archive)
		what = "which archive or snapshot? Its name is missing";
	else if (options->cancel && options->now_blank)
		what = "--undo and --now-blank exclude each other";
	if (what)
		return command_fail_usage(command->command, what, NULL);
	if (options->cancel && options->archive)
		return command_fail_usage(command->command, "unexpected argument",
					  options->archive);
	return COMMAND_GO_ON;
}

static int parse(const struct next_boot *command, int argc, char *argv[], struct options *options)
{
	const bool takes_archive = command->takes_archive;
	const struct command_option list[] = {
		OPTION_FLAG(command->cancel_name, &options->cancel,
			    "take that back, or whatever else the next boot was asked for"),
		OPTION_FLAG(takes_archive ? "now-blank" : NULL, &options->now_blank,
			    "make the archive the blank of all boots from now on"),
		OPTION_FLAG(takes_archive ? "force" : NULL, &options->force,
			    "roll a subvolume back although it is in use"),
		OPTION_DRY_RUN(&options->dry_run, command->dry_run_help),
		OPTION_WAIT(&options->filesystem.wait, "run of blankroot"),
		OPTION_DEVICE(&options->filesystem.device, "a device"),
		OPTION_CONFIG_DEFAULT(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = command->head,
		.tail = "Exit codes: 0 done; 1 failed, nothing is changed; 2 usage error.\n",
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = takes_archive ? 1 : 0,
	};
	struct command_arguments arguments;
	int code = command_options_parse(&usage, argc, argv, &arguments);

	if (code != COMMAND_GO_ON)
		return code;
	options->archive = arguments.list[0];
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
	if (!options->dry_run) {
		r = br_request_use_up(state, err);
		audit_result(options->cancel_operation, NULL, pending->archive, r, err);
		if (r < 0)
			return r;
	}
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
	if (!options->dry_run) {
		r = br_request_write(filesystem->top, &request, err);
		audit_result(archive ? "rollback" : "skip", NULL, archive, r, err);
		if (r < 0)
			return r;
	}
	if (pending->kind != BR_REQUEST_NONE)
		tell("replaced an earlier request: that the next boot", pending, "");
	tell(options->dry_run ? "would ask for this: the next boot" : "the next boot", &request,
	     ", once");
	return 0;
}

/* What does not wait for the next boot. Returns 1 when it does. */
static int act_now(const struct options *options, const struct filesystem *filesystem,
		   struct br_error *err)
{
	const char *name = options->archive;
	const char *entry;

	if (options->cancel || !name ||
	    !rollback_is_of_snapshot(&filesystem->config, name, &entry)) {
		if (options->now_blank)
			return now_blank(filesystem, name, options->dry_run, err);
		if (options->force)
			return br_error_set(
				err, BR_ERR_USAGE, 0, NULL,
				"--force is for snapshots of persistent subvolumes only");
		return 1;
	}
	if (options->now_blank)
		return br_error_set(err, BR_ERR_USAGE, 0, name,
				    "only an archive can become the blank");
	return rollback_snapshot(filesystem, entry, options->force, options->dry_run, err);
}

static int act_at_next_boot(const struct options *options, const struct filesystem *filesystem,
			    struct br_error *err)
{
	struct br_request pending = { .kind = BR_REQUEST_NONE };
	BR_AUTO_CLOSE int state = -1;
	int r;

	if ((r = open_state_dir(filesystem->top, &state, err)) == 0 &&
	    (r = br_request_read(state, &pending, err)) == 0)
		r = options->cancel ? cancel(options, state, &pending, err)
				    : make(options, filesystem, &pending, err);
	br_request_free(&pending);
	return r;
}

static int act(const struct options *options, struct br_error *err)
{
	struct filesystem filesystem;
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	r = act_now(options, &filesystem, err);
	if (r > 0)
		r = act_at_next_boot(options, &filesystem, err);
	filesystem_close(&filesystem);
	return r;
}

int next_boot_run(const struct next_boot *command, int argc, char *argv[])
{
	struct options options = { .filesystem.config = BR_CONFIG_PATH,
				   .filesystem.wait = LOCK_WAIT_DEFAULT,
				   .cancel_operation = command->cancel_operation };
	struct br_error err = { 0 };
	int code = parse(command, argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	options.filesystem.read_only = options.dry_run;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail(command->command, &err);
}
