/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An open-addressing table from inode numbers to file handles. */
#include "hardlink.h"

#include "attributes.h"
#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HANDLE_MAX 20 /* struct btrfs_fid without parent: object, subvolume, generation */
#define FIRST_CAPACITY 64

struct br_hardlink {
	uint64_t ino;
	uint32_t others; /* 0: free */
	int32_t handle_type;
	uint8_t handle_size;
	unsigned char handle[HANDLE_MAX];
};

/* struct file_handle with its flexible array filled in. */
union handle_space {
	struct file_handle handle;
	char space[sizeof(struct file_handle) + HANDLE_MAX];
};

void br_hardlink_free(struct br_hardlink_map *map)
{
	free(map->entries);
	*map = (struct br_hardlink_map){ 0 };
}

size_t br_hardlink_count(const struct br_hardlink_map *map)
{
	return map->used;
}

/* Inode numbers of a tree are dense: the multiplication spreads them over the high bits. */
static size_t home_of(const struct br_hardlink_map *map, uint64_t ino)
{
	return (size_t)((ino * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (map->capacity - 1);
}

static size_t next_of(const struct br_hardlink_map *map, size_t at)
{
	return (at + 1) & (map->capacity - 1);
}

/* Where an inode is, or the free place where it would be. */
static size_t find(const struct br_hardlink_map *map, uint64_t ino)
{
	size_t at = home_of(map, ino);

	while (map->entries[at].others != 0 && map->entries[at].ino != ino)
		at = next_of(map, at);
	return at;
}

static int grow(struct br_hardlink_map *map)
{
	struct br_hardlink_map larger = { .capacity = map->capacity ? map->capacity * 2
								    : FIRST_CAPACITY };

	larger.entries = calloc(larger.capacity, sizeof(*larger.entries));
	if (!larger.entries)
		return -1;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->entries[i].others != 0)
			larger.entries[find(&larger, map->entries[i].ino)] = map->entries[i];
	larger.used = map->used;
	free(map->entries);
	*map = larger;
	return 0;
}

/* Does the way from home to at lead over gap? All of it on the ring. */
static bool passes(const struct br_hardlink_map *map, size_t home, size_t gap, size_t at)
{
	size_t mask = map->capacity - 1;

	return ((at - home) & mask) >= ((at - gap) & mask);
}

/* Free a place and move up those that were pushed behind it, so that no search ends too early. */
static void drop(struct br_hardlink_map *map, size_t gap)
{
	map->entries[gap].others = 0;
	map->used--;
	for (size_t at = next_of(map, gap); map->entries[at].others != 0; at = next_of(map, at)) {
		if (!passes(map, home_of(map, map->entries[at].ino), gap, at))
			continue;
		map->entries[gap] = map->entries[at];
		map->entries[at].others = 0;
		gap = at;
	}
}

int br_hardlink_add(struct br_hardlink_map *map, uint64_t ino, uint32_t others, int dir,
		    const char *name, struct br_error *err)
{
	union handle_space space = { .handle.handle_bytes = HANDLE_MAX };
	struct br_hardlink *entry;
	int mount_id;

	if (others == 0)
		return 0;
	if (name_to_handle_at(dir, name, &space.handle, &mount_id, 0) != 0)
		return br_error_set(err, BR_ERR_LINK, errno, name,
				    "cannot get the file handle of the copy");
	/* At most three quarters full: searches end at a free place. */
	if (map->used * 4 >= map->capacity * 3 && grow(map) != 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);

	entry = &map->entries[find(map, ino)];
	map->used += entry->others == 0;
	*entry = (struct br_hardlink){
		.ino = ino,
		.others = others,
		.handle_type = space.handle.handle_type,
		.handle_size = (uint8_t)space.handle.handle_bytes,
	};
	memcpy(entry->handle, space.handle.f_handle, space.handle.handle_bytes);
	return 0;
}

static int open_copy(const struct br_hardlink *entry, int dir, int flags)
{
	union handle_space space = { .handle = { .handle_bytes = entry->handle_size,
						 .handle_type = entry->handle_type } };

	memcpy(space.handle.f_handle, entry->handle, entry->handle_size);
	return open_by_handle_at(dir, &space.handle, flags | O_CLOEXEC);
}

/* The kernel gives immutable and append-only files no further name. */
static int link_held(const struct br_hardlink *entry, int copy, int dir, const char *name,
		     struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open_copy(entry, dir, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	unsigned held = 0;
	int r = 1;

	if (fd < 0 || br_attributes_release(fd, &held) != 0)
		return br_error_set(err, BR_ERR_FLAGS, errno, name,
				    "cannot make the copy linkable");
	if (linkat(copy, "", dir, name, AT_EMPTY_PATH) != 0)
		r = br_error_set(err, BR_ERR_LINK, errno, name, NULL);
	if (br_attributes_hold(fd, held) != 0 && r > 0)
		r = br_error_set(err, BR_ERR_FLAGS, errno, name, "cannot set inode flags again");
	return r;
}

int br_hardlink_make(struct br_hardlink_map *map, uint64_t ino, int dir, const char *name,
		     struct br_error *err)
{
	struct br_hardlink *entry = map->used ? &map->entries[find(map, ino)] : NULL;
	BR_AUTO_CLOSE int copy = -1;
	int r = 1;

	if (!entry || entry->others == 0)
		return 0;
	copy = open_copy(entry, dir, O_PATH | O_NOFOLLOW);
	if (copy < 0)
		return br_error_set(err, BR_ERR_LINK, errno, name,
				    "cannot open the copy by its handle");
	if (linkat(copy, "", dir, name, AT_EMPTY_PATH) != 0) {
		if (errno != EPERM)
			return br_error_set(err, BR_ERR_LINK, errno, name, NULL);
		r = link_held(entry, copy, dir, name, err);
	}
	if (r == 1 && --entry->others == 0)
		drop(map, (size_t)(entry - map->entries));
	return r;
}
