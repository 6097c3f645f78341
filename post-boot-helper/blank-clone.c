/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A writable copy of the blank. */
#include "blank-clone.h"

#include "blank-replace.h"
#include "cleanup.h"
#include "job-lock.h"
#include "name.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define COPY "root" /* in the area */

/* What somebody has just written into it must not look as if it were written later. */
static int open_blank(struct blank_clone *clone, int *fd_ret, struct br_error *err)
{
	const char *path = clone->ephemeral->blank;
	int r = clone->options->dry_run ? 0 : br_subvol_commit(clone->filesystem.top, err);

	if (r < 0)
		return r;
	r = br_subvol_open(clone->filesystem.top, path, fd_ret, &clone->blank, err);
	if (r < 0)
		return err->sys_errno == ENOENT
			       ? br_error_context(err, "'" BLANK_COMMAND " create' makes it")
			       : r;
	if (!clone->blank.read_only)
		return br_error_set(err, BR_ERR_LAYOUT, 0, path, "a blank must be read-only");
	return 0;
}

static int copy(struct blank_clone *clone, int blank, struct br_error *err)
{
	int r;

	if ((r = br_frozen_make_area(clone->filesystem.top, &clone->area, err)) < 0 ||
	    (r = br_subvol_snapshot_tree(blank, clone->area.fd, COPY, false, NULL, err)) < 0 ||
	    (r = br_subvol_open(clone->area.fd, COPY, &clone->fd, &clone->subvol, err)) < 0)
		return r;
	if (asprintf(&clone->path, "%s/%s/%s", BR_STATE_DIR, clone->area.name, COPY) < 0) {
		clone->path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	return 0;
}

static int make(struct blank_clone *clone, struct br_error *err)
{
	const struct blank_options *options = clone->options;
	BR_AUTO_CLOSE int blank = -1;
	int r;

	if (!options->dry_run && (r = job_lock_take(clone->filesystem.top, options->filesystem.wait,
						    &clone->jobs, err)) < 0)
		return r;
	if ((r = blank_choose(&clone->filesystem.config, options->subvolume, &clone->ephemeral,
			      err)) < 0 ||
	    (r = open_blank(clone, &blank, err)) < 0)
		return r;
	return options->dry_run ? 0 : copy(clone, blank, err);
}

int blank_clone_make(const struct blank_options *options, struct blank_clone *ret,
		     struct br_error *err)
{
	struct blank_clone clone = {
		.options = options, .jobs = -1, .area = BR_FROZEN_NONE, .fd = -1
	};
	struct filesystem_options open = options->filesystem;
	int r;

	open.shared = true;
	r = filesystem_open(&open, &clone.filesystem, err);
	if (r < 0)
		return r;
	r = make(&clone, err);
	if (r < 0) {
		blank_clone_close(&clone);
		return r;
	}
	*ret = clone;
	return 0;
}

/* The lock of the file system was not held all the time. */
static int check_blank(const struct blank_clone *clone, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol now;
	int r = br_subvol_open(clone->filesystem.top, clone->ephemeral->blank, &fd, &now, err);

	if (r == 0 && (now.id != clone->blank.id || now.ctransid != clone->blank.ctransid))
		return br_error_set(err, BR_ERR_BLANK_CHANGED, 0, clone->ephemeral->blank,
				    "somebody has changed it meanwhile; try again");
	return r;
}

int blank_clone_put(struct blank_clone *clone, uint64_t patience, char **kept_ret,
		    struct br_error *err)
{
	struct filesystem_options locking = clone->options->filesystem;
	int r;

	if (locking.wait < patience)
		locking.wait = patience;
	if ((r = filesystem_lock(&locking, &clone->filesystem, err)) < 0 ||
	    (r = check_blank(clone, err)) < 0)
		return r;
	return br_blank_replace(clone->filesystem.top, &clone->filesystem.config, clone->ephemeral,
				clone->fd, BR_BLANK_BESIDE, time(NULL), kept_ret, err);
}

void blank_clone_close(struct blank_clone *clone)
{
	free(clone->path);
	br_cleanup_close(&clone->fd);
	br_frozen_free(&clone->area);
	br_cleanup_close(&clone->jobs);
	filesystem_close(&clone->filesystem);
}
