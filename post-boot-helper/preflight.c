/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot check: the order of its parts, and what they share. */
#include "preflight.h"

#include "beneath.h"
#include "cleanup.h"
#include "mounted.h"
#include "name.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* --- what parts share --- */

size_t check_main_root(const struct check *check)
{
	const struct br_config *config = &check->config;

	for (size_t i = 0; i < config->ephemeral_count; i++)
		if (config->ephemeral[i].mountpoint &&
		    strcmp(config->ephemeral[i].mountpoint, "/") == 0)
			return i;
	if (config->ephemeral_count == 1 && !config->ephemeral[0].mountpoint)
		return 0;
	return config->ephemeral_count;
}

const struct br_mount *check_mount_of(const struct check *check, size_t ephemeral)
{
	const struct br_ephemeral *wanted = &check->config.ephemeral[ephemeral];
	const struct br_mount *found = NULL;

	for (size_t i = 0; i < check->mounts.count; i++) {
		const struct br_mount *mount = &check->mounts.mounts[i];

		if (!mounted_shows(mount, wanted->name, check->filesystem.device.fsid))
			continue;
		if (!found ||
		    (wanted->mountpoint && strcmp(mount->target, wanted->mountpoint) == 0))
			found = mount;
	}
	return found;
}

char *check_mend_at(const struct check *check, const char *pattern, const char *const words[])
{
	const struct mend_place place = { check->filesystem.top, check->filesystem.device.path,
					  &check->mounts };

	return mend_make_at(&place, pattern, words);
}

char *check_mend_self(const struct check *check, const char *pattern, bool takes_device,
		      const char *const words[])
{
	const struct check_options *options = check->options;
	BR_AUTO_FREE char *command = mend_make(pattern, words);
	BR_AUTO_FREE char *config = options->given_config
					    ? mend_make(" --config=%",
							(const char *const[]){
								options->given_config, NULL })
					    : strdup("");
	BR_AUTO_FREE char *device = takes_device && options->given_device
					    ? mend_make(" --device=%",
							(const char *const[]){
								options->given_device, NULL })
					    : strdup("");
	char *whole = NULL;

	if (!command || !config || !device ||
	    asprintf(&whole, "blankroot %s%s%s", command, config, device) < 0)
		return NULL;
	return whole;
}

char *check_mend_edit(const char *file, unsigned line)
{
	const char *const words[] = { file, NULL };
	char pattern[64];

	(void)snprintf(pattern, sizeof(pattern),
		       line ? "\"${EDITOR:-vi}\" +%u %%" : "\"${EDITOR:-vi}\" %%", line);
	return mend_make(pattern, words);
}

/* --- configuration, device, request --- */

/* "/etc/blankroot.conf:12: ..." */
static unsigned line_of(const char *message)
{
	const char *colon = strstr(message, ".conf:");

	return colon ? (unsigned)strtoul(colon + strlen(".conf:"), NULL, 10) : 0;
}

/* The file that the message names, or the main one. */
static char *file_of(const struct check *check, const struct br_error *err)
{
	const char *colon = strstr(err->text, ".conf:");
	const char *end = colon ? colon + strlen(".conf") : NULL;

	if (end && err->text[0] == '/')
		return strndup(err->text, (size_t)(end - err->text));
	return strdup(err->path[0] ? err->path : check->options->filesystem.config);
}

/* Where there is none yet, one is made for the machine. */
static char *mend_config(const struct check *check, const struct br_error *failure)
{
	const char *config = check->options->filesystem.config;
	BR_AUTO_FREE char *file = NULL;

	if (failure->sys_errno == ENOENT && strcmp(config, BR_CONFIG_PATH) == 0 &&
	    access(config, F_OK) != 0)
		return strdup("blankroot init");
	file = file_of(check, failure);
	return file ? check_mend_edit(file, line_of(failure->text)) : NULL;
}

static void check_config(struct check *check)
{
	struct br_error failure = { 0 };

	if (br_config_load(check->options->filesystem.config, &check->config, &failure) == 0) {
		check->has_config = true;
		return;
	}
	finding_add_failure(&check->findings, FINDING_CONFIG_INVALID, mend_config(check, &failure),
			    &failure, "%s", "");
}

static char *mend_device(const struct check *check, const struct br_error *failure)
{
	if (failure->code == BR_ERR_DEVICE_INCOMPLETE)
		return strdup("btrfs device scan");
	return check_mend_edit(check->options->filesystem.config, 0);
}

static void open_filesystem(struct check *check)
{
	struct br_error failure = { 0 };

	if (filesystem_open(&check->options->filesystem, &check->filesystem, &failure) < 0) {
		check->filesystem.top = -1;
		finding_add_failure(&check->findings, FINDING_DEVICE, mend_device(check, &failure),
				    &failure, "%s", "");
		return;
	}
	check->has_filesystem = true;
	if (check->filesystem.device.missing > 0)
		finding_add(&check->findings, FINDING_DEGRADED, strdup("btrfs device scan"),
			    "%llu of %llu devices of the file system are missing",
			    (unsigned long long)check->filesystem.device.missing,
			    (unsigned long long)check->filesystem.device.members);
}

static void tell_request(struct check *check)
{
	const char *const none[] = { NULL };
	char *cancel = check->request.kind == BR_REQUEST_NONE
			       ? NULL
			       : check_mend_self(check, "skip --cancel", true, none);

	switch (check->request.kind) {
	case BR_REQUEST_NONE:
		break;
	case BR_REQUEST_SKIP:
		finding_add(&check->findings, FINDING_REQUEST_SKIP, cancel,
			    "the next boot was asked to keep the root");
		break;
	case BR_REQUEST_FROM:
		finding_add(&check->findings, FINDING_REQUEST_FROM, cancel,
			    "the next boot was asked to start from the archive %s",
			    check->request.archive);
		break;
	case BR_REQUEST_INVALID:
		finding_add(&check->findings, FINDING_REQUEST_INVALID, cancel,
			    "what the next boot was asked for cannot be understood");
	}
}

static void check_request(struct check *check)
{
	BR_AUTO_CLOSE int state = -1;
	struct br_error failure = { 0 };
	int r = br_open_beneath(check->filesystem.top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0,
				&state, &failure);

	if (r < 0)
		return; /* there is none; another thing in its place is told by the layout */
	if (br_request_read(state, &check->request, &failure) < 0)
		finding_add_failure(&check->findings, FINDING_RESET_REFUSED, NULL, &failure,
				    "the request for the next boot");
	tell_request(check);
}

/* --- the rehearsal --- */

static void tell_differences(struct check *check, const struct rehearsal_path *path)
{
	for (size_t i = 0; i < path->changes.count; i++)
		finding_add(&check->findings, FINDING_REHEARSAL_DIFFERS, NULL,
			    "%s:/%s is not carried as it is", path->subvolume,
			    path->changes.changes[i].path);
}

/* A subvolume with a swap file in use has no snapshots; the reset finds it in no use. */
static void rehearse_reset(struct check *check)
{
	struct br_error failure = { 0 };
	int r = rehearse(check->filesystem.top, &check->config, &check->request, &check->rehearsal,
			 &failure);

	if (r < 0 && failure.sys_errno == ETXTBSY)
		finding_add_as(&check->findings, FINDING_REHEARSAL_FAILED, FINDING_WARNING,
			       strdup("swapoff --all"),
			       "no rehearsal while a swap file is in use on the root");
	else if (r < 0)
		finding_add_failure(&check->findings, FINDING_REHEARSAL_FAILED, NULL, &failure,
				    "the rehearsal of the next reset failed");
	if (r < 0)
		return;
	check->has_rehearsal = true;
	for (size_t i = 0; i < check->rehearsal.count; i++)
		tell_differences(check, &check->rehearsal.paths[i]);
}

/* --- all of it --- */

static void check_filesystem(struct check *check)
{
	check_request(check);
	check_layout(check);
	check_paths(check);
	check_pins(check);
	check_modules(check);
	check_space(check);
	if (check->options->rehearse && check->has_facts &&
	    check->request.kind != BR_REQUEST_INVALID && check->request.kind != BR_REQUEST_SKIP)
		rehearse_reset(check);
}

int check_run(const struct check_options *options, struct check *ret, struct br_error *err)
{
	struct check check = { .options = options,
			       .root = { .fd = -1 },
			       .filesystem = { .top = -1 } };
	int r;

	if ((r = system_root_open(options->root, &check.root, err)) < 0 ||
	    (r = br_mountinfo_read(&check.mounts, err)) < 0) {
		check_free(&check);
		return r;
	}
	check_config(&check);
	if (check.has_config)
		open_filesystem(&check);
	check_images(&check);
	if (check.has_filesystem)
		check_filesystem(&check);
	check_sleep(&check);
	if (check.findings.failed) {
		check_free(&check);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	*ret = check;
	/* it points to the configuration in the structure */
	ret->facts.config = &ret->config;
	return 0;
}

void check_free(struct check *check)
{
	if (!check)
		return;
	for (size_t i = 0; check->image_checks && i < check->images.count; i++) {
		initramfs_content_free(&check->image_checks[i].content);
		free(check->image_checks[i].version);
	}
	free(check->image_checks);
	boot_images_free(&check->images);
	boot_choice_free(&check->choice);
	initramfs_manifest_free(&check->manifest);
	free(check->cmdline);
	rehearsal_free(&check->rehearsal);
	br_facts_free(&check->facts);
	br_request_free(&check->request);
	filesystem_close(&check->filesystem);
	br_config_free(&check->config);
	br_mountinfo_free(&check->mounts);
	finding_free(&check->findings);
	system_root_close(&check->root);
}
