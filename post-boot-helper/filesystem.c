/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the options of a command to an open top level. */
#include "filesystem.h"

#include "blank-replace.h"
#include "cleanup.h"
#include "cmdline.h"
#include "file.h"
#include "lock-wait.h"
#include "marking.h"
#include "mountinfo.h"
#include "proc.h"
#include "snapshot-rollback.h"
#include "toplevel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CMDLINE_MAX (1UL << 20)

/* Is this mount an ephemeral subvolume at its place? */
static bool is_at_its_place(const struct br_mount *mount, const struct br_ephemeral *ephemeral)
{
	return ephemeral->mountpoint && strcmp(mount->type, "btrfs") == 0 &&
	       strcmp(mount->target, ephemeral->mountpoint) == 0 && mount->root[0] == '/' &&
	       strcmp(mount->root + 1, ephemeral->name) == 0;
}

/* "/dev/root" and the like are names that only the kernel knows. */
static bool is_device(const char *path)
{
	struct stat st;

	return path[0] == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode);
}

/* *spec_ret is NULL when none is mounted, and else owned by the caller. */
static int ask_mounts(const struct br_config *config, char **spec_ret, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	const char *found = NULL;
	int r = br_mountinfo_read(&mounts, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < mounts.count; i++)
		for (size_t e = 0; e < config->ephemeral_count; e++)
			if (is_at_its_place(&mounts.mounts[i], &config->ephemeral[e]) &&
			    is_device(mounts.mounts[i].source))
				found = mounts.mounts[i].source;
	*spec_ret = found ? strdup(found) : NULL;
	return found && !*spec_ret ? br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL) : 0;
}

/* As above, from root=. */
static int ask_cmdline(char **spec_ret, struct br_error *err)
{
	__attribute__((cleanup(br_cmdline_free))) struct br_cmdline cmdline = { 0 };
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_CLOSE int proc = -1;
	const struct br_cmdline_arg *root;
	int r;

	if ((r = br_proc_open(&proc, err)) < 0 ||
	    (r = br_file_read(proc, "cmdline", CMDLINE_MAX, &text, NULL, err)) < 0 ||
	    (r = br_cmdline_parse(text, &cmdline, err)) < 0)
		return r;
	root = br_cmdline_find(&cmdline, "root");
	if (!root || !root->value || !br_device_spec_is_valid(root->value))
		return 0;
	*spec_ret = strdup(root->value);
	return *spec_ret ? 0 : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* A name that was not typed has to be corrected where it stands. */
static int tell_origin(const struct filesystem_options *options, bool is_configured, int r,
		       struct br_error *err)
{
	if (r != BR_ERR_DEVICE_MISSING && r != BR_ERR_DEVICE_PROBE)
		return r;
	if (options->device)
		return r;
	return is_configured ? br_error_context(err, "named by %s", options->config)
			     : br_error_context(err,
						"named by the kernel command line or the "
						"mount table, since %s names none",
						options->config);
}

static int find_device(const struct filesystem_options *options, struct filesystem *filesystem,
		       struct br_error *err)
{
	const char *spec = options->device ? options->device : filesystem->config.device;
	BR_AUTO_FREE char *asked = NULL;
	int r = 0;

	if (!spec)
		r = ask_mounts(&filesystem->config, &asked, err);
	if (!spec && r == 0 && !asked)
		r = ask_cmdline(&asked, err);
	if (r < 0)
		return r;
	if (!spec && !asked)
		return br_error_set(
			err, BR_ERR_USAGE, 0, NULL,
			"which device? No ephemeral subvolume is mounted where %s says; "
			"say device = \"UUID=...\" there, or use --device",
			options->config);
	r = br_device_find(spec ? spec : asked, 0, &filesystem->device, err);
	if (r == BR_ERR_DEVICE_INCOMPLETE && filesystem->config.degraded == BR_DEGRADED_YES)
		r = br_device_find_degraded(spec ? spec : asked, &filesystem->device, err);
	return tell_origin(options, spec, r, err);
}

static unsigned mount_flags(const struct filesystem_options *options,
			    const struct filesystem *filesystem)
{
	return (options->read_only ? BR_TOPLEVEL_READ_ONLY : 0) |
	       (filesystem->device.missing > 0 ? BR_TOPLEVEL_DEGRADED : 0);
}

static int lock(const struct filesystem *filesystem, uint64_t seconds, struct br_error *err)
{
	struct lock_wait wait = lock_wait_begin(seconds);
	int r;

	while ((r = br_toplevel_lock(filesystem->top, err)) == BR_ERR_LOCKED && err->sys_errno == 0)
		if (!lock_wait_more(&wait, filesystem->top))
			return lock_wait_fail(&wait, filesystem->top, filesystem->device.path, err);
	return r;
}

/* What there is no space for is left to the next one: prune, which makes room, must not depend on it. */
static int unless_full(int r, const struct br_error *err)
{
	return r < 0 && err->sys_errno == ENOSPC ? 0 : r;
}

/* Whoever has the lock finishes what others were killed at. */
static int take_over(int top, const struct br_config *config, struct br_error *err)
{
	int r = unless_full(br_marking_finish(top, err), err);

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		BR_AUTO_FREE char *kept = NULL;

		r = unless_full(
			br_blank_replace_finish(top, &config->ephemeral[i], time(NULL), &kept, err),
			err);
	}
	return r < 0 ? r : unless_full(br_rollback_finish(top, time(NULL), err), err);
}

static int mount_top(const struct filesystem_options *options, struct filesystem *filesystem,
		     struct br_error *err)
{
	int r;

	if ((r = find_device(options, filesystem, err)) == 0)
		r = br_toplevel_mount(filesystem->device.path, mount_flags(options, filesystem),
				      &filesystem->top, err);
	/* to those who may not read disks there are none */
	if (r < 0 && geteuid() != 0)
		return br_error_set(err, BR_ERR_OPEN, EPERM, NULL, "only root can do that");
	return r;
}

int filesystem_lock(const struct filesystem_options *options, const struct filesystem *filesystem,
		    struct br_error *err)
{
	int r = lock(filesystem, options->wait, err);

	return r < 0 ? r : take_over(filesystem->top, &filesystem->config, err);
}

int filesystem_open(const struct filesystem_options *options, struct filesystem *ret,
		    struct br_error *err)
{
	struct filesystem filesystem = { .top = -1 };
	int r;

	if ((r = br_config_load(options->config, &filesystem.config, err)) < 0 ||
	    (r = mount_top(options, &filesystem, err)) < 0 ||
	    (!options->read_only && !options->shared &&
	     (r = filesystem_lock(options, &filesystem, err)) < 0)) {
		filesystem_close(&filesystem);
		return r;
	}
	*ret = filesystem;
	return 0;
}

void filesystem_close(struct filesystem *filesystem)
{
	if (!filesystem)
		return;
	br_cleanup_close(&filesystem->top);
	br_device_free(&filesystem->device);
	br_config_free(&filesystem->config);
}
