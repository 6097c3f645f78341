/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one-shot request for the next boot. */
#include "request.h"

#include "beneath.h"
#include "cleanup.h"
#include "file.h"
#include "name.h"
#include "private-dir.h"
#include "subvol.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define REQUEST_MAX 4096

static bool is_plain_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

int br_request_parse(const char *text, struct br_request *ret, struct br_error *err)
{
	static const char from[] = "from ";
	BR_AUTO_FREE char *line = strdup(text);
	struct br_request request = { .kind = BR_REQUEST_INVALID };
	size_t length;

	if (!line)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, BR_REQUEST_NAME, NULL);
	length = strlen(line);
	if (length > 0 && line[length - 1] == '\n')
		line[length - 1] = '\0';
	if (strcmp(line, "skip") == 0) {
		request.kind = BR_REQUEST_SKIP;
	} else if (strncmp(line, from, strlen(from)) == 0 && is_plain_name(line + strlen(from)) &&
		   !strchr(line, '\n')) {
		request.kind = BR_REQUEST_FROM;
		request.archive = strdup(line + strlen(from));
		if (!request.archive)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, BR_REQUEST_NAME, NULL);
	}
	*ret = request;
	return 0;
}

int br_request_read(int state_fd, struct br_request *ret, struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	size_t size = 0;
	int r;

	if (state_fd < 0) {
		*ret = (struct br_request){ .kind = BR_REQUEST_NONE };
		return 0;
	}
	r = br_file_read(state_fd, BR_REQUEST_NAME, REQUEST_MAX, &text, &size, err);
	if (r < 0 && err->sys_errno == ENOENT) {
		*ret = (struct br_request){ .kind = BR_REQUEST_NONE };
		return 0;
	}
	if (r == BR_ERR_NOMEM || (r < 0 && err->sys_errno == EIO))
		return r;
	if (r < 0 || strlen(text) != size) {
		*ret = (struct br_request){ .kind = BR_REQUEST_INVALID };
		return 0;
	}
	return br_request_parse(text, ret, err);
}

int br_request_write(int top, const struct br_request *request, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	BR_AUTO_FREE char *text = NULL;
	int r;

	if (request->kind == BR_REQUEST_FROM &&
	    (!is_plain_name(request->archive) || strchr(request->archive, '\n')))
		return br_error_set(err, BR_ERR_USAGE, 0, request->archive,
				    "not the name of an archive");
	text = request->kind == BR_REQUEST_SKIP ? strdup("skip\n") : NULL;
	if (request->kind == BR_REQUEST_FROM && asprintf(&text, "from %s\n", request->archive) < 0)
		text = NULL; /* undefined after a failure */
	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, BR_REQUEST_NAME, NULL);
	if ((r = br_private_dir_open(top, BR_STATE_DIR, &state, err)) < 0 ||
	    (r = br_file_replace(state, BR_REQUEST_NAME, text, strlen(text), 0600, err)) < 0)
		return r;
	return br_subvol_commit(top, err);
}

int br_request_use_up(int state_fd, struct br_error *err)
{
	if (unlinkat(state_fd, BR_REQUEST_NAME, 0) != 0 && errno != ENOENT &&
	    !(errno == EISDIR && unlinkat(state_fd, BR_REQUEST_NAME, AT_REMOVEDIR) == 0))
		return br_error_set(err, BR_ERR_REMOVE, errno, BR_REQUEST_NAME, NULL);
	return br_subvol_commit(state_fd, err);
}

void br_request_free(struct br_request *request)
{
	if (!request)
		return;
	free(request->archive);
	*request = (struct br_request){ 0 };
}
