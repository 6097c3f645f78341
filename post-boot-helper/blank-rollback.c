/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot blank rollback: a former blank is the blank again. */
#include "blank-command.h"

#include "beneath.h"
#include "blank-former.h"
#include "blank-replace.h"
#include "cleanup.h"
#include "command.h"
#include "name.h"
#include "record.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

/* Perhaps the one before is an archive: of rollback --now-blank. */
static int explain_none(const struct filesystem *filesystem, const struct br_ephemeral *ephemeral,
			const struct br_blank_formers *formers, uint64_t blank,
			struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_CLOSE int state = -1;
	uint64_t before;

	if (br_open_beneath(filesystem->top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state,
			    err) == 0 &&
	    (before = br_record_get_blank_before(state, blank)) != 0 &&
	    br_subvol_path_of(filesystem->top, before, &path, err) == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, ephemeral->blank,
				    "what was the blank before is %s now: 'blankroot rollback "
				    "--now-blank' takes an archive",
				    path);
	if (formers->count > 0)
		return br_error_set(err, BR_ERR_USAGE, 0, ephemeral->blank,
				    "no older one is kept; name a younger one, such as %s",
				    formers->list[formers->count - 1].name);
	return br_error_set(err, BR_ERR_USAGE, 0, ephemeral->blank, "no former one is kept");
}

static int pick(const struct filesystem *filesystem, const struct br_ephemeral *ephemeral,
		const struct br_blank_formers *formers, const char *name,
		const struct br_blank_former **ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol blank;
	int r = br_subvol_open(filesystem->top, ephemeral->blank, &fd, &blank, err);

	if (r < 0)
		return r;
	*ret = name ? br_blank_former_find(formers, name)
		    : br_blank_former_before(formers, filesystem->top, blank.id);
	if (*ret)
		return 0;
	if (name)
		return br_error_set(err, BR_ERR_USAGE, 0, name,
				    "is no former blank of %s; '" BLANK_COMMAND
				    " show' has their names",
				    ephemeral->name);
	return explain_none(filesystem, ephemeral, formers, blank.id, err);
}

static int bring_back(const struct blank_options *options, const struct filesystem *filesystem,
		      const struct br_ephemeral *ephemeral, const struct br_blank_former *former,
		      struct br_error *err)
{
	BR_AUTO_FREE char *kept = NULL;
	int r = 0;

	if (!options->dry_run) {
		r = br_blank_bring_back(filesystem->top, &filesystem->config, ephemeral,
					former->name, time(NULL), &kept, err);
		blank_audit("blank-rollback", ephemeral, r, err);
	}
	if (r < 0)
		return r;
	br_text_put_name(stdout, ephemeral->blank); /* lost output is found when it is closed */
	(void)fputs(options->dry_run ? " would be again what is now " : " is again what was ",
		    stdout);
	br_text_put_name(stdout, former->name);
	(void)putchar('\n');
	if (kept)
		blank_tell_former(ephemeral, kept);
	return 0;
}

static int act(const struct blank_options *options, const struct filesystem *filesystem,
	       struct br_error *err)
{
	struct br_blank_formers formers = { .parent = -1 };
	const struct br_ephemeral *ephemeral = NULL;
	const struct br_blank_former *former = NULL;
	int r;

	if ((r = blank_choose(&filesystem->config, options->subvolume, &ephemeral, err)) == 0 &&
	    (r = br_blank_formers_list(filesystem->top, ephemeral, &formers, err)) == 0 &&
	    (r = pick(filesystem, ephemeral, &formers, options->arguments[0], &former, err)) == 0)
		r = bring_back(options, filesystem, ephemeral, former, err);
	br_blank_formers_free(&formers);
	return r;
}

int blank_rollback(const struct blank_options *options)
{
	struct filesystem_options open = options->filesystem;
	struct filesystem filesystem;
	struct br_error err = { 0 };
	int r;

	open.read_only = options->dry_run;
	if (filesystem_open(&open, &filesystem, &err) < 0)
		return command_fail(BLANK_COMMAND, &err);
	r = act(options, &filesystem, &err);
	filesystem_close(&filesystem);
	return r == 0 ? EXIT_DONE : command_fail(BLANK_COMMAND, &err);
}
