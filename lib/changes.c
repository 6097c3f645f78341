/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What differs between two subvolumes, and those nested in them. */
#include "changes.h"

#include "changes-internal.h"
#include "cleanup.h"
#include "lineage.h"

#include <string.h>
#include <sys/stat.h>

/* Subvolumes that are still to be compared: a stack. */
struct search {
	const struct br_changes_request *request;
	struct br_changes *out;
	int root[SIDES]; /* of the request, as they are, not frozen */
	bool has_begun;  /* the subvolumes of the request were compared; the others are nested */
	struct subvol_pair *pairs;
	size_t count, room;
};

static void pair_free(struct subvol_pair *pair)
{
	free(pair->path[OLD]);
	free(pair->path[NEW]);
}

static int push(void *data, struct subvol_pair *pair, struct br_error *err)
{
	struct search *search = data;

	if (br_changes_grow(search->pairs, search->count, search->room, err)) {
		search->pairs[search->count++] = *pair;
		return 0;
	}
	pair_free(pair);
	return BR_ERR_NOMEM;
}

/* Open one subvolume of a pair. One that was removed or replaced meanwhile counts as absent. */
static int open_one(const struct search *search, struct subvol_pair *pair, enum side side,
		    struct br_subvol *subvol, struct br_frozen *frozen, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if (pair->id[side] == 0)
		return 0;
	r = br_subvol_open(search->root[side], pair->path[side], &fd, subvol, err);
	if (r < 0 && r != BR_ERR_LAYOUT && r != BR_ERR_SYMLINK && err->sys_errno != ENOENT &&
	    err->sys_errno != ENOTDIR)
		return r;
	if (r < 0 || subvol->id != pair->id[side]) {
		pair->id[side] = 0;
		return 0;
	}
	return br_frozen_make(search->request->top, fd, frozen, err);
}

/* A nested subvolume that only one side has: itself; what is in it follows. */
static int add_itself(struct comparison *c, enum side side)
{
	struct br_inode inode;
	struct br_change change;
	int r = br_inode_find(&c->windows[side], BR_INODE_FIRST, &inode, c->err);

	if (r < 0)
		return r;
	change = br_change_of(side == OLD ? &inode : NULL, side == NEW ? &inode : NULL);
	change.kind = side == OLD ? BR_CHANGE_DELETED : BR_CHANGE_CREATED;
	change.is_subvolume = true;
	change.path = br_changes_full_path(c, side, "");
	return br_changes_add(c, change);
}

static int push_root(struct comparison *c)
{
	struct dir_pair pair = { .is_same = false };

	for (enum side side = OLD; side < SIDES; side++) {
		if (c->fd[side] < 0)
			continue;
		pair.dir[side] = BR_INODE_FIRST;
		pair.path[side] = strdup("");
		if (!pair.path[side]) {
			free(pair.path[OLD]);
			return br_error_set(c->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		}
	}
	return br_changes_push(c, &pair);
}

static int compare(struct comparison *c)
{
	int r = 0;

	for (enum side side = OLD; r == 0 && side < SIDES; side++)
		if (c->fd[!side] < 0)
			r = add_itself(c, side);
	if (r < 0 || (r = br_changes_scan(c)) < 0 || (r = push_root(c)) < 0 ||
	    (r = br_changes_compare_dirs(c)) < 0 || (r = br_changes_compare_candidates(c)) < 0)
		return r;
	return br_changes_finish(c);
}

static void comparison_free(struct comparison *c)
{
	for (enum side side = OLD; side < SIDES; side++) {
		br_tree_paths_free(&c->paths[side]);
		br_tree_window_free(&c->windows[side]);
		for (size_t i = 0; i < c->moved[side].count; i++)
			free(c->moved[side].items[i].path);
		free(c->moved[side].items);
	}
	for (size_t i = 0; i < c->dir_count; i++) {
		free(c->dirs[i].path[OLD]);
		free(c->dirs[i].path[NEW]);
	}
	free(c->dirs);
	free(c->altered);
	free(c->candidates.items);
}

static int compare_frozen(struct search *search, const struct subvol_pair *pair,
			  const struct br_frozen frozen[SIDES], uint64_t since,
			  struct br_error *err)
{
	struct comparison c = { .request = search->request,
				.out = search->out,
				.subvols = *pair,
				.since = since,
				.err = err };
	int r;

	for (enum side side = OLD; side < SIDES; side++) {
		c.fd[side] = frozen[side].fd;
		c.windows[side] = br_tree_window_begin(frozen[side].fd, 0);
		c.paths[side] = br_tree_paths_begin(frozen[side].fd);
	}
	r = compare(&c);
	if (r == 0)
		r = br_changes_visit_nested(&c, push, search);
	comparison_free(&c);
	return r;
}

static int compare_pair(struct search *search, struct subvol_pair *pair, struct br_error *err)
{
	struct br_frozen frozen[SIDES] = { BR_FROZEN_NONE, BR_FROZEN_NONE };
	struct br_subvol subvols[SIDES];
	uint64_t since = 0;
	int r = 0;

	for (enum side side = OLD; r == 0 && side < SIDES; side++)
		r = open_one(search, pair, side, &subvols[side], &frozen[side], err);
	if (r == 0 && pair->id[OLD] && pair->id[NEW])
		r = br_lineage_common(search->request->top, &subvols[OLD], &subvols[NEW], &since,
				      err);
	if (r == 0 && !search->has_begun)
		search->out->is_related = since > 0;
	search->has_begun = true;
	if (r == 0 && (pair->id[OLD] || pair->id[NEW]))
		r = compare_frozen(search, pair, frozen, since, err);
	br_frozen_free(&frozen[OLD]);
	br_frozen_free(&frozen[NEW]);
	return r;
}

static int begin(struct search *search, struct br_error *err)
{
	const char *const paths[SIDES] = { search->request->from, search->request->of };
	struct subvol_pair pair = { 0 };
	int r = 0;

	for (enum side side = OLD; r == 0 && side < SIDES; side++) {
		struct br_subvol subvol;

		r = br_subvol_open(search->request->top, paths[side], &search->root[side], &subvol,
				   err);
		if (r < 0)
			break;
		pair.id[side] = subvol.id;
		pair.path[side] = strdup("");
		if (!pair.path[side])
			r = br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	if (r < 0) {
		pair_free(&pair);
		return r;
	}
	return push(search, &pair, err);
}

static int compare_change(const void *a, const void *b)
{
	const struct br_change *x = a, *y = b;
	int order = br_changes_compare_paths(x->path, y->path);

	/* of a name that was in use: what is gone comes before what is there now */
	return order ? order : (y->kind == BR_CHANGE_DELETED) - (x->kind == BR_CHANGE_DELETED);
}

int br_changes_find(const struct br_changes_request *request, struct br_changes *ret,
		    struct br_error *err)
{
	struct br_changes changes = { 0 };
	struct search search = { .request = request, .out = &changes, .root = { -1, -1 } };
	int r = begin(&search, err);

	while (r == 0 && search.count > 0) {
		struct subvol_pair pair = search.pairs[--search.count];

		r = compare_pair(&search, &pair, err);
		pair_free(&pair);
	}
	while (search.count > 0)
		pair_free(&search.pairs[--search.count]);
	free(search.pairs);
	br_cleanup_close(&search.root[OLD]);
	br_cleanup_close(&search.root[NEW]);
	if (r < 0) {
		br_changes_free(&changes);
		return r;
	}
	if (changes.count > 0)
		qsort(changes.changes, changes.count, sizeof(*changes.changes), compare_change);
	*ret = changes;
	return 0;
}
