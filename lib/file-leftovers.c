/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What br_file_replace leaves when it is killed or the power is cut. */
#include "file-leftovers.h"

#include "entries.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Nobody else's file is called like this: ".blankroot-2456-0". */
static bool is_sibling(const char *name)
{
	static const char digits[] = "0123456789";
	size_t pid, n;

	if (strncmp(name, BR_FILE_SIBLING_PREFIX, strlen(BR_FILE_SIBLING_PREFIX)) != 0)
		return false;
	name += strlen(BR_FILE_SIBLING_PREFIX);
	pid = strspn(name, digits);
	if (pid == 0 || name[pid] != '-')
		return false;
	n = strspn(name + pid + 1, digits);
	return n > 0 && !name[pid + 1 + n];
}

static int clear_one(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const int *dirfd = data;

	if ((type != DT_REG && type != DT_UNKNOWN) || !is_sibling(name))
		return 0;
	/* of an unknown type it may be a directory, which is not one of ours */
	if (unlinkat(*dirfd, name, 0) == 0 || errno == ENOENT || errno == EISDIR)
		return 0;
	return br_error_set(err, BR_ERR_REMOVE, errno, name, NULL);
}

int br_file_clear_leftovers(int dirfd, struct br_error *err)
{
	return br_entries_visit(dirfd, clear_one, &dirfd, err);
}
