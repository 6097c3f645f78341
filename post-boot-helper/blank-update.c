/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank update: a program runs in a copy of the blank, which becomes the blank if it succeeds. */
#include "blank-boot.h"
#include "blank-clone.h"
#include "blank-command.h"
#include "changes.h"
#include "cleanup.h"
#include "command.h"
#include "guest.h"
#include "kernels.h"
#include "mounted.h"
#include "persist.h"
#include "room-run.h"
#include "text.h"
#include "toplevel.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define PATIENCE 300 /* seconds */

struct updating {
	const struct blank_options *options;
	struct blank_clone clone;
	int system; /* root directory of the running system; -1: not mounted */
	struct guests guests;
	struct blank_boot boot;
};

/* --- saying --- */

static void warn(const char *what, const char *name, const char *end)
{
	(void)fflush(stdout); /* what was done comes first; lost output is found at the end */
	(void)fprintf(stderr, BLANK_COMMAND ": warning: %s", what);
	if (name)
		br_text_put_name(stderr, name);
	(void)fprintf(stderr, "%s\n", end);
}

static void tell_begin(const struct updating *updating)
{
	const char *blank = updating->clone.ephemeral->blank;

	if (updating->options->dry_run) {
		(void)fputs("would run ", stdout);
		br_text_put_name(stdout, updating->options->count > 0
						 ? updating->options->arguments[0]
						 : "a shell");
		(void)fputs(" in a copy of ", stdout);
		br_text_put_name(stdout, blank);
		(void)putchar('\n');
		return;
	}
	if (updating->options->count > 0)
		return;
	(void)fputs("This is a shell in a copy of ", stderr);
	br_text_put_name(stderr, blank);
	(void)fputs(": 'exit' makes it the blank, 'exit 1' drops it.\n", stderr);
}

/* What tells which packages are installed has to be of one piece with them. */
static void warn_of_databases(const struct updating *updating)
{
	static const char *const databases[] = { "var/lib/dpkg", "var/lib/rpm",
						 "usr/lib/sysimage/rpm", "var/lib/pacman" };
	const struct system_root root = { .fd = updating->clone.fd, .path = "" };

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++) {
		const struct persist_place place = { updating->clone.ephemeral, databases[i] };
		char path[64];

		(void)snprintf(path, sizeof(path), "/%s", databases[i]); /* fits */
		if (system_root_has(&root, path) && persist_find_cover(&place))
			warn("", path,
			     " is persistent: after the next reset it tells of the packages of the "
			     "old root, not of those in the blank");
	}
}

/* --- the program --- */

static void find_system(struct updating *updating)
{
	const struct br_ephemeral *ephemeral = updating->clone.ephemeral;
	struct br_error why;

	updating->system = -1;
	if (mounted_open(persist_mountpoint(ephemeral), ephemeral->name,
			 updating->clone.filesystem.top, &updating->system, &why) < 0)
		warn("", ephemeral->name,
		     " is not mounted: boot files of their own file system, and the cache of packages, "
		     "are not there");
}

/* The reset takes it along, so what is in the blank has no meaning. */
static bool carries_boot(const struct updating *updating)
{
	const struct persist_place place = { updating->clone.ephemeral, "boot" };

	return persist_find_cover(&place) != NULL;
}

static int run_in_room(struct updating *updating, struct room_result *result, struct br_error *err)
{
	const struct filesystem *filesystem = &updating->clone.filesystem;
	const struct room_request request = {
		.device = filesystem->device.path,
		.flags = filesystem->device.missing > 0 ? BR_TOPLEVEL_DEGRADED : 0,
		.id = updating->clone.subvol.id,
		.root = updating->clone.fd,
		.system = updating->system,
		.carries_boot = carries_boot(updating),
		.config = updating->options->filesystem.config,
	};
	BR_AUTO_FREE char *name = NULL;
	char offline[] = "SYSTEMD_OFFLINE=1", prompt[] = "debian_chroot=blank";
	struct room room;
	int r = room_make(&request, &room, err);

	if (r < 0)
		return r;
	if (asprintf(&name, "BLANKROOT_UPDATE=%s", updating->clone.ephemeral->name) < 0) {
		name = NULL;
		r = br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	} else {
		char *variables[] = { offline, prompt, name, NULL };

		r = room_run(&room, updating->options->arguments, variables, result, err);
	}
	room_free(&room);
	return r;
}

static int judge(const struct updating *updating, const struct room_result *result,
		 struct br_error *err)
{
	const char *blank = updating->clone.ephemeral->blank;

	if (result->signal != 0)
		return br_error_set(err, BR_ERR_JOB, 0, NULL, "ended by signal %d; %s is as it was",
				    result->signal, blank);
	if (WIFSIGNALED(result->status))
		return br_error_set(err, BR_ERR_JOB, 0, NULL,
				    "the command was killed by signal %d; %s is as it was",
				    WTERMSIG(result->status), blank);
	if (WEXITSTATUS(result->status) != 0)
		return br_error_set(err, BR_ERR_JOB, 0, NULL,
				    "the command ended with exit code %d; %s is as it was",
				    WEXITSTATUS(result->status), blank);
	return 0;
}

/* Whatever went wrong: the boot loader must not be left with the path of the copy. */
static int run(struct updating *updating, struct br_error *err)
{
	struct blank_clone *clone = &updating->clone;
	struct room_result result = { 0 };
	struct br_error later;
	int r, settled;

	if ((r = blank_boot_begin(updating->system, clone->fd, carries_boot(updating),
				  &updating->boot, err)) < 0)
		return r;
	if ((r = guests_enter(clone->fd, clone->ephemeral->name, &updating->guests, err)) == 0 &&
	    (r = run_in_room(updating, &result, err)) == 0)
		r = judge(updating, &result, err);
	settled = blank_boot_settle(&updating->boot, clone->path, clone->ephemeral->name, &later);
	if (r == 0 && settled == 0)
		r = guests_leave(&updating->guests, err);
	guests_free(&updating->guests);
	if (updating->boot.changed > 0 && (r < 0 || settled < 0))
		warn("files for booting were changed, and stay so: ", updating->boot.names,
		     "; 'blankroot check' tells whether the next boot works");
	if (settled < 0) {
		*err = later;
		return br_error_context(err, "after the command, looking at the files for booting");
	}
	return r;
}

/* --- kernels --- */

static void compare_kernels(const struct updating *updating, const struct kernels *booted,
			    const struct kernels *modules)
{
	bool is_wrong = false;

	for (size_t i = 0; i < booted->count; i++) {
		if (kernels_have(modules, booted->versions[i]))
			continue;
		warn("the kernel ", booted->versions[i],
		     " is in /boot, but the blank has no modules for it");
		is_wrong = true;
	}
	for (size_t i = 0; booted->count > 0 && i < modules->count; i++) {
		if (kernels_have(booted, modules->versions[i]))
			continue;
		warn("the blank has modules for the kernel ", modules->versions[i],
		     ", which is not in /boot");
		is_wrong = true;
	}
	if (is_wrong && !updating->boot.is_outside && updating->system >= 0)
		warn("/boot lies in the root, and the next boot still starts a kernel from that of the "
		     "root in use: 'blankroot restore --keep-old --from=",
		     updating->clone.ephemeral->blank, " /boot' brings the new one there");
	else if (is_wrong)
		warn("kernels and modules are not in step: install or remove a kernel by '" BLANK_COMMAND
		     " update', which sees both, and see 'blankroot check'",
		     NULL, "");
}

/*
 * What the next boot starts is in the root in use, also when /boot is no file system of its own: the boot loader comes
 * before the reset. A system without modules where they usually are has them elsewhere, or needs none.
 */
static void check_kernels(const struct updating *updating)
{
	const struct system_root inside = { .fd = updating->clone.fd, .path = "" };
	const struct system_root outside = { .fd = updating->system, .path = "" };
	struct kernels booted = { 0 }, modules = { 0 };
	struct br_error why;

	if (kernels_find_modules(&inside, &modules, &why) == 0 && modules.count > 0 &&
	    kernels_find_booted(updating->system >= 0 ? &outside : &inside, &booted, &why) == 0)
		compare_kernels(updating, &booted, &modules);
	kernels_free(&booted);
	kernels_free(&modules);
}

/* --- all --- */

/*
 * Package managers write logs and open their databases also when there is nothing to do. What is gone from the logs is
 * gone on purpose.
 */
static bool is_nothing(const struct br_change *change)
{
	static const char logs[] = "var/log/";

	if (strncmp(change->path, logs, strlen(logs)) == 0)
		return change->kind == BR_CHANGE_CREATED || change->kind == BR_CHANGE_CHANGED;
	return change->kind == BR_CHANGE_CHANGED && change->what == BR_CHANGED_TIME;
}

/* What cannot be compared was changed. */
static bool is_as_it_was(const struct blank_clone *clone, size_t *ignored_ret)
{
	const struct br_changes_request request = { .top = clone->filesystem.top,
						    .from = clone->ephemeral->blank,
						    .of = clone->path };
	struct br_changes changes = { 0 };
	struct br_error why;
	bool same = br_changes_find(&request, &changes, &why) == 0;

	for (size_t i = 0; same && i < changes.count; i++)
		same = is_nothing(&changes.changes[i]);
	*ignored_ret = changes.count;
	br_changes_free(&changes);
	return same;
}

/* A blank for each time when there was nothing to upgrade would soon leave no way back to another one. */
static int finish(struct updating *updating, struct br_error *err)
{
	struct blank_clone *clone = &updating->clone;
	BR_AUTO_FREE char *kept = NULL;
	size_t ignored;
	int r;

	if (is_as_it_was(clone, &ignored)) {
		br_text_put_name(stdout,
				 clone->ephemeral->blank); /* lost output is found at the end */
		(void)printf(" is as it was: nothing was changed in the copy%s\n",
			     ignored > 0 ? " but logs and times of files" : "");
		return 0;
	}
	r = blank_clone_put(clone, PATIENCE, &kept, err);

	if (r < 0)
		return r;
	br_text_put_name(stdout, clone->ephemeral->blank);
	(void)fputs(" is new: the next reset starts from it\n", stdout);
	blank_tell_former(clone->ephemeral, kept);
	blank_drop_formers(&clone->filesystem, clone->ephemeral, updating->options->keep);
	return 0;
}

static int update(struct updating *updating, struct br_error *err)
{
	int r;

	tell_begin(updating);
	if (updating->options->dry_run)
		return 0;
	find_system(updating);
	warn_of_databases(updating);
	r = run(updating, err);
	if (r == 0)
		r = finish(updating, err);
	if (r == 0)
		check_kernels(updating);
	blank_audit("blank-update", updating->clone.ephemeral, r, err);
	blank_boot_free(&updating->boot);
	br_cleanup_close(&updating->system);
	return r;
}

int blank_update(const struct blank_options *options)
{
	struct updating updating = { .options = options, .system = -1, .boot = BLANK_BOOT_NONE };
	struct br_error err = { 0 };
	int r;

	if (blank_clone_make(options, &updating.clone, &err) < 0)
		return command_fail(BLANK_COMMAND, &err);
	r = update(&updating, &err);
	blank_clone_close(&updating.clone);
	return r == 0 ? EXIT_DONE : command_fail(BLANK_COMMAND, &err);
}
