/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From an inode to its path. */
#include "tree-path.h"

#include "cleanup.h"
#include "tree-inode.h"

#include <search.h>
#include <stdbool.h>
#include <string.h>

struct br_tree_path_node {
	uint64_t dir, parent;
	char *path;  /* NULL: not known yet */
	bool on_way; /* the way up that is being gone has passed it */
	char name[];
};

struct br_tree_paths br_tree_paths_begin(int fd)
{
	return (struct br_tree_paths){ .fd = fd };
}

static int node_compare(const void *a, const void *b)
{
	uint64_t x = ((const struct br_tree_path_node *)a)->dir;
	uint64_t y = ((const struct br_tree_path_node *)b)->dir;

	return x < y ? -1 : x > y;
}

static void node_free(void *node)
{
	free(((struct br_tree_path_node *)node)->path);
	free(node);
}

void br_tree_paths_free(struct br_tree_paths *paths)
{
	tdestroy(paths->known, node_free);
	*paths = (struct br_tree_paths){ .fd = -1 };
}

char *br_tree_path_join(const char *dir, const char *name, size_t length)
{
	size_t head = strlen(dir);
	char *path = malloc(head + 1 + length + 1);

	if (!path)
		return NULL;
	memcpy(path, dir, head);
	if (head > 0)
		path[head++] = '/';
	memcpy(path + head, name, length);
	path[head + length] = '\0';
	return path;
}

struct lookup {
	struct br_tree_path_node *node;
	uint64_t dir;
};

static int take_name(void *data, uint64_t parent, const char *name, size_t length,
		     struct br_error *err)
{
	struct lookup *lookup = data;
	struct br_tree_path_node *node;

	if (lookup->node)
		return 0; /* a directory has one name */
	node = malloc(sizeof(*node) + length + 1);
	if (!node)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	*node = (struct br_tree_path_node){ .dir = lookup->dir, .parent = parent };
	memcpy(node->name, name, length);
	node->name[length] = '\0';
	lookup->node = node;
	return 0;
}

static int read_node(struct br_tree_paths *paths, uint64_t dir, struct br_tree_path_node **ret,
		     struct br_error *err)
{
	struct lookup lookup = { .dir = dir };
	int r;

	if (dir == BR_INODE_FIRST)
		r = take_name(&lookup, 0, "", 0, err);
	else
		r = br_inode_visit_names(paths->fd, dir, take_name, &lookup, err);
	if (r == 0 && !lookup.node)
		r = br_error_set(err, BR_ERR_OPEN, ENOENT, NULL, "directory with inode %llu",
				 (unsigned long long)dir);
	if (r == 0 && !tsearch(lookup.node, &paths->known, node_compare))
		r = br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (r < 0) {
		free(lookup.node);
		return r;
	}
	*ret = lookup.node;
	return 0;
}

static int find_node(struct br_tree_paths *paths, uint64_t dir, struct br_tree_path_node **ret,
		     struct br_error *err)
{
	struct br_tree_path_node key = { .dir = dir };
	struct br_tree_path_node **found = tfind(&key, &paths->known, node_compare);

	if (!found)
		return read_node(paths, dir, ret, err);
	*ret = *found;
	return 0;
}

/* Nodes on the way up whose paths are not known, the deepest first. */
struct way {
	struct br_tree_path_node **nodes;
	size_t count, room;
};

static int way_add(struct way *way, struct br_tree_path_node *node, struct br_error *err)
{
	if (way->count == way->room) {
		size_t room = way->room ? 2 * way->room : 64;
		struct br_tree_path_node **grown = reallocarray(way->nodes, room, sizeof(*grown));

		if (!grown)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		way->nodes = grown;
		way->room = room;
	}
	node->on_way = true;
	way->nodes[way->count++] = node;
	return 0;
}

static void way_free(struct way *way)
{
	for (size_t i = 0; i < way->count; i++)
		way->nodes[i]->on_way = false;
	free(way->nodes);
}

static int climb(struct br_tree_paths *paths, uint64_t dir, struct way *way,
		 struct br_tree_path_node **top_ret, struct br_error *err)
{
	struct br_tree_path_node *node = NULL;

	for (;; dir = node->parent) {
		int r = find_node(paths, dir, &node, err);

		if (r < 0 ||
		    !node) /* it is there unless r is negative, which analysers do not see */
			return r;
		if (dir == BR_INODE_FIRST && !node->path && !(node->path = strdup("")))
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		*top_ret = node;
		if (node->path)
			return 0;
		if (node->on_way)
			return br_error_set(err, BR_ERR_READ, 0, NULL,
					    "the directory with inode %llu is inside of itself; "
					    "the btrfs tree is damaged",
					    (unsigned long long)node->dir);
		if ((r = way_add(way, node, err)) < 0)
			return r;
	}
}

/*
 * Only the directory asked for gets a path, not those above it: in a tree thousands of levels deep
 * that would be memory by the square of its depth.
 */
static int assemble(const struct way *way, const struct br_tree_path_node *top, char **path_ret,
		    struct br_error *err)
{
	size_t size = strlen(top->path) + 1;
	char *path, *end;

	for (size_t i = 0; i < way->count; i++)
		size += strlen(way->nodes[i]->name) + 1;
	path = malloc(size);
	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	end = stpcpy(path, top->path);
	for (size_t i = way->count; i > 0; i--) {
		if (end > path)
			*end++ = '/';
		end = stpcpy(end, way->nodes[i - 1]->name);
	}
	*path_ret = path;
	return 0;
}

int br_tree_path_of_dir(struct br_tree_paths *paths, uint64_t dir, const char **path_ret,
			struct br_error *err)
{
	struct br_tree_path_node *top = NULL;
	__attribute__((cleanup(way_free))) struct way way = { 0 };
	int r = climb(paths, dir, &way, &top, err);

	if (r == 0 && way.count > 0) {
		r = assemble(&way, top, &way.nodes[0]->path, err);
		top = way.nodes[0];
	}
	if (r == 0 && top)
		*path_ret = top->path;
	return r;
}
