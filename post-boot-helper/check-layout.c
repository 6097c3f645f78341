/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subvolumes and directories are what a reset needs. */
#include "preflight.h"

#include "beneath.h"
#include "cleanup.h"
#include "name.h"
#include "record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* Nothing at all is there, in the place of a subvolume. */
static bool is_absent(int r, const struct br_error *err)
{
	return r < 0 && r != BR_ERR_LAYOUT && err->sys_errno == ENOENT;
}

/* False: the reset would be refused, and it was told why. */
static bool check_root(struct check *check, const struct br_ephemeral *ephemeral)
{
	const char *const words[] = { ephemeral->blank, ephemeral->name, NULL };
	BR_AUTO_CLOSE int fd = -1;
	struct br_error failure = { 0 };
	int r = br_subvol_open(check->filesystem.top, ephemeral->name, &fd, NULL, &failure);

	if (is_absent(r, &failure) && check->request.kind != BR_REQUEST_FROM)
		finding_add(&check->findings, FINDING_ROOT_MISSING,
			    check_mend_at(check, "btrfs subvolume snapshot % %", words),
			    "there is no subvolume %s", ephemeral->name);
	else if (r < 0 && !is_absent(r, &failure))
		finding_add_failure(&check->findings, FINDING_RESET_REFUSED, NULL, &failure,
				    "ephemeral subvolume");
	return r == 0;
}

static bool check_blank(struct check *check, const struct br_ephemeral *ephemeral)
{
	const char *const words[] = { ephemeral->name, ephemeral->blank, NULL };
	BR_AUTO_CLOSE int fd = -1;
	struct br_error failure = { 0 };
	struct br_subvol subvol;
	int r = br_subvol_open(check->filesystem.top, ephemeral->blank, &fd, &subvol, &failure);

	if (is_absent(r, &failure))
		finding_add(&check->findings, FINDING_BLANK_MISSING,
			    check_mend_at(check, "btrfs subvolume snapshot -r % %", words),
			    "there is no %s, the blank of %s", ephemeral->blank, ephemeral->name);
	else if (r < 0)
		finding_add_failure(&check->findings, FINDING_RESET_REFUSED, NULL, &failure,
				    "blank");
	else if (!subvol.read_only)
		finding_add(&check->findings, FINDING_BLANK_WRITABLE,
			    check_mend_at(check, "btrfs property set -ts % ro true", words + 1),
			    "%s, the blank of %s, is not read-only", ephemeral->blank,
			    ephemeral->name);
	return r == 0 && subvol.read_only;
}

static bool is_plain_directory(struct check *check, const char *path, struct stat *st)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_error failure = { 0 };
	bool is_subvolume = false;
	int r = br_open_beneath(check->filesystem.top, path, O_RDONLY | O_DIRECTORY, 0, &fd,
				&failure);

	if (r < 0)
		return false;
	return fstat(fd, st) == 0 && br_subvol_is_root(fd, &is_subvolume, &failure) == 0 &&
	       !is_subvolume;
}

/* One of blankroot's own, which the reset makes if it is missing. */
static bool check_directory(struct check *check, const char *path)
{
	BR_AUTO_FREE char *aside = NULL;
	const char *words[] = { path, NULL, NULL };
	BR_AUTO_CLOSE int fd = -1;
	struct br_error failure = { 0 };
	struct stat st;
	int r = br_open_beneath(check->filesystem.top, path, O_PATH | O_NOFOLLOW, 0, &fd, &failure);

	if (r < 0 && failure.sys_errno == ENOENT)
		return true;
	if (r < 0 || !is_plain_directory(check, path, &st)) {
		if (asprintf(&aside, "%s.aside", path) < 0)
			aside = NULL;
		words[1] = aside;
		finding_add(&check->findings, FINDING_DIRECTORY_TYPE,
			    aside ? check_mend_at(check, "mv % %", words) : NULL,
			    "%s is not a plain directory", path);
		return false;
	}
	if ((st.st_mode & 077) != 0 || st.st_uid != 0) {
		words[1] = path;
		finding_add(&check->findings, FINDING_DIRECTORY_OPEN,
			    check_mend_at(check, "chown 0:0 % && chmod 0700 %",
					  (const char *const[]){ path, path, NULL }),
			    "%s is accessible to others than root", path);
	}
	return true;
}

static void check_directories(struct check *check, bool *is_good)
{
	*is_good &= check_directory(check, BR_STATE_DIR);
	for (size_t i = 0; i < check->config.ephemeral_count; i++) {
		const char *archive = check->config.ephemeral[i].archive;
		bool is_again = false;

		for (size_t j = 0; archive && j < i; j++)
			is_again |= check->config.ephemeral[j].archive &&
				    strcmp(archive, check->config.ephemeral[j].archive) == 0;
		if (archive && !is_again)
			*is_good &= check_directory(check, archive);
	}
}

/* What the reset knows of it is an attribute; without it, it takes the blank as it is. */
static char *mend_changed(const struct check *check, const struct br_ephemeral *ephemeral)
{
	const char *const words[] = { BR_STATE_DIR, NULL };
	BR_AUTO_FREE char *escaped = NULL;
	BR_AUTO_FREE char *pattern = NULL;
	struct br_error ignored;

	if (br_name_escape(ephemeral->name, &escaped, &ignored) < 0 || strchr(escaped, '%') ||
	    asprintf(&pattern, "setfattr -x " BR_XATTR_BLANK "'%s' %%", escaped) < 0)
		return NULL;
	return check_mend_at(check, pattern, words);
}

static void tell_changed(struct check *check, size_t i, enum br_blank_state state)
{
	const struct br_ephemeral *ephemeral = &check->config.ephemeral[i];

	finding_add_as(&check->findings, FINDING_BLANK_CHANGED,
		       ephemeral->blank_changed == BR_BLANK_CHANGED_REFUSE ? FINDING_ERROR
									   : FINDING_WARNING,
		       mend_changed(check, ephemeral), "%s %s", ephemeral->blank,
		       br_blank_state_text(state));
}

/* As the reset looks at a blank; whether it would refuse a changed one is told once, here. */
static void check_changed(struct check *check, size_t i)
{
	const struct br_ephemeral *ephemeral = &check->config.ephemeral[i];
	struct br_ephemeral lenient = *ephemeral;
	BR_AUTO_FREE char *escaped = NULL;
	BR_AUTO_CLOSE int state = -1;
	BR_AUTO_CLOSE int fd = -1;
	enum br_blank_state result;
	struct br_subvol subvol;
	struct br_error failure = { 0 };

	lenient.blank_changed = BR_BLANK_CHANGED_WARN;
	if (br_open_beneath(check->filesystem.top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state,
			    &failure) < 0)
		state = -1;
	if (br_name_escape(ephemeral->name, &escaped, &failure) < 0 ||
	    br_subvol_open(check->filesystem.top, ephemeral->blank, &fd, &subvol, &failure) < 0 ||
	    br_blank_check(state, escaped, &lenient, &subvol, &result, &failure) < 0)
		finding_add_failure(&check->findings, FINDING_RESET_REFUSED, NULL, &failure,
				    "blank");
	else if (br_blank_is_changed(result))
		tell_changed(check, i, result);
}

/*
 * The facts of the reset, without what was looked at already: persistent paths are looked at one by one, so that each
 * that is wrong is told.
 */
static void gather_facts(struct check *check)
{
	const char *from = check->request.kind == BR_REQUEST_FROM ? check->request.archive : NULL;
	struct br_error failure = { 0 };
	int r = br_facts_gather(check->filesystem.top, &check->config, from, time(NULL),
				&check->facts, &failure);

	check->has_facts = r == 0;
	if (r == 0 || r == BR_ERR_SYMLINK || r == BR_ERR_TYPE || r == BR_ERR_BLANK_CHANGED)
		return;
	finding_add_failure(&check->findings, FINDING_RESET_REFUSED, NULL, &failure,
			    "the next reset would fail");
}

void check_layout(struct check *check)
{
	bool is_good = true;

	for (size_t i = 0; i < check->config.ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &check->config.ephemeral[i];
		bool has_blank = check_blank(check, ephemeral);

		is_good &= check_root(check, ephemeral) && has_blank;
		if (has_blank)
			check_changed(check, i);
	}
	check_directories(check, &is_good);
	if (is_good)
		gather_facts(check);
}
