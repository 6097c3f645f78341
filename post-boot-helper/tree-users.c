/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that have something of a directory open in a way in which they would lose it. */
#include "tree-users.h"

#include "cleanup.h"
#include "file.h"
#include "tree-inode.h"
#include "tree-path.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FDINFO_MAX ((size_t)64 << 10)
#define MAPS_MAX ((size_t)64 << 20)

struct search {
	int root;
	dev_t dev;       /* of the subvolume: no other file system or subvolume has it */
	char *directory; /* path of the directory, from the root of the subvolume */
	struct br_tree_paths paths;
	struct tree_users *users;
	int process; /* /proc/PID */
	pid_t pid;
	struct br_error *err;
};

/* --- is it in the directory? --- */

struct name_search {
	struct search *search;
	char *path; /* the first one that is in it */
};

static bool is_inside(const struct search *search, const char *path)
{
	size_t length = strlen(search->directory);

	return length == 0 || (strncmp(path, search->directory, length) == 0 &&
			       (path[length] == '/' || path[length] == '\0'));
}

static int look_at_name(void *data, uint64_t dir, const char *name, size_t length,
			struct br_error *err)
{
	struct name_search *names = data;
	const char *parent;
	char *path;
	int r = br_tree_path_of_dir(&names->search->paths, dir, &parent, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r; /* removed meanwhile */
	path = br_tree_path_join(parent, name, length);
	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (!names->path && is_inside(names->search, path))
		names->path = path;
	else
		free(path);
	return 0;
}

/* By all names of the inode: whatever namespace or bind mount it was opened through. */
static int find_path(struct search *search, ino_t ino, char **path_ret)
{
	struct name_search names = { search, NULL };
	int r;

	*path_ret = NULL;
	if (ino == BR_INODE_FIRST) { /* the root of the subvolume has no name in it */
		if (search->directory[0] == '\0' && !(*path_ret = strdup(".")))
			return br_error_set(search->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		return 0;
	}
	r = br_inode_visit_names(search->root, ino, look_at_name, &names, search->err);
	if (r < 0)
		free(names.path);
	else
		*path_ret = names.path;
	return r;
}

/* --- one process --- */

static void read_command(const struct search *search, char command[32])
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error none = { 0 };

	(void)snprintf(command, 32, "?");
	if (br_file_read(search->process, "comm", FDINFO_MAX, &text, NULL, &none) == 0)
		(void)snprintf(command, 32, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Takes the path over. 1: the process is noted, no more of it has to be known. */
static int add(struct search *search, char *path, const char *how)
{
	struct tree_users *users = search->users;

	if (users->count == users->room) {
		size_t room = 2 * users->room + 8;
		struct tree_user *grown = reallocarray(users->users, room, sizeof(*grown));

		if (!grown) {
			free(path);
			return br_error_set(search->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		}
		users->users = grown;
		users->room = room;
	}
	users->users[users->count] = (struct tree_user){ .pid = search->pid,
							 .path = path,
							 .how = how };
	read_command(search, users->users[users->count++].command);
	return 1;
}

/* 1: it is, and the process was noted. */
static int note_if_inside(struct search *search, ino_t ino, const char *how)
{
	char *path;
	int r = find_path(search, ino, &path);

	return r < 0 || !path ? r : add(search, path, how);
}

/* Of the descriptor, which may be closed by now. The flags are octal. */
static bool is_for_writing(const struct search *search, const char *name)
{
	char path[sizeof("fdinfo/") + NAME_MAX];
	BR_AUTO_FREE char *text = NULL;
	struct br_error none = { 0 };
	const char *flags;

	(void)snprintf(path, sizeof(path), "fdinfo/%s", name);
	if (br_file_read(search->process, path, FDINFO_MAX, &text, NULL, &none) < 0)
		return false;
	flags = strstr(text, "flags:\t");
	return flags && (strtoul(flags + strlen("flags:\t"), NULL, 8) & O_ACCMODE) != O_RDONLY;
}

static int look_at_descriptor(struct search *search, int fds, const char *name)
{
	struct stat st;

	if (fstatat(fds, name, &st, 0) != 0 || st.st_dev != search->dev || !S_ISREG(st.st_mode) ||
	    !is_for_writing(search, name))
		return 0;
	return note_if_inside(search, st.st_ino, "writes to");
}

/* Opened for each mapping by its addresses: what it shows of device and inode is not that of the subvolume. */
static int look_at_mapping(struct search *search, const char *line)
{
	char path[sizeof("map_files/") + 64];
	char range[48], flags[8];
	struct stat st;

	if (sscanf(line, "%47s %7s", range, flags) != 2 || flags[1] != 'w' || flags[3] != 's')
		return 0;
	(void)snprintf(path, sizeof(path), "map_files/%s", range);
	if (fstatat(search->process, path, &st, 0) != 0 || st.st_dev != search->dev ||
	    !S_ISREG(st.st_mode))
		return 0;
	return note_if_inside(search, st.st_ino, "writes to");
}

static int look_at_mappings(struct search *search)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error none = { 0 };
	char *rest;
	int r = 0;

	/* kernel threads have none, and who has ended has none any more */
	if (br_file_read(search->process, "maps", MAPS_MAX, &text, NULL, &none) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &rest); r == 0 && line;
	     line = strtok_r(NULL, "\n", &rest))
		r = look_at_mapping(search, line);
	return r;
}

static int look_at_descriptors(struct search *search)
{
	int fd = openat(search->process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	BR_AUTO_DIR DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	int r = 0;

	while (r == 0 && dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			r = look_at_descriptor(search, dirfd(dir), entry->d_name);
	return r;
}

static int look_at_process(struct search *search)
{
	struct stat st;
	int r = 0;

	if (fstatat(search->process, "cwd", &st, 0) == 0 && st.st_dev == search->dev)
		r = note_if_inside(search, st.st_ino, "is in");
	if (r == 0)
		r = look_at_descriptors(search);
	if (r == 0)
		r = look_at_mappings(search);
	return r;
}

static int look_at_all(struct search *search)
{
	BR_AUTO_DIR DIR *proc = opendir("/proc");
	struct dirent *entry;
	int r = 0;

	if (!proc)
		return br_error_set(search->err, BR_ERR_OPEN, errno, "/proc", NULL);
	while (r >= 0 && (entry = readdir(proc))) {
		BR_AUTO_CLOSE int process = -1;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue; /* it has ended */
		search->process = process;
		search->pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (search->pid != getpid())
			r = look_at_process(search);
	}
	return r < 0 ? r : 0;
}

int tree_users_find(int root, int dir, struct tree_users *ret, struct br_error *err)
{
	struct tree_users users = { 0 };
	struct search search = { .root = root, .users = &users, .err = err };
	const char *directory;
	struct stat st;
	int r;

	if (fstat(dir, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, NULL, NULL);
	search.dev = st.st_dev;
	search.paths = br_tree_paths_begin(root);
	r = br_tree_path_of_dir(&search.paths, st.st_ino, &directory, err);
	if (r == 0) {
		search.directory = strdup(directory);
		r = search.directory ? look_at_all(&search)
				     : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	br_tree_paths_free(&search.paths);
	free(search.directory);
	if (r < 0)
		tree_users_free(&users);
	else
		*ret = users;
	return r;
}

void tree_users_free(struct tree_users *users)
{
	for (size_t i = 0; i < users->count; i++)
		free(users->users[i].path);
	free(users->users);
	*users = (struct tree_users){ 0 };
}
