/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds a lock: /proc/locks names processes, and what they have open tells which of them it is. */
#include "lock-holder.h"

#include "cleanup.h"
#include "entries.h"
#include "file.h"
#include "proc.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOCKS_MAX ((size_t)16 << 20)
#define CMDLINE_MAX ((size_t)2 << 20)

/*
 * Of a line as "12: FLOCK  ADVISORY  WRITE 1234 00:2a:256 0 EOF". Its device is that of the file system, which on
 * btrfs is not the one of stat(2): that has one for each subvolume.
 */
static bool read_line(const char *line, long *pid_ret, unsigned long long *ino_ret)
{
	char kind[8], pid[24], where[64];
	const char *colon;

	/* of those who wait for a lock, "->" is in the place of its kind */
	if (sscanf(line, "%*s %7s %*s %*s %23s %63s", kind, pid, where) != 3 ||
	    strcmp(kind, "FLOCK") != 0)
		return false;
	colon = strrchr(where, ':');
	*pid_ret = strtol(pid, NULL, 10);
	*ino_ret = colon ? strtoull(colon + 1, NULL, 10) : 0;
	return true;
}

/* No server of a network file system is asked. */
static bool is_same(int dir, const char *name, const struct statx *wanted)
{
	struct statx stx;

	return statx(dir, name, AT_STATX_DONT_SYNC, STATX_INO, &stx) == 0 &&
	       stx.stx_ino == wanted->stx_ino && stx.stx_dev_major == wanted->stx_dev_major &&
	       stx.stx_dev_minor == wanted->stx_dev_minor;
}

struct search {
	int dir; /* of the descriptors of a process */
	const struct statx *wanted;
	bool is_found;
};

static int look_at(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct search *search = data;

	(void)type;
	(void)err;
	search->is_found |= is_same(search->dir, name, search->wanted);
	return 0;
}

static bool has_open(int proc, long pid, const struct statx *wanted)
{
	struct search search = { .wanted = wanted };
	BR_AUTO_CLOSE int dir = -1;
	struct br_error ignored;
	char path[48];

	(void)snprintf(path, sizeof(path), "%ld/fd", pid); /* always fits */
	dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	search.dir = dir;
	return dir >= 0 && br_entries_visit(dir, look_at, &search, &ignored) == 0 &&
	       search.is_found;
}

/* The program, and of ours the command. */
static char *describe(int proc, long pid)
{
	BR_AUTO_FREE char *line = NULL;
	const char *name = "", *command = "";
	struct br_error ignored;
	char path[48];
	size_t size = 0;
	char *text;

	(void)snprintf(path, sizeof(path), "%ld/cmdline", pid); /* always fits */
	if (br_file_read(proc, path, CMDLINE_MAX, &line, &size, &ignored) == 0 && size > 0) {
		const char *slash = strrchr(line, '/');

		name = slash ? slash + 1 : line;
		if (strlen(line) + 1 < size && strcmp(name, "blankroot") == 0)
			command = line + strlen(line) + 1;
	}
	if (asprintf(&text, "%s%s%s%s(process %ld)", name, *command ? " " : "", command,
		     *name ? " " : "", pid) < 0)
		return NULL;
	return text;
}

/* 0: none. */
static long find_in(int proc, char *locks, const struct statx *wanted)
{
	char *rest = locks, *line;

	while ((line = strsep(&rest, "\n"))) {
		unsigned long long ino;
		long pid;

		if (read_line(line, &pid, &ino) && ino == wanted->stx_ino &&
		    has_open(proc, pid, wanted))
			return pid;
	}
	return 0;
}

static long find(int proc, int fd)
{
	BR_AUTO_FREE char *locks = NULL;
	struct br_error ignored;
	struct statx wanted;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO, &wanted) != 0 ||
	    br_file_read(proc, "locks", LOCKS_MAX, &locks, NULL, &ignored) < 0)
		return 0;
	return find_in(proc, locks, &wanted);
}

char *lock_holder_find(int fd)
{
	BR_AUTO_CLOSE int proc = -1;
	struct br_error ignored;
	long pid;

	if (br_proc_open(&proc, &ignored) < 0)
		return NULL;
	pid = find(proc, fd);
	return pid > 0 ? describe(proc, pid) : NULL;
}

pid_t lock_holder_process(int fd)
{
	BR_AUTO_CLOSE int proc = -1;
	struct br_error ignored;

	return br_proc_open(&proc, &ignored) < 0 ? 0 : (pid_t)find(proc, fd);
}
