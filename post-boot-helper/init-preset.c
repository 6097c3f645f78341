/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: presets, which are configurations of a root named "root". */
#include "init.h"

#include "cleanup.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* From the directory that the program is in: /usr/sbin, or one of the store of NixOS. */
#define PRESETS "../share/blankroot/presets"

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int load_installed(const char *preset, struct br_config *ret, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	char program[PATH_MAX] = "";
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *slash = length > 0 ? strrchr(program, '/') : NULL;

	if (slash)
		*slash = '\0';
	if (asprintf(&path, "%s/" PRESETS "/%s.conf", program, preset) < 0) {
		path = NULL;
		return no_memory(err);
	}
	if (access(path, F_OK) == 0)
		return br_config_load(path, ret, err);
	return br_error_set(err, BR_ERR_USAGE, 0, preset,
			    "there is no preset of that name in %s/" PRESETS
			    "; a file is named by a path with a slash in it",
			    program);
}

int init_preset_load(const char *preset, struct br_config *ret, struct br_error *err)
{
	*ret = (struct br_config){ 0 };
	if (!preset)
		return 0;
	return strchr(preset, '/') ? br_config_load(preset, ret, err)
				   : load_installed(preset, ret, err);
}

int init_preset_keep(const struct br_config *preset, const struct init_mounts *mounts,
		     struct init_keeps *keeps, struct br_error *err)
{
	int r = 0;

	for (size_t e = 0; e < preset->ephemeral_count; e++)
		for (size_t i = 0; r == 0 && i < preset->ephemeral[e].persist_count; i++) {
			const struct br_persist *persist = &preset->ephemeral[e].persist[i];
			const struct init_keep_how how = {
				.why = INIT_WHY_PRESET,
				.method = persist->method,
				.create = persist->create,
				.owner = persist->owner,
				.mode = persist->has_mode ? &persist->mode : NULL,
			};
			BR_AUTO_FREE char *path = NULL;

			if (asprintf(&path, "/%s", persist->path) < 0) {
				path = NULL;
				return no_memory(err);
			}
			if (!init_mounts_cover(mounts, path))
				r = init_keeps_add(keeps, path, &how, err);
		}
	return r;
}
