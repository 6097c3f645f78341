/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hibernated systems, and files for swap. */
#include "preflight.h"

#include "cleanup.h"
#include "cmdline.h"
#include "hibernation.h"
#include "mounted.h"

#include <string.h>

#define SWAPS_MAX (1UL << 20)

/* An image that waits now, while a system runs, was not resumed: it is stale. */
static void check_hibernation(struct check *check)
{
	__attribute__((cleanup(br_cmdline_free))) struct br_cmdline cmdline = { 0 };
	struct br_boot boot = { 0 };
	struct br_error failure = { 0 };
	const char *words[] = { NULL, NULL };
	int r;

	if (check->cmdline && (br_cmdline_parse(check->cmdline, &cmdline, &failure) < 0 ||
			       br_boot_parse(&cmdline, &boot, &failure) < 0))
		return; /* told with the command line */
	r = br_hibernation_check(&boot, &failure);
	words[0] = failure.path;
	if (r == BR_ERR_HIBERNATED)
		finding_add(&check->findings, FINDING_HIBERNATED, mend_make("mkswap %", words),
			    "a hibernated system waits on %s", failure.path);
	else if (r < 0)
		finding_add_failure(&check->findings, FINDING_HIBERNATED, NULL, &failure,
				    "whether a hibernated system waits is not known");
}

/* The mount that a path is on: the longest one that it begins with; of those, the last. */
static const struct br_mount *mount_of_path(const struct check *check, const char *path)
{
	const struct br_mount *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < check->mounts.count; i++) {
		const struct br_mount *mount = &check->mounts.mounts[i];
		size_t length = strcmp(mount->target, "/") == 0 ? 0 : strlen(mount->target);

		if (strncmp(path, mount->target, length) == 0 && path[length] == '/' &&
		    (!found || length >= best)) {
			found = mount;
			best = length;
		}
	}
	return found;
}

static void check_swap(struct check *check, const char *path)
{
	const struct br_mount *mount = mount_of_path(check, path);
	const char *const words[] = { path, NULL };

	for (size_t i = 0; mount && i < check->config.ephemeral_count; i++)
		if (mounted_shows(mount, check->config.ephemeral[i].name,
				  check->filesystem.device.fsid))
			finding_add(&check->findings, FINDING_SWAP_FILE,
				    mend_make("swapoff %", words),
				    "the swap file %s is in the ephemeral subvolume %s", path,
				    check->config.ephemeral[i].name);
}

/* Blanks and the like are octal there. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*out++ = (char)((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static void check_swaps(struct check *check)
{
	BR_AUTO_FREE char *text = NULL;
	char *rest = NULL;
	struct br_error ignored; /* another system's root may have no /proc */

	if (system_root_read(&check->root, "/proc/swaps", SWAPS_MAX, &text, NULL, &ignored) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		size_t length = strcspn(line, " \t");
		const char *type = line + length + strspn(line + length, " \t");

		if (line[0] != '/' || strncmp(type, "file", 4) != 0)
			continue;
		line[length] = '\0';
		unescape(line);
		check_swap(check, line);
	}
}

void check_sleep(struct check *check)
{
	check_hibernation(check);
	if (check->has_filesystem)
		check_swaps(check);
}
