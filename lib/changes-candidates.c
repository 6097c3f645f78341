/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects that both sides have and that may differ. */
#include "changes-internal.h"
#include "cleanup.h"

#include <string.h>
#include <sys/stat.h>

int br_changes_add_altered(struct comparison *c, uint64_t ino, unsigned what)
{
	if (!br_changes_grow(c->altered, c->altered_count, c->altered_room, c->err))
		return BR_ERR_NOMEM;
	c->altered[c->altered_count++] = (struct altered){ ino, what };
	return 0;
}

struct first_name {
	struct comparison *c;
	enum side side;
	bool must_be_wanted;
	char *path;
};

static int take_first(void *data, uint64_t dir, const char *name, size_t length,
		      struct br_error *err)
{
	struct first_name *first = data;
	const char *parent;
	char *path, *full;
	bool is_wanted;
	int r = br_tree_path_of_dir(&first->c->paths[first->side], dir, &parent, err);

	if (r < 0)
		return r;
	path = br_tree_path_join(parent, name, length);
	full = path ? br_changes_full_path(first->c, first->side, path) : NULL;
	if (!full) {
		free(path);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	is_wanted = !first->must_be_wanted || br_changes_is_wanted(first->c->request, full);
	free(full);
	if (is_wanted && (!first->path || br_changes_compare_paths(path, first->path) < 0)) {
		free(first->path);
		first->path = path;
	} else {
		free(path);
	}
	return 0;
}

int br_changes_first_path(struct comparison *c, enum side side, uint64_t ino, bool must_be_wanted,
			  char **path_ret)
{
	struct first_name first = { .c = c, .side = side, .must_be_wanted = must_be_wanted };
	int r = 0;

	if (ino == BR_INODE_FIRST)
		first.path = strdup("");
	else
		r = br_inode_visit_names_in(&c->windows[side], ino, take_first, &first, c->err);
	if (r < 0) {
		free(first.path);
		return r;
	}
	*path_ret = first.path;
	return 0;
}

static int compare_candidate(struct comparison *c, const struct br_inode inodes[SIDES])
{
	BR_AUTO_FREE char *old = NULL;
	BR_AUTO_FREE char *now = NULL;
	unsigned what = 0;
	int r;

	if ((r = br_changes_first_path(c, OLD, inodes[OLD].ino, true, &old)) < 0 ||
	    (r = br_changes_first_path(c, NEW, inodes[NEW].ino, true, &now)) < 0)
		return r;
	if (!old && !now)
		return 0; /* nobody wants to know: a data base may take long to read */
	if (!old && (r = br_changes_first_path(c, OLD, inodes[OLD].ino, false, &old)) < 0)
		return r;
	if (!now && (r = br_changes_first_path(c, NEW, inodes[NEW].ino, false, &now)) < 0)
		return r;
	if (!old || !now)
		return br_error_set(c->err, BR_ERR_READ, 0, NULL, "inode %llu has no name",
				    (unsigned long long)inodes[NEW].ino);
	r = br_changes_compare_objects(c, inodes, (const char *[]){ old, now }, &what);
	return r < 0 || what == 0 ? r : br_changes_add_altered(c, inodes[NEW].ino, what);
}

static int push_candidate(struct comparison *c, uint64_t dir)
{
	struct dir_pair pair = { .dir = { dir, dir }, .is_same = true };

	for (enum side side = OLD; side < SIDES; side++) {
		const char *path = NULL;
		int r = br_tree_path_of_dir(&c->paths[side], dir, &path, c->err);

		if (r == 0 && !(pair.path[side] = strdup(path)))
			r = br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		if (r < 0) {
			free(pair.path[OLD]);
			return r;
		}
	}
	return br_changes_push(c, &pair);
}

int br_changes_compare_candidates(struct comparison *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->candidates.count; i++) {
		struct br_inode inodes[SIDES];

		r = br_changes_read_both(c, c->candidates.items[i], inodes);
		if (r < 0)
			return r;
		if (!S_ISDIR(inodes[NEW].mode)) {
			r = compare_candidate(c, inodes);
			continue;
		}
		r = push_candidate(c, inodes[NEW].ino);
		if (r == 0)
			r = br_changes_compare_dirs(c);
	}
	return r;
}
