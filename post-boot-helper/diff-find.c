/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which subvolumes are compared, and comparing them. */
#include "cleanup.h"
#include "diff.h"
#include "name.h"
#include "subvol.h"

#include <string.h>

#define SNAPSHOTS_DIR "snapshots"

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* Is there a subvolume at dir/name? *path_ret is NULL if not. */
static int try_path(int top, const char *dir, const char *name, char **path_ret,
		    struct br_error *err)
{
	BR_AUTO_FREE char *path = br_name_join(dir, name);
	BR_AUTO_CLOSE int fd = -1;
	int r;

	*path_ret = NULL;
	if (!path)
		return no_memory(err);
	r = br_subvol_open(top, path, &fd, NULL, err);
	if (r == 0)
		*path_ret = br_take_ptr(&path);
	else if (err->sys_errno == ENOENT || err->sys_errno == ENOTDIR || r == BR_ERR_LAYOUT)
		return 0;
	return r;
}

/* An archive or snapshot by its name, or anything by its path from the top level. */
static int find_subvolume(int top, const struct br_ephemeral *ephemeral, const char *name,
			  char **path_ret, struct br_error *err)
{
	const char *const dirs[] = { ephemeral->archive ? ephemeral->archive : BR_PARKED_DIR,
				     SNAPSHOTS_DIR, "" };

	for (size_t i = strchr(name, '/') ? 2 : 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		int r = try_path(top, dirs[i], name, path_ret, err);

		if (r < 0 || *path_ret)
			return r;
	}
	return br_error_set(err, BR_ERR_USAGE, 0, name,
			    "there is no archive, snapshot or subvolume of that name");
}

/* Path of a subvolume of the comparison: the one given, or the usual one. */
static int choose(int top, const struct br_ephemeral *ephemeral, const char *given,
		  const char *usual, char **path_ret, struct br_error *err)
{
	if (given)
		return find_subvolume(top, ephemeral, given, path_ret, err);
	*path_ret = strdup(usual);
	return *path_ret ? 0 : no_memory(err);
}

static const char *last_component(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_archive_of(const char *given, const struct br_ephemeral *ephemeral)
{
	BR_AUTO_FREE char *escaped = NULL;
	struct br_error ignored;

	return given && br_name_escape(ephemeral->name, &escaped, &ignored) == 0 &&
	       br_name_is_archive_of(last_component(given), escaped);
}

/* With an archive named, only the subvolume that it is of; the first one if that does not tell. */
static bool is_meant(const struct br_config *config, size_t index,
		     const struct diff_options *options)
{
	if (options->subvolume)
		return strcmp(config->ephemeral[index].name, options->subvolume) == 0;
	if (!options->of && !options->from)
		return true;
	for (size_t i = 0; i < config->ephemeral_count; i++)
		if (is_archive_of(options->of, &config->ephemeral[i]) ||
		    is_archive_of(options->from, &config->ephemeral[i]))
			return i == index;
	return index == 0;
}

/*
 * The part of a path of the system that is in a subvolume: false when there is none. *ret is NULL
 * for all of it.
 */
static bool map_only(const char *only, const char *mountpoint, const char **ret)
{
	size_t length;

	*ret = NULL;
	if (!only || !mountpoint)
		return true;
	length = strlen(mountpoint);
	while (length > 0 && mountpoint[length - 1] == '/')
		length--;
	if (strncmp(only, mountpoint, length) == 0 && (only[length] == '/' || !only[length])) {
		only += length;
		while (*only == '/')
			only++;
		*ret = *only ? only : NULL;
		return true;
	}
	length = strlen(only);
	return strncmp(only, mountpoint, length) == 0 &&
	       (mountpoint[length] == '/' || only[length - 1] == '/');
}

static int compare(const struct filesystem *filesystem, const struct diff_options *options,
		   struct diff *diff, struct br_error *err)
{
	const struct br_ephemeral *ephemeral = diff->ephemeral;
	BR_AUTO_FREE const char **exclude = calloc(ephemeral->persist_count + 1, sizeof(*exclude));
	struct br_changes_request request = { .top = filesystem->top, .exclude = exclude };
	int r;

	if (!exclude)
		return no_memory(err);
	for (size_t i = 0; i < ephemeral->persist_count; i++)
		exclude[request.exclude_count++] = ephemeral->persist[i].path;
	(void)map_only(options->only, ephemeral->mountpoint, &request.only);
	if ((r = choose(filesystem->top, ephemeral, options->from, ephemeral->blank, &diff->from,
			err)) < 0 ||
	    (r = choose(filesystem->top, ephemeral, options->of, ephemeral->name, &diff->of, err)) <
		    0)
		return r;
	request.from = diff->from;
	request.of = diff->of;
	r = br_changes_find(&request, &diff->changes, err);
	return r < 0 ? br_error_context(err, "comparing %s with %s", diff->of, diff->from) : 0;
}

static int fail_nothing(const struct diff_options *options, bool is_known, struct br_error *err)
{
	if (is_known)
		return br_error_set(err, BR_ERR_USAGE, 0, options->only,
				    "is where no ephemeral subvolume is mounted");
	return br_error_set(err, BR_ERR_USAGE, 0, options->subvolume,
			    "is no ephemeral subvolume of the configuration");
}

int diffs_find(const struct filesystem *filesystem, const struct diff_options *options,
	       struct diffs *ret, struct br_error *err)
{
	const struct br_config *config = &filesystem->config;
	struct diffs diffs = { calloc(config->ephemeral_count, sizeof(*diffs.items)), 0 };
	bool is_known = false;
	const char *ignored;
	int r = 0;

	if (!diffs.items)
		return no_memory(err);
	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];

		if (!is_meant(config, i, options))
			continue;
		is_known = true;
		if (!map_only(options->only, ephemeral->mountpoint, &ignored))
			continue;
		diffs.items[diffs.count] = (struct diff){ .ephemeral = ephemeral };
		r = compare(filesystem, options, &diffs.items[diffs.count++], err);
	}
	if (r == 0 && diffs.count == 0)
		r = fail_nothing(options, is_known, err);
	if (r < 0) {
		diffs_free(&diffs);
		return r;
	}
	*ret = diffs;
	return 0;
}

void diffs_free(struct diffs *diffs)
{
	for (size_t i = 0; i < diffs->count; i++) {
		free(diffs->items[i].from);
		free(diffs->items[i].of);
		br_changes_free(&diffs->items[i].changes);
	}
	free(diffs->items);
	*diffs = (struct diffs){ 0 };
}
