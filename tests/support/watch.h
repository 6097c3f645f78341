/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Did anybody touch these files? Reported by the kernel (inotify) for every process and every mount
 * of the file system, other mount namespaces included, as long as one mount of it exists
 * throughout. Fails the current test when it fails.
 */
#ifndef TEST_WATCH_H
#define TEST_WATCH_H

#include <stddef.h>

struct watch {
	int fd;
	char **path; /* of each directory, by watch descriptor */
	size_t count;
};

/*
 * Watch a directory with everything below it: opening, reading, writing, changing, making,
 * removing, renaming. Not looking up a name, and not stat.
 *
 * watch  zeroed at first; may be called several times
 */
void watch_tree(struct watch *watch, const char *dir);

/*
 * Stop watching. Returns what happened, a line for each event, "" when nothing did; owned by the
 * caller.
 */
char *watch_end(struct watch *watch);

#endif
