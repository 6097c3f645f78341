/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree in memory: all that can be said about each object of a subvolume, to be taken apart and put together
 * without any file system, and compared with what is on one. Knows nothing of the library under test.
 * Everything fails the current test when it fails.
 */
#ifndef TEST_MODEL_H
#define TEST_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_type {
	MODEL_DIRECTORY,
	MODEL_SUBVOLUME,
	MODEL_PLACEHOLDER, /* what a snapshot has where a subvolume is nested in its source */
	MODEL_FILE,
	MODEL_SYMLINK,
	MODEL_SPECIAL,
};

/* blankroot's own attributes (trusted.blankroot.*) of the top. */
enum model_marks { MODEL_GOOD = 1, MODEL_PINNED = 2, MODEL_RETIRED = 4, MODEL_OTHER_MARK = 8 };

struct model_object {
	char *path; /* from the top; "" is the top */
	enum model_type type;
	bool read_only; /* of a nested subvolume */
	char *what; /* mode, owner, size, flags, extended attributes, content, target, device; "" of place-holders. In what is expected a "*" at the end stands for any rest */
	char *times;    /* of access and modification; NULL: whatever they are */
	char *identity; /* inode number and time of change; NULL: whatever they are */
	uint64_t inode; /* names of one tree with the same number are one file */
	unsigned names; /* of a file, as far as it knows */
	unsigned tree;  /* where it came from: another subvolume, another part of one */
};

struct model {
	struct model_object *objects; /* sorted so that what is in a directory follows it */
	size_t count, room;
	unsigned trees;
	unsigned marks; /* enum model_marks; they are not part of the top's "what" */
};

/*
 * Read the subvolume whose root is open, with all that is nested in it; counts the names of each file. Access times do not change, if it is mounted
 * with noatime. File data must have been flushed.
 *
 * Returns the model; the caller releases it with model_free.
 */
struct model *model_read(int dirfd);

/* Release. NULL-safe. */
void model_free(struct model *model);

struct model *model_copy(const struct model *model);

/* The object at a path; NULL: there is none. */
struct model_object *model_find(const struct model *model, const char *path);

/* Is one path another one, or inside it? Everything is inside "". */
bool model_path_is_within(const char *path, const char *dir);

/* Remove an object with all that is in it. */
void model_remove(struct model *model, const char *path);

/* Add what another model has at a path, with all that is in it; nothing may be there. */
void model_graft(struct model *model, const struct model *from, const char *path);

/* Add one object; its texts are copied. */
void model_add(struct model *model, const struct model_object *object);

/* Replace a text of an object by another one, which is copied. NULL: whatever it is. */
void model_set_text(char **text, const char *value);

/*
 * What is different: a line for each object, "" when nothing is. Owned by the caller.
 *
 * identity  are they the same objects, untouched since, but for the top?
 */
char *model_diff(const struct model *expected, const struct model *found, bool identity);

#endif
