/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one-shot request for the next boot: .blankroot/request in the top level, written by the
 * helper, used up by blankroot-initrd.
 *
 * One line: "skip", or "from NAME" with the name of an archive.
 */
#ifndef BR_REQUEST_H
#define BR_REQUEST_H

#include "error.h"

#define BR_REQUEST_NAME "request"

enum br_request_kind {
	BR_REQUEST_NONE,
	BR_REQUEST_SKIP,    /* keep the root at the next boot */
	BR_REQUEST_FROM,    /* start from an archive instead of the blank */
	BR_REQUEST_INVALID, /* there is one, but nobody can tell what it asks for */
};

struct br_request {
	enum br_request_kind kind;
	char *archive; /* BR_REQUEST_FROM only */
};

/*
 * Understand the text of a request. Never fails: what is not exactly one of the forms is
 * BR_REQUEST_INVALID. BR_ERR_NOMEM, *ret untouched.
 */
BR_MUST_CHECK int br_request_parse(const char *text, struct br_request *ret, struct br_error *err);

/*
 * Read the request of a file system. None is BR_REQUEST_NONE. A request that is no regular file,
 * or too long, is BR_REQUEST_INVALID.
 *
 * state_fd  the directory BR_STATE_DIR, open; -1: it does not exist
 *
 * Returns 0 with *ret owned by the caller (br_request_free). BR_ERR_READ when the disk fails,
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_request_read(int state_fd, struct br_request *ret, struct br_error *err);

/*
 * Make a request, in place of an earlier one, durably: on return it is on the disk. Before that a
 * power cut leaves the earlier one, or none.
 *
 * top      the top level, open and writable; BR_STATE_DIR is made there if it does not exist
 * request  BR_REQUEST_SKIP or BR_REQUEST_FROM; whether there is such an archive is not looked at
 *
 * Returns 0; BR_ERR_USAGE when the name is not that of a directory entry; BR_ERR_CREATE,
 * BR_ERR_LAYOUT (what is there is no directory of ours), and the errors of br_file_replace and
 * br_subvol_commit.
 */
BR_MUST_CHECK int br_request_write(int top, const struct br_request *request, struct br_error *err);

/*
 * Remove the request, durably: it is gone from the disk on return, so that it cannot act twice
 * even if this boot fails right after. BR_ERR_REMOVE, BR_ERR_SYNC.
 */
BR_MUST_CHECK int br_request_use_up(int state_fd, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_request_free(struct br_request *request);

#endif
