/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stack of open directories with a bounded number of descriptors. */
#include "walk.h"

#include "cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE 32768 /* about 1,000 entries */

bool br_walk_is_plain(const char *name)
{
	return name[0] != '\0' && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

int br_walk_init(struct br_walk *walk, unsigned open_max, struct br_error *err)
{
	*walk = (struct br_walk){ .open_max = open_max ? open_max : BR_WALK_OPEN_LEVELS };
	walk->slots = calloc(walk->open_max, sizeof(*walk->slots));
	if (!walk->slots)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (unsigned i = 0; i < walk->open_max; i++)
		for (int side = 0; side < BR_WALK_SIDES; side++)
			walk->slots[i].fd[side] = -1;
	return 0;
}

static void close_fd(int *fd)
{
	br_cleanup_close(fd);
	*fd = -1;
}

static void close_slot(struct br_walk_slot *slot)
{
	for (int side = 0; side < BR_WALK_SIDES; side++)
		close_fd(&slot->fd[side]);
}

void br_walk_free(struct br_walk *walk)
{
	for (unsigned i = 0; walk->slots && i < walk->open_max; i++) {
		close_slot(&walk->slots[i]);
		free(walk->slots[i].buffer);
	}
	free(walk->slots);
	free(walk->levels);
	free(walk->path);
	*walk = (struct br_walk){ 0 };
}

static struct br_walk_slot *slot_of(const struct br_walk *walk, size_t level)
{
	return &walk->slots[level % walk->open_max];
}

size_t br_walk_depth(const struct br_walk *walk)
{
	return walk->depth;
}

int br_walk_fd(const struct br_walk *walk, enum br_walk_side side)
{
	return walk->depth > 0 ? slot_of(walk, walk->depth - 1)->fd[side] : -1;
}

dev_t br_walk_dev(const struct br_walk *walk, enum br_walk_side side)
{
	return walk->dev[side];
}

const char *br_walk_path(const struct br_walk *walk)
{
	return walk->depth > 0 ? walk->path : "";
}

const char *br_walk_name(const struct br_walk *walk)
{
	if (walk->depth < 2)
		return br_walk_path(walk);
	return walk->path + walk->levels[walk->depth - 2].path_size + 1;
}

static size_t path_size(const struct br_walk *walk)
{
	return walk->depth > 0 ? walk->levels[walk->depth - 1].path_size : 0;
}

/* Append a component; the level that it belongs to does not exist yet. */
static int append_name(struct br_walk *walk, const char *name, size_t *size_ret)
{
	size_t old = path_size(walk);
	size_t length = strlen(name);
	size_t needed = old + 1 + length + 1;

	if (needed > walk->path_allocated) {
		char *path = realloc(walk->path, needed * 2);

		if (!path)
			return -1;
		walk->path = path;
		walk->path_allocated = needed * 2;
	}
	if (old > 0)
		walk->path[old++] = '/';
	memcpy(walk->path + old, name, length + 1);
	*size_ret = old + length;
	return 0;
}

static int reserve_level(struct br_walk *walk)
{
	size_t wanted = walk->allocated ? walk->allocated * 2 : 64;
	struct br_walk_level *levels;

	if (walk->depth < walk->allocated)
		return 0;
	levels = realloc(walk->levels, wanted * sizeof(*levels));
	if (!levels)
		return -1;
	walk->levels = levels;
	walk->allocated = wanted;
	return 0;
}

/* Learn which directory a descriptor is, to know it again after it was closed. */
static int identify(struct br_walk *walk, enum br_walk_side side, int fd, uint64_t *ino_ret)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return BR_ERR_STAT;
	if (walk->depth == 0)
		walk->dev[side] = st.st_dev;
	if (!S_ISDIR(st.st_mode) || st.st_dev != walk->dev[side])
		return BR_ERR_TYPE;
	*ino_ret = st.st_ino;
	return 0;
}

static int push_level(struct br_walk *walk, const int fds[BR_WALK_SIDES], size_t new_path_size)
{
	struct br_walk_level level = { .path_size = new_path_size };

	for (enum br_walk_side side = 0; side < BR_WALK_SIDES; side++) {
		int r;

		if (walk->depth == 0)
			walk->has_side[side] = fds[side] >= 0;
		if (!walk->has_side[side])
			continue;
		r = identify(walk, side, fds[side], &level.ino[side]);
		if (r < 0)
			return r;
	}
	if (reserve_level(walk) != 0)
		return BR_ERR_NOMEM;
	walk->levels[walk->depth++] = level;
	return 0;
}

/*
 * The ring is full: the slot is that of the shallowest open level, which remembers where it stood.
 */
static void take_slot(struct br_walk *walk, const int fds[BR_WALK_SIDES])
{
	size_t level = walk->depth - 1;
	struct br_walk_slot *slot = slot_of(walk, level);

	if (level >= walk->open_max && slot->fd[BR_WALK_SOURCE] >= 0) {
		walk->levels[level - walk->open_max].offset = slot->offset;
		close_slot(slot);
	}
	slot->fd[BR_WALK_SOURCE] = fds[BR_WALK_SOURCE];
	slot->fd[BR_WALK_COPY] = fds[BR_WALK_COPY];
	slot->filled = slot->used = 0;
	slot->offset = 0;
}

int br_walk_push(struct br_walk *walk, const char *name, int source, int copy, struct br_error *err)
{
	BR_AUTO_CLOSE int source_fd = source;
	BR_AUTO_CLOSE int copy_fd = copy;
	const int fds[BR_WALK_SIDES] = { source, copy };
	size_t new_path_size;
	int r;

	if (append_name(walk, name, &new_path_size) != 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
	r = push_level(walk, fds, new_path_size);
	if (r < 0) {
		(void)br_error_set(err, r, r == BR_ERR_TYPE ? EXDEV : errno, name, NULL);
		walk->path[path_size(walk)] = '\0';
		return r;
	}
	take_slot(walk, fds);
	(void)br_take_fd(&source_fd);
	(void)br_take_fd(&copy_fd);
	return 0;
}

/* Returns 1 when there are entries in the buffer, 0 at the end of the directory. */
static int fill_buffer(struct br_walk *walk, struct br_walk_slot *slot, struct br_error *err)
{
	ssize_t got;

	if (!slot->buffer)
		slot->buffer = malloc(BUFFER_SIZE);
	if (!slot->buffer)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, br_walk_path(walk), NULL);
	got = getdents64(slot->fd[BR_WALK_SOURCE], slot->buffer, BUFFER_SIZE);
	if (got < 0)
		return br_error_set(err, BR_ERR_READ, errno, br_walk_path(walk), NULL);
	slot->filled = (size_t)got;
	slot->used = 0;
	return got > 0;
}

/* For file systems that do not tell types in directories. */
static int find_type(struct br_walk *walk, struct br_walk_entry *entry, struct br_error *err)
{
	struct stat st;

	if (fstatat(br_walk_fd(walk, BR_WALK_SOURCE), entry->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		(void)br_error_set(err, BR_ERR_STAT, errno, entry->name, NULL);
		return br_error_prefix_path(err, br_walk_path(walk));
	}
	entry->type = IFTODT(st.st_mode);
	return 1;
}

int br_walk_next(struct br_walk *walk, struct br_walk_entry *entry_ret, struct br_error *err)
{
	struct br_walk_slot *slot = slot_of(walk, walk->depth - 1);
	const struct dirent64 *found;

	do {
		if (slot->used == slot->filled) {
			int r = fill_buffer(walk, slot, err);

			if (r <= 0)
				return r;
		}
		found = (const void *)(slot->buffer + slot->used);
		slot->used += found->d_reclen;
		slot->offset = found->d_off;
	} while (!br_walk_is_plain(found->d_name));

	entry_ret->name = found->d_name;
	entry_ret->type = found->d_type;
	return found->d_type == DT_UNKNOWN ? find_type(walk, entry_ret, err) : 1;
}

/* Open a level again that take_slot closed. */
static int reopen(const struct br_walk *walk, size_t index, enum br_walk_side side, int child)
{
	BR_AUTO_CLOSE int fd = openat(child, "..",
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	if (st.st_dev != walk->dev[side] || st.st_ino != walk->levels[index].ino[side]) {
		errno = ESTALE;
		return -1;
	}
	slot_of(walk, index)->fd[side] = br_take_fd(&fd);
	return 0;
}

static int reopen_above(const struct br_walk *walk, size_t index)
{
	const struct br_walk_slot *child = slot_of(walk, index + 1);
	struct br_walk_slot *slot = slot_of(walk, index);

	for (enum br_walk_side side = 0; side < BR_WALK_SIDES; side++)
		if (walk->has_side[side] && reopen(walk, index, side, child->fd[side]) != 0)
			return -1;
	slot->offset = walk->levels[index].offset;
	slot->filled = slot->used = 0;
	return lseek(slot->fd[BR_WALK_SOURCE], slot->offset, SEEK_SET) < 0 ? -1 : 0;
}

int br_walk_pop(struct br_walk *walk, struct br_error *err)
{
	size_t leaving = walk->depth - 1;

	if (leaving > 0 && slot_of(walk, leaving - 1)->fd[BR_WALK_SOURCE] < 0 &&
	    reopen_above(walk, leaving - 1) != 0)
		return br_error_set(err, BR_ERR_OPEN, errno, br_walk_path(walk),
				    "cannot return to the directory above");
	close_slot(slot_of(walk, leaving));
	walk->depth--;
	walk->path[path_size(walk)] = '\0';
	return 0;
}
