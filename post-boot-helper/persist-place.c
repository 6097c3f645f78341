/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a path of the running system to one of an ephemeral subvolume. */
#include "persist.h"

#include "beneath.h"
#include "cleanup.h"

#include <fcntl.h>
#include <string.h>

const char *persist_mountpoint(const struct br_ephemeral *ephemeral)
{
	return ephemeral->mountpoint ? ephemeral->mountpoint : "/";
}

/* The part of a path below a directory; NULL: it is not below it. */
static const char *below(const char *path, const char *dir)
{
	size_t length = strcmp(dir, "/") == 0 ? 0 : strlen(dir);

	return strncmp(path, dir, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

static bool is_the_one(const struct br_ephemeral *ephemeral, const char *subvolume)
{
	return strcmp(ephemeral->name, subvolume) == 0;
}

static int refuse_two(const struct br_ephemeral *a, const struct br_ephemeral *b,
		      struct br_error *err)
{
	return br_error_set(err, BR_ERR_USAGE, 0, NULL,
			    "the configuration does not say where %s and %s are mounted: use "
			    "--subvolume, with a path from its root",
			    a->name, b->name);
}

static int find_by_mountpoint(const struct br_config *config, const char *path,
			      struct persist_place *ret, struct br_error *err)
{
	struct persist_place best = { 0 };

	for (size_t i = 0; i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];
		const char *rest = below(path, persist_mountpoint(ephemeral));

		if (!rest)
			continue;
		if (best.path && best.path == rest)
			return refuse_two(best.ephemeral, ephemeral, err);
		if (!best.path || rest > best.path)
			best = (struct persist_place){ ephemeral, rest };
	}
	if (!best.path)
		return br_error_set(err, BR_ERR_USAGE, 0, path,
				    "is on no ephemeral subvolume: it survives as it is");
	*ret = best;
	return 0;
}

int persist_place_find(const struct br_config *config, const struct persist_options *options,
		       const char *path, struct persist_place *ret, struct br_error *err)
{
	if (path[0] != '/')
		return br_error_set(err, BR_ERR_USAGE, 0, path, "must be an absolute path");
	if (!options->subvolume)
		return find_by_mountpoint(config, path, ret, err);
	for (size_t i = 0; i < config->ephemeral_count; i++)
		if (is_the_one(&config->ephemeral[i], options->subvolume)) {
			*ret = (struct persist_place){ &config->ephemeral[i], path + 1 };
			return 0;
		}
	return br_error_set(err, BR_ERR_USAGE, 0, options->subvolume,
			    "is no ephemeral subvolume of the configuration");
}

const struct br_persist *persist_find_cover(const struct persist_place *place)
{
	const struct br_ephemeral *ephemeral = place->ephemeral;

	for (size_t i = 0; i < ephemeral->persist_count; i++) {
		const char *path = ephemeral->persist[i].path;
		size_t length = strlen(path);

		if (strncmp(place->path, path, length) == 0 &&
		    (place->path[length] == '/' || !place->path[length]))
			return &ephemeral->persist[i];
	}
	return NULL;
}

static int explain(const struct persist_place *place, struct br_error *err)
{
	if (err->code == BR_ERR_SYMLINK)
		return br_error_context(err, "a reset would fail there: name the path behind it");
	if (err->sys_errno == EXDEV)
		return br_error_set(err, BR_ERR_LAYOUT, 0, place->path,
				    "is on another mount than %s: a reset does not touch what is "
				    "there",
				    place->ephemeral->name);
	return err->code;
}

int persist_place_look(const struct persist_place *place, bool *exists_ret, struct br_error *err)
{
	const char *mountpoint = persist_mountpoint(place->ephemeral);
	BR_AUTO_CLOSE int dir = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if (dir < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, mountpoint, NULL);
	r = br_open_beneath(dir, place->path, O_PATH | O_NOFOLLOW, 0, &fd, err);
	*exists_ret = r == 0;
	if (r == 0 || (err->code == BR_ERR_OPEN && err->sys_errno == ENOENT))
		return 0;
	return explain(place, err);
}
