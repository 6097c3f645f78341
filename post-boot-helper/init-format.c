/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blankroot init --format: a file system with the layout of the design, on a device that holds nothing. mkfs.btrfs makes it;
 * what is made on it is in a record before, so that a run that was interrupted goes on.
 */
#include "init-format.h"
#include "audit.h"
#include "beneath.h"
#include "blockdev.h"
#include "cleanup.h"
#include "command.h"
#include "file-leftovers.h"
#include "init-look.h"
#include "lock-wait.h"
#include "private-dir.h"
#include "record.h"
#include "retained.h"
#include "text.h"
#include "toplevel.h"
#include "tune.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MKFS "mkfs.btrfs"

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- the device --- */

/* Nobody else has it: the kernel refuses that for what is mounted, or a part of something. */
static int check_free(const char *device, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

	return fd >= 0 ? 0
		       : br_error_set(err, errno == EBUSY ? BR_ERR_IN_USE : BR_ERR_OPEN, errno,
				      device, NULL);
}

static int refuse_content(const char *device, const struct br_content *content,
			  struct br_error *err)
{
	const char *what = content->type[0] ? content->type : content->part_table;

	return br_error_set(
		err, BR_ERR_LAYOUT, 0, device,
		"is not empty: it holds %s%s; if nothing of that is needed, remove it with "
		"'wipefs --all', and run this again",
		what, content->type[0] ? "" : " (a partition table)");
}

/* *made_ret: there is a btrfs, perhaps one that an interrupted run has made. */
static int look_at_device(const char *device, bool *made_ret, struct br_error *err)
{
	struct br_content content;
	uint64_t size = 0;
	BR_AUTO_CLOSE int fd = br_blockdev_open(device, &size);

	*made_ret = false;
	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, device, NULL);
	if (size == 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, 0, device, "has no medium");
	if (br_content_probe(fd, BR_PROBE_ALL, &content) != 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, device, NULL);
	if (!content.type[0] && !content.part_table[0])
		return check_free(device, err);
	*made_ret = strcmp(content.type, "btrfs") == 0 && !content.part_table[0];
	return *made_ret ? 0 : refuse_content(device, &content, err);
}

/* A record without a snapshot is one of --format. */
static int check_record(const char *device, struct format *format, struct br_error *err)
{
	const struct br_content content = { .type = "btrfs" };
	int r = br_toplevel_mount(device, format->options->dry_run ? BR_TOPLEVEL_READ_ONLY : 0,
				  &format->top, err);

	if (r < 0 || (r = init_record_load(format->top, &format->record, err)) < 0)
		return r;
	return format->record.exists && !format->record.snapshot[0]
		       ? 0
		       : refuse_content(device, &content, err);
}

/* --- mkfs --- */

/* What it has to say is not what a program reads of us. Returns an errno. */
static int spawn_mkfs(char *const words[], pid_t *pid_ret)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return r;
	r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawnp(pid_ret, words[0], &actions, NULL, words, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int run_mkfs(const struct init_options *options, struct br_error *err)
{
	char program[] = MKFS, quiet[] = "--quiet", with_label[] = "--label";
	BR_AUTO_FREE char *device = strdup(options->format);
	BR_AUTO_FREE char *label = strdup(options->label ? options->label : "");
	char *words[] = { program, quiet, device, options->label ? with_label : NULL, label, NULL };
	int status = 0, r;
	pid_t pid;

	if (!device || !label)
		return no_memory(err);
	r = spawn_mkfs(words, &pid);
	if (r != 0)
		return br_error_set(err, BR_ERR_CREATE, r, MKFS, "is it installed? btrfs-progs");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0
		       ? 0
		       : br_error_set(err, BR_ERR_CREATE, 0, options->format,
				      MKFS " failed; what it has left there is removed with "
					   "'wipefs --all'");
}

static int make_filesystem(struct format *format, struct br_error *err)
{
	const struct init_options *options = format->options;
	int r;

	(void)fflush(stdout);
	r = run_mkfs(options, err);
	audit_result("init", NULL, options->format, r, err);
	if (r < 0)
		return r;
	format->record.root = strdup(INIT_FORMAT_ROOT);
	format->record.root_uuid = strdup("");
	format->record.snapshot = strdup("");
	if (!format->record.root || !format->record.root_uuid || !format->record.snapshot)
		return no_memory(err);
	format->record.exists = true;
	if ((r = br_toplevel_mount(options->format, 0, &format->top, err)) < 0 ||
	    (r = init_record_add_made(&format->record, BR_STATE_DIR, NULL, err)) < 0)
		return r;
	return init_record_save(format->top, &format->record, err);
}

/* --- what is on it --- */

/* Of what is made in it from now on. */
static int set_nodatacow(int fd, const char *name, struct br_error *err)
{
	unsigned flags = 0;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name, NULL);
	flags |= FS_NOCOW_FL;
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0
		       ? 0
		       : br_error_set(err, BR_ERR_FLAGS, errno, name, NULL);
}

/* It has its place only when it is what it shall be, and is in the record. */
static int make_subvolume(struct format *format, const struct format_subvolume *subvolume,
			  struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if (init_exists(format->top, subvolume->name))
		return 0;
	if ((r = br_private_dir_open(format->top, BR_STATE_DIR, &state, err)) < 0)
		return r;
	if (!init_exists(format->top, INIT_STAGING) &&
	    (r = br_subvol_create(state, INIT_STAGING_NAME, err)) < 0)
		return r;
	if ((r = br_subvol_open(state, INIT_STAGING_NAME, &fd, &subvol, err)) < 0 ||
	    (subvolume->nodatacow && (r = set_nodatacow(fd, subvolume->name, err)) < 0) ||
	    (r = init_record_add_made(&format->record, subvolume->name, subvol.uuid, err)) < 0 ||
	    (r = init_record_save(format->top, &format->record, err)) < 0)
		return r;
	if (renameat2(state, INIT_STAGING_NAME, format->top, subvolume->name, RENAME_NOREPLACE) !=
	    0)
		return br_error_set(err, BR_ERR_RENAME, errno, subvolume->name, NULL);
	return br_subvol_commit(format->top, err);
}

static int seal_blank(const struct format *format, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_subvol_open(format->top, INIT_FORMAT_BLANK, &fd, NULL, err);

	return r < 0 ? r : br_subvol_set_read_only(fd, true, err);
}

static int make_directories(struct format *format, struct br_error *err)
{
	static const char *const names[] = { INIT_ARCHIVES, BR_SNAPSHOTS_DIR };
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		BR_AUTO_CLOSE int fd = -1;

		if ((r = init_record_add_made(&format->record, names[i], NULL, err)) == 0 &&
		    (r = init_record_save(format->top, &format->record, err)) == 0)
			r = br_private_dir_open(format->top, names[i], &fd, err);
	}
	return r;
}

/* What an interrupted run left beside its record. */
static int clear_leftovers(const struct format *format, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_private_dir_open(format->top, BR_STATE_DIR, &state, err);

	return r < 0 ? r : br_file_clear_leftovers(state, err);
}

static int fill(struct format *format, struct br_error *err)
{
	int r = clear_leftovers(format, err);

	for (size_t i = 0; r == 0 && i < format->count; i++)
		r = make_subvolume(format, &format->subvolumes[i], err);
	if (r < 0 || (r = seal_blank(format, err)) < 0 || (r = make_directories(format, err)) < 0 ||
	    (r = br_subvol_commit(format->top, err)) < 0)
		return r;
	/* untouched since, as init_undo asks: nothing is in them yet */
	for (size_t i = 0; i < format->record.made_count; i++) {
		struct br_subvol subvol;

		if (init_is_ours(format->top, &format->record, format->record.made[i].path,
				 &subvol))
			format->record.made[i].changed = subvol.ctransid;
	}
	format->record.is_done = true;
	return init_record_save(format->top, &format->record, err);
}

/* --- all --- */

static int make(struct format *format, bool is_made, struct br_error *err)
{
	const struct init_options *options = format->options;
	int r = 0;

	if (!options->json && !options->yes)
		format_print_plan(format, is_made);
	if (!init_is_agreed(options))
		return 0;
	if (!is_made)
		r = make_filesystem(format, err);
	if (r == 0)
		r = lock_wait_flock(format->top, options->wait, options->format, err);
	if (r == 0)
		r = fill(format, err);
	return r < 0 ? r : format_print_result(format, err);
}

static int act(struct format *format, struct br_error *err)
{
	const char *device = format->options->format;
	bool is_made = false;
	int r;

	if (geteuid() != 0)
		return br_error_set(err, BR_ERR_OPEN, EPERM, NULL, "only root can do that");
	if ((r = init_preset_load(format->options->preset, &format->preset, err)) < 0 ||
	    (r = format_choose(format, err)) < 0 ||
	    (r = look_at_device(device, &is_made, err)) < 0 ||
	    (is_made && (r = check_record(device, format, err)) < 0))
		return r;
	if (!format->options->dry_run)
		return make(format, is_made, err);
	if (format->options->json)
		return format_print_result(format, err);
	format_print_plan(format, is_made);
	return 0;
}

int init_format(const struct init_options *options)
{
	struct format format = { .options = options, .top = -1 };
	struct br_error err = { 0 };
	int r = act(&format, &err);

	format_free(&format);
	return r == 0 ? EXIT_DONE : command_fail(INIT_COMMAND, &err);
}
