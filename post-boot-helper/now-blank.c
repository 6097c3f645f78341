/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot rollback --now-blank: an archive becomes the blank. */
#include "now-blank.h"

#include "audit.h"
#include "blank-replace.h"
#include "cleanup.h"
#include "name.h"
#include "subvol.h"
#include "text.h"

#include <stdio.h>
#include <time.h>

static int find_owner(const struct br_config *config, const char *archive,
		      const struct br_ephemeral **ret, struct br_error *err)
{
	for (size_t i = 0; i < config->ephemeral_count; i++) {
		BR_AUTO_FREE char *escaped = NULL;
		int r = br_name_escape(config->ephemeral[i].name, &escaped, err);

		if (r < 0)
			return r;
		if (!config->ephemeral[i].archive || !br_name_is_archive_of(archive, escaped))
			continue;
		*ret = &config->ephemeral[i];
		return 0;
	}
	(void)br_error_set(err, BR_ERR_USAGE, 0, archive, "is the name of no archive");
	return BR_ERR_USAGE;
}

/* Output that is lost is found when it is closed. */
static void tell(const struct br_ephemeral *ephemeral, const char *archive, const char *how)
{
	br_text_put_name(stdout, ephemeral->blank);
	(void)fputs(how, stdout);
	br_text_put_name(stdout, ephemeral->archive);
	(void)putchar('/');
	br_text_put_name(stdout, archive);
	(void)putchar('\n');
}

static int replace(const struct filesystem *filesystem, const struct br_ephemeral *ephemeral,
		   const char *archive, char **kept_ret, struct br_error *err)
{
	BR_AUTO_FREE char *path = br_name_join(ephemeral->archive, archive);
	BR_AUTO_CLOSE int source = -1;
	int r;

	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	r = br_subvol_open(filesystem->top, path, &source, NULL, err);
	return r < 0 ? r
		     : br_blank_replace(filesystem->top, &filesystem->config, ephemeral, source,
					BR_BLANK_TO_ARCHIVES, time(NULL), kept_ret, err);
}

int now_blank_make(const struct filesystem *filesystem, const char *archive, bool dry_run,
		   struct br_error *err)
{
	const struct br_ephemeral *ephemeral = NULL;
	BR_AUTO_FREE char *kept = NULL;
	int r = find_owner(&filesystem->config, archive, &ephemeral, err);

	if (r < 0)
		return r;
	if (dry_run) {
		tell(ephemeral, archive, " would become a snapshot of ");
		return 0;
	}
	r = replace(filesystem, ephemeral, archive, &kept, err);
	audit_result("rollback-now-blank", ephemeral->archive, archive, r, err);
	if (r < 0)
		return r;
	tell(ephemeral, archive, " is now a snapshot of ");
	(void)fputs("what it was is kept; to go back: blankroot rollback --now-blank ", stdout);
	br_text_put_name(stdout, kept);
	(void)putchar('\n');
	return 0;
}
