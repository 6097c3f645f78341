/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot restore takes from: archives, snapshots, where their subvolumes are seen. */
#include "beneath.h"
#include "cleanup.h"
#include "mounted.h"
#include "name.h"
#include "restore.h"
#include "subvol.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define NAMES_MAX 8 /* in a message */

/* --- sources --- */

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int add_source(struct restore *restore, const char *subvolume, const char *dir,
		      const char *name, struct br_error *err)
{
	struct restore_sources *sources = &restore->sources;
	struct restore_source source = { .subvolume = subvolume, .fd = -1 };
	struct restore_source *grown = reallocarray(sources->sources, sources->count + 1,
						    sizeof(*grown));
	int r;

	if (!grown)
		return no_memory(err);
	sources->sources = grown;
	source.path = br_name_join(dir, name);
	if (!source.path)
		return no_memory(err);
	r = br_subvol_open(restore->filesystem->top, source.path, &source.fd, NULL, err);
	if (r < 0) {
		free(source.path);
		return r;
	}
	grown[sources->count++] = source;
	return 0;
}

static int add_item(struct restore *restore, const struct br_retained *retained,
		    const struct br_retention_item *item, struct br_error *err)
{
	if (item->id == restore->all.facts.deleting) {
		(void)br_error_set(err, BR_ERR_IN_USE, 0, item->name,
				   "its deletion has begun: part of it may be gone");
		return br_error_prefix_path(err, retained->dir);
	}
	return add_source(restore, retained->subvolume, retained->dir, item->name, err);
}

/* Of the names "persist.20261123T190501Z" and "srv.20261123T190501Z" this is what they share. */
static bool is_of_set(const struct br_retained *retained, const struct br_retention_item *item,
		      const char *time)
{
	const char *dot = strrchr(item->name, '.');

	return retained->kind == BR_RETAINED_SNAPSHOT && dot && strcmp(dot + 1, time) == 0;
}

static int add_matching(struct restore *restore,
			bool (*is_meant)(const struct br_retained *retained,
					 const struct br_retention_item *item, const char *name),
			struct br_error *err)
{
	const char *name = restore->options->from;
	int r = 0;

	for (size_t i = 0; i < restore->all.count; i++) {
		const struct br_retained *retained = &restore->all.groups[i].retained;

		for (size_t j = 0; r == 0 && j < retained->count; j++)
			if (is_meant(retained, &retained->items[j], name))
				r = add_item(restore, retained, &retained->items[j], err);
	}
	return r;
}

static int add_blanks(struct restore *restore, struct br_error *err)
{
	const struct br_config *config = &restore->filesystem->config;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++)
		if (strcmp(config->ephemeral[i].blank, restore->options->from) == 0)
			r = add_source(restore, config->ephemeral[i].name, "",
				       config->ephemeral[i].blank, err);
	return r;
}

static int add_sources(struct restore *restore, struct br_error *err)
{
	const struct restore_sources *sources = &restore->sources;
	int r;

	if ((r = add_matching(restore, retained_is_meant, err)) < 0)
		return r;
	if (sources->count > 1)
		return br_error_set(err, BR_ERR_USAGE, 0, restore->options->from,
				    "there are several of that name; say which by its path, such "
				    "as %s",
				    sources->sources[0].path);
	if (sources->count == 0 &&
	    ((r = add_blanks(restore, err)) < 0 || (r = add_matching(restore, is_of_set, err)) < 0))
		return r;
	if (sources->count == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, restore->options->from,
				    "there is no archive or snapshot of that name; 'blankroot "
				    "list' has them all");
	return 0;
}

/* --- views --- */

static int add_view(struct restore *restore, const struct restore_source *source,
		    const char *mountpoint, bool is_nowhere, struct br_error *err)
{
	struct restore_sources *sources = &restore->sources;
	struct restore_view *grown = reallocarray(sources->views, sources->view_count + 1,
						  sizeof(*grown));

	if (!grown)
		return no_memory(err);
	sources->views = grown;
	grown[sources->view_count] = (struct restore_view){ .source = source,
							    .mountpoint = strdup(mountpoint),
							    .fd = -1,
							    .is_nowhere = is_nowhere };
	if (!grown[sources->view_count].mountpoint)
		return no_memory(err);
	sources->view_count++;
	return 0;
}

static const char *configured_mountpoint(const struct br_config *config, const char *subvolume)
{
	for (size_t i = 0; i < config->ephemeral_count; i++)
		if (strcmp(config->ephemeral[i].name, subvolume) == 0)
			return config->ephemeral[i].mountpoint;
	return NULL;
}

/* One that is mounted nowhere is seen from its own root: alone, since of several it is not clear which. */
static int add_views(struct restore *restore, const struct restore_source *source,
		     const char *filesystem, struct br_error *err)
{
	const char *configured = configured_mountpoint(&restore->filesystem->config,
						       source->subvolume);
	const struct br_mountinfo *mounts = &restore->all.facts.mounts;
	size_t before = restore->sources.view_count;
	int r = 0;

	if (configured)
		return add_view(restore, source, configured, false, err);
	for (size_t i = 0; r == 0 && i < mounts->count; i++)
		if (mounted_shows(&mounts->mounts[i], source->subvolume, filesystem))
			r = add_view(restore, source, mounts->mounts[i].target, false, err);
	if (r == 0 && restore->sources.view_count == before && restore->sources.count == 1)
		r = add_view(restore, source, "/", true, err);
	return r;
}

int restore_find_sources(struct restore *restore, struct br_error *err)
{
	char filesystem[BR_FSID_SIZE];
	int r = add_sources(restore, err);

	if (r == 0)
		r = br_subvol_fsid(restore->filesystem->top, filesystem, err);
	for (size_t i = 0; r == 0 && i < restore->sources.count; i++)
		r = add_views(restore, &restore->sources.sources[i], filesystem, err);
	return r;
}

/* --- paths --- */

/* NULL: path is not below the directory, which begins with a slash. "" is the directory itself. */
static const char *below(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	while (length > 0 && dir[length - 1] == '/')
		length--;
	if (strncmp(path, dir, length) != 0)
		return NULL;
	if (path[length] == '\0')
		return path + length;
	return path[length] == '/' ? path + length + 1 : NULL;
}

int restore_find_view(const struct restore *restore, const char *path,
		      struct restore_view **view_ret, const char **inside_ret, struct br_error *err)
{
	const struct restore_sources *sources = &restore->sources;
	struct restore_view *found = NULL;
	const char *best = NULL;

	for (size_t i = 0; i < sources->view_count; i++) {
		const char *inside = below(path, sources->views[i].mountpoint);

		if (!inside || (best && inside <= best))
			continue;
		best = inside;
		found = &sources->views[i];
	}
	if (!found)
		return br_error_set(err, BR_ERR_USAGE, 0, path,
				    "is not in what %s was taken of, as it is mounted now",
				    restore->options->from);
	*view_ret = found;
	*inside_ret = best;
	return 0;
}

/* --- who has it --- */

static bool has_path(int top, const char *source, const char *inside)
{
	BR_AUTO_CLOSE int root = -1;
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;

	return br_subvol_open(top, source, &root, NULL, &ignored) == 0 &&
	       br_open_beneath(root, inside, O_PATH | O_NOFOLLOW, 0, &fd, &ignored) == 0;
}

struct owners {
	const struct restore *restore;
	const char *subvolume, *inside;
};

static bool is_owner(const struct owners *owners, const struct br_retained *retained, size_t index)
{
	BR_AUTO_FREE char *path = br_name_join(retained->dir, retained->items[index].name);

	return path && retained->items[index].id != owners->restore->all.facts.deleting &&
	       has_path(owners->restore->filesystem->top, path, owners->inside);
}

/* The newest first. */
static void put_owners(FILE *out, const void *data)
{
	const struct owners *owners = data;
	const struct retained_all *all = &owners->restore->all;
	size_t found = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct br_retained *retained = &all->groups[i].retained;

		if (strcmp(retained->subvolume, owners->subvolume) != 0)
			continue;
		for (size_t j = retained->count; j > 0; j--)
			if (is_owner(owners, retained, j - 1) && found++ < NAMES_MAX)
				(void)fprintf(out, "%s%s", found > 1 ? ", " : "",
					      retained->items[j - 1].name);
	}
	if (found > NAMES_MAX)
		(void)fprintf(out, " and %zu more", found - NAMES_MAX);
}

int restore_explain_absent(const struct restore *restore, const struct restore_item *item,
			   struct br_error *err)
{
	const struct restore_source *source = item->view->source;
	const struct owners owners = { restore, source->subvolume, item->inside };
	BR_AUTO_FREE char *names = br_text_make(put_owners, &owners);

	if (!names)
		return no_memory(err);
	if (*names)
		return br_error_set(err, BR_ERR_OPEN, 0, item->path,
				    "it is not in %s, but it is in %s", source->path, names);
	return br_error_set(err, BR_ERR_OPEN, 0, item->path,
			    "it is not in %s, nor in any other archive or snapshot of %s",
			    source->path, source->subvolume);
}
