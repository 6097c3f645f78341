/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marking the ephemeral subvolumes in use as those of a good boot. */
#include "mark-good.h"

#include "audit.h"
#include "cleanup.h"
#include "config.h"
#include "mounted.h"
#include "record.h"
#include "subvol.h"
#include "text.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct marking {
	const char *filesystem; /* UUID that it must be on; NULL: not known */
	struct br_mountinfo mounts;
	bool dry_run;
	size_t found;
};

/* NULL: it is the right one. Else what is wrong with it, for an error. */
static const char *find_fault(const struct marking *marking, const char *name,
			      const struct br_subvol *subvol, const char *path, const char *fsid)
{
	if (marking->filesystem && strcasecmp(fsid, marking->filesystem) != 0)
		return "it is of another file system than that of the report";
	if (strcmp(path, name) != 0)
		return "another subvolume is mounted there";
	return subvol->read_only ? "it is read-only" : NULL;
}

/* What is open is the root of the subvolume that it should be. */
static int verify(const struct marking *marking, const char *name, const char *where, int fd,
		  struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	char fsid[BR_FSID_SIZE];
	struct br_subvol subvol;
	const char *fault;
	int r = br_subvol_fsid(fd, fsid, err);

	r = r < 0 ? r : br_subvol_stat(fd, &subvol, err);
	r = r < 0 ? r : br_subvol_path(fd, &path, err);
	if (r < 0)
		return br_error_set(err, err->code, err->sys_errno, where,
				    "not marked good, as it should be %s: %s", name, err->text);
	fault = find_fault(marking, name, &subvol, path, fsid);
	if (fault)
		return br_error_set(err, BR_ERR_LAYOUT, 0, where,
				    "not marked good, as it should be %s: %s", name, fault);
	return 0;
}

static void tell(const char *what, const char *name, const char *where)
{
	(void)fputs("blankroot: ", stdout); /* lost output is found when it is closed */
	br_text_put_name(stdout, name);
	(void)fputs(" at ", stdout);
	br_text_put_name(stdout, where);
	(void)printf(" %s\n", what);
}

static int mark(struct marking *marking, const char *name, const char *where, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return br_error_set(err, BR_ERR_OPEN, errno, where, NULL);
	r = verify(marking, name, where, fd, err);
	if (r < 0)
		return r;
	marking->found++;
	if (br_record_get_mark(fd, BR_XATTR_GOOD) == BR_MARK_PRESENT) {
		tell("is marked good already", name, where);
		return 0;
	}
	if (!marking->dry_run) {
		r = br_record_set_good(fd, time(NULL), err);
		audit_result("mark-good", NULL, name, r, err);
	}
	if (r < 0)
		return br_error_prefix_path(err, where);
	tell(marking->dry_run ? "would be marked good" : "marked good", name, where);
	return 0;
}

/* mountpoint  NULL: wherever it is mounted, if it is */
static int mark_one(struct marking *marking, const char *name, const char *mountpoint,
		    struct br_error *err)
{
	for (size_t i = 0; !mountpoint && i < marking->mounts.count; i++)
		if (mounted_shows(&marking->mounts.mounts[i], name, marking->filesystem))
			mountpoint = marking->mounts.mounts[i].target;
	return mountpoint ? mark(marking, name, mountpoint, err) : 0;
}

/* Keeps the first error in *err and goes on. */
static void mark_and_note(struct marking *marking, const char *name, const char *mountpoint,
			  struct br_error *err)
{
	struct br_error here = { 0 };

	if (mark_one(marking, name, mountpoint, &here) < 0 && err->code == BR_OK)
		*err = here;
}

static int mark_configured(struct marking *marking, const char *path, struct br_error *err)
{
	struct br_config config;
	int r = br_config_load(path, &config, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < config.ephemeral_count; i++)
		mark_and_note(marking, config.ephemeral[i].name, config.ephemeral[i].mountpoint,
			      err);
	br_config_free(&config);
	return err->code;
}

int mark_good(const struct boot_report *report, const char *config, bool dry_run,
	      struct br_error *err)
{
	struct marking marking = { .filesystem = report->filesystem, .dry_run = dry_run };
	int r = br_mountinfo_read(&marking.mounts, err);

	if (r < 0)
		return r;
	*err = (struct br_error){ 0 };
	if (report->ephemeral_count == 0)
		r = mark_configured(&marking, config, err);
	for (size_t i = 0; i < report->ephemeral_count; i++)
		if (report->ephemeral[i].name)
			mark_and_note(&marking, report->ephemeral[i].name,
				      report->ephemeral[i].mountpoint, err);
	br_mountinfo_free(&marking.mounts);
	if (err->code != BR_OK)
		return err->code;
	if (marking.found == 0)
		return br_error_set(err, BR_ERR_LAYOUT, 0, NULL,
				    "no ephemeral subvolume is mounted: nothing is marked good");
	return r;
}
