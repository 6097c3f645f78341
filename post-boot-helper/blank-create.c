/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank create: the first blank. */
#include "blank-command.h"

#include "blank-replace.h"
#include "cleanup.h"
#include "command.h"
#include "name.h"
#include "subvol.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define EMPTY "empty"

struct creating {
	const struct blank_options *options;
	struct filesystem filesystem;
	const struct br_ephemeral *ephemeral;
	char *source; /* path from the top level; NULL: empty */
	int fd;       /* its root; -1: empty */
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int refuse_existing(const struct creating *creating, struct br_error *err)
{
	const char *blank = creating->ephemeral->blank;
	BR_AUTO_CLOSE int fd = -1;
	int r = br_subvol_open(creating->filesystem.top, blank, &fd, NULL, err);

	if (r < 0 && r != BR_ERR_LAYOUT && err->sys_errno == ENOENT)
		return 0;
	if (r == BR_ERR_LAYOUT)
		return br_error_set(err, BR_ERR_CREATE, EEXIST, blank,
				    "something that is no subvolume is there: rename it");
	return r < 0 ? r
		     : br_error_set(err, BR_ERR_CREATE, EEXIST, blank,
				    "'" BLANK_COMMAND " update' and 'commit' change it, 'blankroot "
				    "rollback --now-blank' puts an archive in its place");
}

/* A path from the top level, or the name of an archive, or of a former blank. */
static int open_source(struct creating *creating, struct br_error *err)
{
	const char *from = creating->options->from;
	const char *archives = creating->ephemeral->archive;
	int r;

	creating->source = strdup(from ? from : creating->ephemeral->name);
	if (!creating->source)
		return no_memory(err);
	r = br_subvol_open(creating->filesystem.top, creating->source, &creating->fd, NULL, err);
	if (r < 0 && from && err->sys_errno == ENOENT && archives && !strchr(from, '/')) {
		free(creating->source);
		creating->source = br_name_join(archives, from);
		if (!creating->source)
			return no_memory(err);
		r = br_subvol_open(creating->filesystem.top, creating->source, &creating->fd, NULL,
				   err);
	}
	if (r < 0 && err->sys_errno == ENOENT)
		return br_error_set(
			err, BR_ERR_USAGE, 0, from ? from : creating->source,
			"there is neither a subvolume at that path from the top level nor "
			"an archive of that name");
	return r < 0 ? br_error_context(err, "what the blank is to be made from") : 0;
}

/* Lost output is found when standard output is closed. */
static void tell(const struct creating *creating)
{
	br_text_put_name(stdout, creating->ephemeral->blank);
	(void)fputs(creating->options->dry_run ? " would be " : " is now ", stdout);
	if (!creating->source) {
		(void)puts("an empty subvolume");
		return;
	}
	(void)fputs("a snapshot of ", stdout);
	br_text_put_name(stdout, creating->source);
	(void)putchar('\n');
}

static int create(struct creating *creating, struct br_error *err)
{
	const struct blank_options *options = creating->options;
	int r;

	if ((r = blank_choose(&creating->filesystem.config, options->subvolume,
			      &creating->ephemeral, err)) < 0 ||
	    (r = refuse_existing(creating, err)) < 0)
		return r;
	if (!options->from || strcmp(options->from, EMPTY) != 0)
		r = open_source(creating, err);
	if (r == 0 && !options->dry_run) {
		r = br_blank_make_first(creating->filesystem.top, &creating->filesystem.config,
					creating->ephemeral, creating->fd, err);
		blank_audit("blank-create", creating->ephemeral, r, err);
	}
	if (r == 0)
		tell(creating);
	return r;
}

int blank_create(const struct blank_options *options)
{
	struct creating creating = { .options = options, .fd = -1 };
	struct filesystem_options open = options->filesystem;
	struct br_error err = { 0 };
	int r;

	open.read_only = options->dry_run;
	if (filesystem_open(&open, &creating.filesystem, &err) < 0)
		return command_fail(BLANK_COMMAND, &err);
	r = create(&creating, &err);
	free(creating.source);
	br_cleanup_close(&creating.fd);
	filesystem_close(&creating.filesystem);
	return r == 0 ? EXIT_DONE : command_fail(BLANK_COMMAND, &err);
}
