/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The roots of many subvolumes, read from the disk ahead of those who open them. */
#include "roots-ahead.h"

#include "beneath.h"
#include "cleanup.h"
#include "subvol-table.h"
#include "tree-inode.h"
#include "tree-search.h"

#include <btrfsutil.h>
#include <fcntl.h>
#include <linux/btrfs_tree.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Fewer are read in no time. */
#define FEW 64

/* Disks and arrays have queues; processors have little to do with it. */
#define READERS 16

#define BUFFER_SIZE ((size_t)72 << 10)

struct roots {
	int fd;
	const struct br_subvol_row **list;
	size_t count;
	atomic_size_t next; /* that nobody has taken yet */
};

static bool read_from(int fd, uint64_t id, uint64_t object, void *buffer)
{
	const struct br_tree_range range = {
		.tree = id,
		.first = { object, 0, 0 },
		.last = { object, UINT8_MAX, UINT64_MAX },
	};
	struct br_tree_answer answer;
	struct br_error none = { 0 };

	return br_tree_fetch(fd, &range, 8, buffer, BUFFER_SIZE, &answer, &none) == 0;
}

/*
 * The inode of the root and the attributes that follow it. And the other end of the tree: there the kernel looks for
 * inodes without a name, when a subvolume of a writable file system is opened for the first time. Whoever opens it sees
 * what is wrong with it.
 */
static void read_root(int fd, uint64_t id, void *buffer)
{
	if (read_from(fd, id, BR_INODE_FIRST, buffer))
		(void)read_from(fd, id, BTRFS_ORPHAN_OBJECTID, buffer);
}

static void *read_roots(void *data)
{
	struct roots *roots = data;
	BR_AUTO_FREE void *buffer = malloc(BUFFER_SIZE);
	size_t at;

	while (buffer && (at = atomic_fetch_add(&roots->next, 1)) < roots->count)
		read_root(roots->fd, roots->list[at]->id, buffer);
	return NULL;
}

/* This thread is one of them: it goes on also where there can be no others. */
static void read_with_others(struct roots *roots)
{
	pthread_t threads[READERS - 1];
	size_t count = 0;

	while (count < READERS - 1 && pthread_create(&threads[count], NULL, read_roots, roots) == 0)
		count++;
	(void)read_roots(roots);
	while (count > 0)
		(void)pthread_join(threads[--count], NULL);
}

/* In the order on the disk: in one sweep, and neighbours together. */
static int compare_place(const void *a, const void *b)
{
	const struct br_subvol_row *x = *(const struct br_subvol_row *const *)a;
	const struct br_subvol_row *y = *(const struct br_subvol_row *const *)b;

	return (x->block > y->block) - (x->block < y->block);
}

/* Add those in a directory. */
static void add_roots(struct roots *roots, const struct br_subvol_table *table, uint64_t parent,
		      uint64_t dir)
{
	for (size_t i = 0; i < table->count && roots->count < table->count; i++)
		if (table->rows[i].parent_id == parent && table->rows[i].parent_dir == dir)
			roots->list[roots->count++] = &table->rows[i];
}

/* By the size of the directory, in which each name counts twice. */
static bool may_hold_many(const struct stat *st)
{
	return st->st_size >= 2 * FEW * (off_t)(sizeof(".20261123T190501Z") - 1);
}

/* The table is read when it is needed first. */
static void look_into(struct roots *roots, struct br_subvol_table *table, const char *dir)
{
	struct br_error none = { 0 };
	BR_AUTO_CLOSE int fd = -1;
	uint64_t parent;
	struct stat st;

	if (br_open_beneath(roots->fd, dir, O_RDONLY | O_DIRECTORY, 0, &fd, &none) < 0 ||
	    fstat(fd, &st) != 0 || !may_hold_many(&st) ||
	    btrfs_util_subvolume_id_fd(fd, &parent) != BTRFS_UTIL_OK)
		return;
	if (!roots->list && br_subvol_table_read(fd, table, &none) == 0)
		roots->list = calloc(table->count + 1, sizeof(*roots->list));
	if (roots->list)
		add_roots(roots, table, parent, st.st_ino);
}

void roots_ahead_read(int top, const char *const *dirs, size_t count)
{
	struct roots roots = { .fd = top };
	struct br_subvol_table table = { 0 };

	for (size_t i = 0; i < count; i++)
		look_into(&roots, &table, dirs[i]);
	if (roots.count >= FEW) {
		qsort(roots.list, roots.count, sizeof(const struct br_subvol_row *), compare_place);
		read_with_others(&roots);
	}
	free(roots.list);
	br_subvol_table_free(&table);
}
