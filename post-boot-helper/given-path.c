/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths as they are given on a command line. */
#include "given-path.h"

#include "cleanup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int make_absolute(const char *given, char **ret, struct br_error *err)
{
	BR_AUTO_FREE char *here = NULL;
	char *path;

	if (given[0] != '/') {
		here = getcwd(NULL, 0);
		if (!here) {
			(void)br_error_set(err, BR_ERR_OPEN, errno, ".", "the working directory");
			return BR_ERR_OPEN;
		}
	}
	if (asprintf(&path, "%s/%s", here ? here : "", given) < 0) {
		(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		return BR_ERR_NOMEM;
	}
	*ret = path;
	return 0;
}

/* Take out empty and "." components, in place. False: there is a "..". */
static bool tidy(char *path)
{
	char *to = path;

	for (const char *from = path; *from;) {
		size_t length;

		from += strspn(from, "/");
		length = strcspn(from, "/");
		if (length == 2 && strncmp(from, "..", 2) == 0)
			return false;
		if (length > 0 && !(length == 1 && *from == '.')) {
			*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
	}
	if (to == path)
		*to++ = '/';
	*to = '\0';
	return true;
}

/* What ".." means, links decide. */
int given_path_normalize(const char *given, char **ret, struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	int r;

	if (!*given) {
		(void)br_error_set(err, BR_ERR_USAGE, 0, NULL, "an empty path");
		return BR_ERR_USAGE;
	}
	r = make_absolute(given, &path, err);
	if (r < 0)
		return r;
	if (!tidy(path)) {
		(void)br_error_set(err, BR_ERR_USAGE, 0, given, "must not contain \"..\"");
		return BR_ERR_USAGE;
	}
	*ret = br_take_ptr(&path);
	return 0;
}
