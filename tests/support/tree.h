/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Building test trees from tables. Paths are relative to an open directory and short; only the
 * parts that say so are deeper than PATH_MAX. Everything fails the current test when it fails.
 */
#ifndef TEST_TREE_H
#define TEST_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum tree_type {
	TREE_FILE,
	TREE_DIRECTORY,
	TREE_SYMLINK,  /* target: what it says */
	TREE_HARDLINK, /* target: path of the other name */
	TREE_FIFO,
	TREE_SOCKET,
	TREE_CHAR,
	TREE_BLOCK,
	TREE_SUBVOLUME,
};

/* A range of a file that holds data. The last of a list has length 0. */
struct tree_range {
	uint64_t offset, length;
};

#define TREE_MODE_NONE 010000 /* mode 0000: 0 means the default */

struct tree_node {
	enum tree_type type;
	const char *path;
	mode_t mode; /* 0: 0755 for directories, else 0644; not for links */
	uid_t uid;
	gid_t gid;
	uint64_t size;                   /* of a file */
	const struct tree_range *ranges; /* of a file; NULL: data everywhere; else holes between */
	bool compressible;               /* content of a file */
	const char *target;
	unsigned major, minor;
	struct timespec time; /* of access and modification; {0, 0}: as it comes */
};

/*
 * Make the objects of a table, in its order; parents have to exist. Times are set after all are
 * made, so that a directory's survives.
 */
void tree_build(int dirfd, const struct tree_node *nodes, size_t count);

/* The same for an array. */
#define TREE_BUILD(dirfd, nodes) tree_build((dirfd), (nodes), sizeof(nodes) / sizeof((nodes)[0]))

/*
 * Write bytes that look random and depend on seed and offset only.
 *
 * compressible  make them shrink to a few percent
 */
void tree_fill(int fd, uint64_t offset, uint64_t length, unsigned seed, bool compressible);

/* Open an object for reading, a file for writing too when write is set. Returns the descriptor. */
int tree_open(int dirfd, const char *path, bool write);

/* Make a directory (or subvolume) and open it. */
int tree_mkdir(int dirfd, const char *path);

/* Write a short text to a file, which is created or truncated. */
void tree_write(int dirfd, const char *path, const char *text);

/* Read a short file. Returns its text, owned by the caller; NULL when it does not exist. */
char *tree_read(int dirfd, const char *path);

/* Does it exist, whatever it is? */
bool tree_exists(int dirfd, const char *path);

/* Set an extended attribute, of a link itself too. */
void tree_set_xattr(int dirfd, const char *path, const char *name, const void *value, size_t size);

/* Set and clear inode flags (FS_NOCOW_FL ...) of a file or directory. */
void tree_change_flags(int dirfd, const char *path, unsigned set, unsigned clear);

/* Set access and modification time, of a link itself too. */
void tree_set_time(int dirfd, const char *path, struct timespec time);

/* Reserve space in a file (fallocate). */
void tree_preallocate(int dirfd, const char *path, uint64_t offset, uint64_t length);

/*
 * Make directories inside one another, deeper than any path can tell.
 *
 * name   of each of them, "leaf" for a file in the last
 * depth  how many
 */
void tree_make_deep(int dirfd, const char *name, unsigned depth);

/* Open the last of the directories that tree_make_deep made. */
int tree_open_deep(int dirfd, const char *name, unsigned depth);

/*
 * Make many small files: in directories of at most per_dir files each, below dirfd/name, which is
 * created.
 *
 * size  bytes in each
 */
void tree_make_many(int dirfd, const char *name, unsigned count, unsigned per_dir, unsigned size);

/* How many entries TREE_MANY makes: 50,000; 5,000 where the sanitizers make everything slow. */
unsigned tree_many_entries(void);

/*
 * Parts of tree_everything that cost time; tree_skip_* name those that external programs cannot
 * handle.
 */
enum tree_parts {
	TREE_SMALL = 0,
	TREE_DEEP = 1, /* "deep": 3,000 levels */
	TREE_MANY = 2, /* "many": tree_many_entries() in one directory */
	TREE_HUGE = 4, /* "huge": 5 GiB, sparse */
	TREE_ALL = TREE_DEEP | TREE_MANY | TREE_HUGE,
};

#define TREE_DEEP_NAME "level-of-depth"
#define TREE_DEEP_LEVELS 3000

/*
 * Make the tree that has one of everything a file system can hold. What each part is for stands in
 * tree-everything.c.
 *
 * dirfd  an empty directory on btrfs
 * parts  which of the expensive ones
 */
void tree_everything(int dirfd, enum tree_parts parts);

#endif
