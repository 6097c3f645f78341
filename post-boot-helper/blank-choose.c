/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of blankroot blank share. */
#include "blank-command.h"

#include "audit.h"
#include "blank-former.h"
#include "cleanup.h"
#include "name.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool is_main(const struct br_config *config, const struct br_ephemeral *ephemeral)
{
	return config->ephemeral_count == 1 ||
	       (ephemeral->mountpoint && strcmp(ephemeral->mountpoint, "/") == 0);
}

int blank_choose(const struct br_config *config, const char *name, const struct br_ephemeral **ret,
		 struct br_error *err)
{
	for (size_t i = 0; i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];

		if (name ? strcmp(ephemeral->name, name) == 0 : is_main(config, ephemeral)) {
			*ret = ephemeral;
			return 0;
		}
	}
	if (name)
		(void)br_error_set(err, BR_ERR_USAGE, 0, name,
				   "is no ephemeral subvolume of the configuration");
	else
		(void)br_error_set(
			err, BR_ERR_USAGE, 0, NULL,
			"which ephemeral subvolume? The configuration has several, and says of "
			"none that it is mounted at /: --subvolume=NAME");
	return err->code;
}

bool blank_is_meant(const struct blank_options *options, const struct br_ephemeral *ephemeral)
{
	return !options->subvolume || strcmp(options->subvolume, ephemeral->name) == 0;
}

void blank_audit(const char *operation, const struct br_ephemeral *ephemeral, int r,
		 const struct br_error *err)
{
	audit_result(operation, NULL, ephemeral->blank, r, err);
}

char *blank_former_path(const struct br_ephemeral *ephemeral, const char *former)
{
	const char *slash = strrchr(ephemeral->blank, '/');
	BR_AUTO_FREE char *dir = strndup(ephemeral->blank,
					 slash ? (size_t)(slash - ephemeral->blank) : 0);

	return dir ? br_name_join(dir, former) : NULL;
}

struct dropping {
	const struct br_ephemeral *ephemeral;
};

static void tell_dropped(void *data, const char *name, const struct br_error *err)
{
	const struct br_ephemeral *ephemeral = ((const struct dropping *)data)->ephemeral;
	BR_AUTO_FREE char *path = blank_former_path(ephemeral, name);
	char message[BR_ERROR_PATH_MAX * 4 + BR_ERROR_TEXT_MAX * 4];

	audit("blank-drop", path ? path : name, err ? AUDIT_FAILED : AUDIT_DONE, err);
	if (!err) {
		(void)fputs("deleted a former blank: ",
			    stdout); /* lost output is found at the end */
		br_text_put_name(stdout, path ? path : name);
		(void)putchar('\n');
		return;
	}
	br_error_format(err, message, sizeof(message));
	(void)fflush(stdout);
	(void)fprintf(stderr, BLANK_COMMAND ": warning: a former blank stays: %s\n", message);
}

void blank_drop_formers(const struct filesystem *filesystem, const struct br_ephemeral *ephemeral,
			uint64_t keep)
{
	struct dropping dropping = { ephemeral };
	struct br_error err = { 0 };

	/* each failure was told */
	(void)!br_blank_formers_drop(filesystem->top, ephemeral, keep, tell_dropped, &dropping,
				     &err);
}

void blank_tell_former(const struct br_ephemeral *ephemeral, const char *former)
{
	BR_AUTO_FREE char *path = blank_former_path(ephemeral, former);

	(void)fputs("what it was is kept as ", stdout); /* lost output is found at the end */
	br_text_put_name(stdout, path ? path : former);
	(void)fputs("; to go back: " BLANK_COMMAND " rollback", stdout);
	(void)fputs(" --subvolume=", stdout);
	br_text_put_name(stdout, ephemeral->name);
	(void)putchar(' ');
	br_text_put_name(stdout, former);
	(void)putchar('\n');
}
