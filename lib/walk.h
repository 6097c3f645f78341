/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walking a tree by directory descriptors, without recursion, to any depth: a stack of
 * directories, of which only the deepest few are open. One that was closed is opened again through
 * ".." of its child, checked to be the same directory, and read on from where it was left.
 * Optionally a second tree, the copy, is kept in step.
 *
 * The order of a directory is the kernel's. No path of more than one component is ever given to
 * the kernel.
 */
#ifndef BR_WALK_H
#define BR_WALK_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BR_WALK_OPEN_LEVELS 32 /* twice as many descriptors: far below the usual limit of 1,024 */

enum br_walk_side { BR_WALK_SOURCE, BR_WALK_COPY, BR_WALK_SIDES };

struct br_walk_level {
	uint64_t ino[BR_WALK_SIDES];
	int64_t offset;   /* where to read on once it is open again */
	size_t path_size; /* length of the walk's path up to and with this level */
};

struct br_walk_slot {
	int fd[BR_WALK_SIDES]; /* -1: closed, or there is no such side */
	char *buffer;          /* directory entries read from the source side */
	size_t filled, used;
	int64_t offset; /* behind the entry that was handed out last */
};

/* Treat as opaque. */
struct br_walk {
	struct br_walk_level *levels;
	size_t depth, allocated;
	struct br_walk_slot *slots; /* of the deepest levels: level n uses slot n % open_max */
	unsigned open_max;
	bool has_side[BR_WALK_SIDES];
	dev_t dev[BR_WALK_SIDES]; /* of all levels of a side: other subvolumes are not walked */
	char *path;
	size_t path_allocated;
};

struct br_walk_entry {
	const char *name; /* valid until the next call of br_walk_next, _push or _pop */
	/* DT_REG and so on, never DT_UNKNOWN; tells what to expect, no more than that */
	unsigned char type;
};

/* Is this the name of one directory entry: no slash, not empty, not "." or ".."? */
bool br_walk_is_plain(const char *name);

/*
 * Begin with an empty stack.
 *
 * open_max  levels that are kept open, at least 2; 0: BR_WALK_OPEN_LEVELS
 *
 * BR_ERR_NOMEM. Call br_walk_free in any case.
 */
BR_MUST_CHECK int br_walk_init(struct br_walk *walk, unsigned open_max, struct br_error *err);

/* Close and free everything. A zeroed or freed walk is fine. */
void br_walk_free(struct br_walk *walk);

/*
 * Enter a directory.
 *
 * name    what it is called in the level above; at the first level, whatever errors shall start
 * with source  its descriptor, open for reading
 * copy    descriptor of its copy; -1: there is no second tree (the same choice for all levels)
 *
 * Takes both descriptors over, on failure too. BR_ERR_STAT, BR_ERR_TYPE (another file system or
 * subvolume than the level above), BR_ERR_NOMEM; err->path is name.
 */
BR_MUST_CHECK int br_walk_push(struct br_walk *walk, const char *name, int source, int copy,
			       struct br_error *err);

/*
 * Hand out the next entry of the deepest directory, "." and ".." left out.
 *
 * Returns 1 with *entry_ret filled, 0 at its end, or BR_ERR_READ, BR_ERR_STAT, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_walk_next(struct br_walk *walk, struct br_walk_entry *entry_ret,
			       struct br_error *err);

/*
 * Leave the deepest directory; the one above is open then.
 *
 * BR_ERR_OPEN when the one above cannot be opened again; sys_errno ESTALE when ".." is not the
 * directory that the walk came from.
 */
BR_MUST_CHECK int br_walk_pop(struct br_walk *walk, struct br_error *err);

/* Number of directories on the stack. */
size_t br_walk_depth(const struct br_walk *walk);

/* Descriptor of the deepest directory, owned by the walk. -1 when the stack is empty. */
int br_walk_fd(const struct br_walk *walk, enum br_walk_side side);

/* Device of all directories of a side. Meaningless when the stack is empty. */
dev_t br_walk_dev(const struct br_walk *walk, enum br_walk_side side);

/* Path of the deepest directory: the names given to br_walk_push. "" when the stack is empty. */
const char *br_walk_path(const struct br_walk *walk);

/* Last component of that path. */
const char *br_walk_name(const struct br_walk *walk);

#endif
