/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting what is restored in place. */
#include "beneath.h"
#include "carry.h"
#include "cleanup.h"
#include "restore.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The directories that were looked through; each once, however many paths lead there. */
struct seen {
	dev_t dev;
	ino_t ino;
};

struct clearing {
	const struct restore *restore;
	struct seen *seen;
	size_t seen_count, room;
	const char *dir; /* its path, for messages */
};

static void note_found(void *data, const char *name)
{
	const struct clearing *clearing = data;

	restore_tell_found(clearing->restore, clearing->dir, name);
}

static bool was_seen(const struct clearing *clearing, const struct stat *st)
{
	for (size_t i = 0; i < clearing->seen_count; i++)
		if (clearing->seen[i].dev == st->st_dev && clearing->seen[i].ino == st->st_ino)
			return true;
	return false;
}

static int note_seen(struct clearing *clearing, const struct stat *st, struct br_error *err)
{
	if (clearing->seen_count == clearing->room) {
		size_t room = 2 * clearing->room + 16;
		struct seen *grown = reallocarray(clearing->seen, room, sizeof(*grown));

		if (!grown)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		clearing->seen = grown;
		clearing->room = room;
	}
	clearing->seen[clearing->seen_count++] = (struct seen){ st->st_dev, st->st_ino };
	return 0;
}

static int clear_directory(struct clearing *clearing, int dir, const char *path,
			   struct br_error *err)
{
	struct stat st;
	int r;

	if (fstat(dir, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, path, NULL);
	if (was_seen(clearing, &st))
		return 0;
	clearing->dir = path;
	r = br_temp_dir_clear(dir, clearing->restore->now, note_found, clearing, err);
	return r < 0 ? br_error_prefix_path(err, path) : note_seen(clearing, &st, err);
}

/* The directory of the way to an item in which the component at that place of its path is. */
static int clear_before(struct clearing *clearing, const struct restore_item *item, const char *at,
			struct br_error *err)
{
	size_t length = (size_t)(at - item->inside), whole = (size_t)(at - item->path);
	BR_AUTO_FREE char *inside = strndup(item->inside, length > 0 ? length - 1 : 0);
	BR_AUTO_FREE char *path = strndup(item->path, whole > 1 ? whole - 1 : 1);
	BR_AUTO_CLOSE int dir = -1;
	int r;

	if (!inside || !path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	r = br_open_beneath(item->view->fd, inside, O_RDONLY | O_DIRECTORY, 0, &dir, err);
	return r < 0 ? r : clear_directory(clearing, dir, path, err);
}

/*
 * From the mount point on: parents that were missing for an interrupted run, whose place was above
 * them, may be there now.
 */
static int clear_way(struct clearing *clearing, const struct restore_item *item,
		     struct br_error *err)
{
	const struct restore_placement *placement = &clearing->restore->placements[item->placement];
	const char *at = item->inside;
	int r = 0;

	if (clearing->restore->options->to)
		return clear_directory(clearing, placement->parent, placement->dir, err);
	for (; r == 0 && at < item->rest; at = strchr(at, '/') + 1)
		r = clear_before(clearing, item, at, err);
	return r < 0 ? r : clear_before(clearing, item, item->rest, err);
}

static int clear_leftovers(const struct restore *restore, struct br_error *err)
{
	struct clearing clearing = { .restore = restore };
	int r = 0;

	for (size_t i = 0; r == 0 && i < restore->count; i++)
		r = clear_way(&clearing, &restore->items[i], err);
	free(clearing.seen);
	return r;
}

/* Everything that is needed is in one transaction, of each file system. */
static int flush(const struct restore *restore, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < restore->placement_count; i++) {
		bool is_first = true;

		for (size_t j = 0; j < i; j++)
			is_first &= restore->placements[j].dev != restore->placements[i].dev;
		if (is_first && br_temp_dir_flush(restore->placements[i].parent, err) < 0)
			r = br_error_name(err, restore->placements[i].dir);
	}
	return r;
}

/* --- copying --- */

/* Those between the same two subvolumes as before, or new ones. */
static int find_links(struct restore *restore, const struct restore_item *item,
		      struct br_copy_links **ret, struct br_error *err)
{
	const struct restore_placement *placement = &restore->placements[item->placement];
	struct br_copy_links *grown;
	struct stat src, dst;

	if (fstat(item->src_dir, &src) != 0 || fstat(placement->temp.fd, &dst) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, item->path, NULL);
	for (size_t i = 0; i < restore->link_count; i++)
		if (restore->links[i].src == src.st_dev && restore->links[i].dst == dst.st_dev) {
			*ret = &restore->links[i];
			return 0;
		}
	grown = reallocarray(restore->links, restore->link_count + 1, sizeof(*grown));
	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	restore->links = grown;
	*ret = &grown[restore->link_count++];
	**ret = (struct br_copy_links){ .src = src.st_dev, .dst = dst.st_dev };
	return 0;
}

static int copy_item(struct restore *restore, struct restore_item *item, struct br_error *err)
{
	const struct restore_placement *placement = &restore->placements[item->placement];
	struct br_copy_options options = { .progress = progress_of_copy(&restore->progress) };
	BR_AUTO_FREE char *path = strdup(item->rest);
	const struct br_persist persist = { .path = path, .method = BR_METHOD_COPY };
	int r;

	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if ((r = find_links(restore, item, &options.links, err)) < 0)
		return r;
	r = br_carry_path(item->src_dir, placement->temp.fd, &persist, &options, &item->stats, err);
	progress_add(&restore->progress, &item->stats);
	if (r == 0)
		return 0;
	(void)br_error_context(err, "copying from %s", item->view->source->path);
	return br_error_prefix_path(err, placement->dir);
}

static int copy_all(struct restore *restore, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < restore->placement_count; i++) {
		struct restore_placement *placement = &restore->placements[i];

		r = br_temp_dir_make(placement->parent, &placement->temp, err);
		if (r < 0)
			return br_error_prefix_path(err, placement->dir);
	}
	for (size_t i = 0; r == 0 && i < restore->count; i++)
		r = copy_item(restore, &restore->items[i], err);
	for (size_t i = 0; r == 0 && i < restore->placement_count; i++) {
		const struct restore_placement *placement = &restore->placements[i];

		if (!placement->exists)
			continue;
		r = br_temp_dir_will_exchange(&placement->temp, placement->name, err);
		if (r < 0)
			return br_error_prefix_path(err, placement->dir);
	}
	return r;
}

/* --- putting --- */

static int put_one(const struct restore *restore, struct restore_placement *placement,
		   struct br_error *err)
{
	int r = placement->exists ? br_temp_dir_exchange(&placement->temp, placement->name,
							 restore->now, &placement->kept, err)
				  : br_temp_dir_put(&placement->temp, placement->name, err);

	placement->is_done = r == 0 || placement->kept; /* attributes may have failed after that */
	return r < 0 ? br_error_prefix_path(err, placement->dir) : 0;
}

/* The first error counts; all are removed. */
static int drop_all(struct restore *restore, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; i < restore->placement_count; i++) {
		struct restore_placement *placement = &restore->placements[i];
		struct br_error here;

		if (br_temp_dir_drop(&placement->temp, placement->name, &here) == 0 || r < 0)
			continue;
		*err = here;
		r = br_error_prefix_path(err, placement->dir);
	}
	return r;
}

static int put_all(struct restore *restore, struct br_error *err)
{
	int r;

	progress_phase(&restore->progress, "writing to the disk");
	r = flush(restore, err);
	for (size_t i = 0; r == 0 && i < restore->placement_count; i++)
		r = put_one(restore, &restore->placements[i], err);
	return r;
}

int restore_put(struct restore *restore, struct br_error *err)
{
	struct br_error later;
	int r, end;

	if ((r = clear_leftovers(restore, err)) < 0)
		return r;
	r = copy_all(restore, err);
	if (r == 0)
		r = put_all(restore, err);
	end = drop_all(restore, &later);
	if (end == 0)
		end = flush(restore, &later);
	if (r == 0 && end < 0) {
		*err = later;
		return end;
	}
	return r;
}

void restore_free(struct restore *restore)
{
	for (size_t i = 0; i < restore->count; i++) {
		br_cleanup_close(&restore->items[i].src_dir);
		free(restore->items[i].path);
	}
	for (size_t i = 0; i < restore->placement_count; i++) {
		br_cleanup_close(&restore->placements[i].parent);
		free(restore->placements[i].dir);
		free(restore->placements[i].name);
		free(restore->placements[i].kept);
	}
	for (size_t i = 0; i < restore->sources.count; i++) {
		br_cleanup_close(&restore->sources.sources[i].fd);
		free(restore->sources.sources[i].path);
	}
	for (size_t i = 0; i < restore->sources.view_count; i++) {
		br_cleanup_close(&restore->sources.views[i].fd);
		free(restore->sources.views[i].mountpoint);
	}
	for (size_t i = 0; i < restore->link_count; i++)
		br_hardlink_free(&restore->links[i].map);
	free(restore->links);
	free(restore->items);
	free(restore->placements);
	free(restore->sources.sources);
	free(restore->sources.views);
	retained_all_free(&restore->all);
	*restore = (struct restore){ 0 };
}
