/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files below a path, in one subvolume. */
#include "defrag.h"

#include "cleanup.h"
#include "job-signals.h"
#include "subvol.h"
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Of a pipe nobody waits for the other end; times of access are no business of ours. */
#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC)

struct visit {
	int (*visit)(void *data, int fd, const char *path, struct br_error *err);
	void *data;
	uint64_t *subvolumes;
	struct br_walk walk;
};

static int name_error(struct visit *visit, const char *name, struct br_error *err)
{
	char path[BR_ERROR_PATH_MAX];

	if (*err->path)
		return err->code;
	/* cut: long ones lose their end */
	(void)snprintf(path, sizeof(path), "%s/%s", br_walk_path(&visit->walk), name);
	return br_error_name(err, path);
}

/* What has vanished since the directory was read is nobody's concern. */
static int visit_entry(struct visit *visit, const struct br_walk_entry *entry, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct stat st;

	if (entry->type != DT_REG && entry->type != DT_DIR)
		return 0;
	fd = openat(br_walk_fd(&visit->walk, BR_WALK_SOURCE), entry->name, OPEN_FLAGS);
	if (fd < 0 && (errno == ENOENT || errno == ELOOP || errno == ENXIO))
		return 0;
	if (fd < 0) {
		(void)br_error_set(err, BR_ERR_OPEN, errno, NULL, NULL);
		return name_error(visit, entry->name, err);
	}
	if (fstat(fd, &st) != 0) {
		(void)br_error_set(err, BR_ERR_STAT, errno, NULL, NULL);
		return name_error(visit, entry->name, err);
	}
	if (st.st_dev != br_walk_dev(&visit->walk, BR_WALK_SOURCE)) {
		(*visit->subvolumes)++;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return br_walk_push(&visit->walk, entry->name, br_take_fd(&fd), -1, err);
	if (S_ISREG(st.st_mode) && visit->visit(visit->data, fd, entry->name, err) < 0)
		return name_error(visit, entry->name, err);
	return 0;
}

static int walk_all(struct visit *visit, struct br_error *err)
{
	struct br_walk_entry entry;
	int r = 0;

	while (r == 0 && br_walk_depth(&visit->walk) > 0 && job_signals_came() == 0) {
		r = br_walk_next(&visit->walk, &entry, err);
		if (r == 1)
			r = visit_entry(visit, &entry, err);
		else if (r == 0)
			r = br_walk_pop(&visit->walk, err);
	}
	return r;
}

static int walk_dir(const char *path, int fd, struct visit *visit, struct br_error *err)
{
	int r = br_walk_init(&visit->walk, 0, err);

	if (r == 0)
		r = br_walk_push(&visit->walk, path, fd, -1, err);
	else
		(void)close(fd); /* nothing was written through it */
	if (r == 0)
		r = walk_all(visit, err);
	br_walk_free(&visit->walk);
	return r;
}

static int check_filesystem(int fd, const char *path, const char *fsid, struct br_error *err)
{
	char found[BR_FSID_SIZE];

	if (br_subvol_fsid(fd, found, err) < 0)
		return br_error_set(err, BR_ERR_LAYOUT, 0, path, "it is not on a btrfs");
	if (strcmp(found, fsid) != 0)
		return br_error_set(err, BR_ERR_LAYOUT, 0, path,
				    "it is on another btrfs than %s: --device=UUID=%s", fsid,
				    found);
	return 0;
}

int defrag_visit(const char *path, const char *fsid,
		 int (*visit)(void *data, int fd, const char *path, struct br_error *err),
		 void *data, uint64_t *subvolumes, struct br_error *err)
{
	struct visit all = { .visit = visit, .data = data, .subvolumes = subvolumes };
	BR_AUTO_CLOSE int fd = open(path, OPEN_FLAGS);
	struct stat st;
	int r;

	if (fd < 0)
		return br_error_set(err, errno == ELOOP ? BR_ERR_SYMLINK : BR_ERR_OPEN, errno, path,
				    NULL);
	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, path, NULL);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return br_error_set(err, BR_ERR_TYPE, 0, path, "neither a file nor a directory");
	if ((r = check_filesystem(fd, path, fsid, err)) < 0)
		return r;
	if (S_ISDIR(st.st_mode))
		return walk_dir(path, br_take_fd(&fd), &all, err);
	r = visit(data, fd, path, err);
	return r < 0 ? br_error_name(err, path) : 0;
}
