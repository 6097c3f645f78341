/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files about changes share: the comparison of one subvolume with another. */
#ifndef BR_CHANGES_INTERNAL_H
#define BR_CHANGES_INTERNAL_H

#include "changes.h"
#include "frozen.h"
#include "tree-inode.h"
#include "tree-path.h"
#include "tree-window.h"

enum side { OLD, NEW, SIDES };

/* A directory and its counterpart: the same one, or one that took its place. */
struct dir_pair {
	uint64_t dir[SIDES]; /* 0: there is none on that side */
	char *path[SIDES];   /* below the root of the comparison; NULL: none on that side */
	bool is_same;
};

/* A name that an object has on one side only, while both sides have the object. */
struct moved {
	uint64_t ino;
	char *path;
	bool is_replaced;
};

struct moved_list {
	struct moved *items;
	size_t count, room;
};

/* An object that both sides have, with other content or attributes. */
struct altered {
	uint64_t ino;
	unsigned what;
};

/* Two subvolumes to compare; id 0: there is none on that side. */
struct subvol_pair {
	uint64_t id[SIDES];
	char *path[SIDES]; /* from the roots of the request; NULL where id is 0 */
};

struct inode_list {
	uint64_t *items;
	size_t count, room;
};

struct comparison {
	const struct br_changes_request *request;
	struct br_changes *out;
	struct subvol_pair subvols;
	int fd[SIDES];                        /* of the frozen subvolumes; -1: none */
	struct br_tree_window windows[SIDES]; /* into their trees, which do not change */
	struct br_tree_paths paths[SIDES];
	uint64_t since;               /* 0: they have nothing in common */
	struct inode_list candidates; /* that both sides have and that may differ; ascending */
	struct dir_pair *dirs;        /* to be compared: a stack */
	size_t dir_count, dir_room;
	struct moved_list moved[SIDES];
	struct altered *altered;
	size_t altered_count, altered_room;
	struct br_error *err;
};

/* Double the room of an array. BR_ERR_NOMEM. */
int br_changes_grow_to(void **array, size_t *room, size_t size, struct br_error *err);

/* Make room for one more item of an array. False, with err set, when there is no memory. */
#define br_changes_grow(array, count, room, err) \
	((count) < (room) ||                     \
	 br_changes_grow_to((void **)&(array), &(room), sizeof(*(array)), (err)) == 0)

/* Does the request want this path? NULL: no. */
bool br_changes_is_wanted(const struct br_changes_request *request, const char *path);

/* Can there be something in a directory that the request wants? */
bool br_changes_is_visible(const struct br_changes_request *request, const char *path);

/* Order of paths: what is in a directory follows it, before all that is beside it. */
int br_changes_compare_paths(const char *a, const char *b);

/* Add a change if the request wants its path, or where it was. Takes over path and from. */
int br_changes_add(struct comparison *c, struct br_change change);

/* Path from the root of the request. Owned by the caller; NULL with c->err set: no memory. */
char *br_changes_full_path(struct comparison *c, enum side side, const char *path);

/* A change of an object on one side or both, without kind and paths. NULL: not there. */
struct br_change br_change_of(const struct br_inode *old, const struct br_inode *now);

/*
 * Read an inode on both sides; names is 0 where it is absent. Quick for one inode after the other, in about the
 * order of their numbers.
 */
int br_changes_read_both(struct comparison *c, uint64_t ino, struct br_inode inodes[SIDES]);

/* Find the candidates. */
int br_changes_scan(struct comparison *c);

/* Put a pair on the stack. Takes over its paths. */
int br_changes_push(struct comparison *c, const struct dir_pair *pair);

/* Compare the pairs on the stack, and those that turn up in them, until there are no more. */
int br_changes_compare_dirs(struct comparison *c);

/*
 * Compare attributes and, but for directories, content of two objects of one type; paths below
 * the roots of the comparison.
 */
int br_changes_compare_objects(struct comparison *c, const struct br_inode inodes[SIDES],
			       const char *const path[SIDES], unsigned *what_ret);

/* Compare the candidates with themselves, directories with all that turns up in them. */
int br_changes_compare_candidates(struct comparison *c);

/*
 * The first path of an object, below the root of the comparison. must_be_wanted: by the request.
 *
 * Returns 0 with *path_ret owned by the caller; NULL: it has none.
 */
int br_changes_first_path(struct comparison *c, enum side side, uint64_t ino, bool must_be_wanted,
			  char **path_ret);

/* Note what differs about an object that both sides have. */
int br_changes_add_altered(struct comparison *c, uint64_t ino, unsigned what);

/* Tell of what was moved and altered, now that all of it is known. */
int br_changes_finish(struct comparison *c);

/* Find the subvolumes nested in those of the comparison, and hand out pairs of them. */
int br_changes_visit_nested(struct comparison *c,
			    int (*visit)(void *data, struct subvol_pair *pair,
					 struct br_error *err),
			    void *data);

#endif
