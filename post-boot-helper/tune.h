/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The parts of blankroot tune: what there is to tune (tune-facts.c), how it is read and set (tune-place.c,
 * tune-mount.c, tune-directory.c), what a mode wants of it (tune-mode.c, tune-want.c), what was there before
 * (tune-record.c), the change (tune-apply.c), and what is told of it (tune-print.c, tune-files.c).
 */
#ifndef BLANKROOT_TUNE_H
#define BLANKROOT_TUNE_H

#include "config.h"
#include "error.h"
#include "knob.h"
#include "mountinfo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- tune-facts.c --- */

/* A whole disk below the file system, whatever is between the two. */
struct tune_disk {
	char *name; /* in /sys/block */
	bool is_rotational;
	bool is_virtual; /* somebody else has the real one, and schedules it */
	bool has_discard;
	uint64_t speed; /* bytes a second that it surely takes, by its kind */
};

struct tune_facts {
	int top; /* the caller's */
	char fsid[37];
	uint64_t memory; /* bytes */
	struct tune_disk *disks;
	size_t disk_count;
	struct br_mountinfo mounts;
	size_t mount_count; /* of this file system, and visible: they come first */
};

/*
 * Look at memory, disks and mounts. top: the top level of the file system, kept open by the caller.
 *
 * BR_ERR_READ, BR_ERR_OPEN, BR_ERR_NOMEM, those of br_mountinfo_read.
 */
BR_MUST_CHECK int tune_facts_read(int top, const char *fsid, struct tune_facts *ret,
				  struct br_error *err);

/* Release. Safe on a zeroed one. */
void tune_facts_free(struct tune_facts *facts);

/* --- tune-list.c --- */

struct tune_row {
	const struct br_knob *knob;
	/* disk, UUID of the file system, mount point or directory; "": the machine */
	char *object;
	char *current; /* NULL: it is not there */
	char *wanted;  /* NULL: left alone */
	char *before;  /* before the first change; NULL: it was not changed */
	char *source;  /* where wanted comes from */
	char *note;    /* NULL: nothing to say */
	bool was_changed, has_failed;
};

struct tune_list {
	struct tune_row *rows;
	size_t count;
};

/* Append a row; object is copied. NULL: no memory, in *err. */
struct tune_row *tune_list_add(struct tune_list *list, const struct br_knob *knob,
			       const char *object, struct br_error *err);

/* The row of a knob and an object; NULL: there is none. */
struct tune_row *tune_list_find(const struct tune_list *list, const struct br_knob *knob,
				const char *object);

/* Replace a text of a row by a copy; NULL empties it. BR_ERR_NOMEM. */
BR_MUST_CHECK int tune_set_text(char **text, const char *value, struct br_error *err);

/* Is something to be changed? */
bool tune_row_differs(const struct tune_row *row);

/* Release. Safe on a zeroed one. */
void tune_list_free(struct tune_list *list);

/* --- tune-place.c --- */

/*
 * Read the value of a knob of an object.
 *
 * Returns 0 with *ret owned by the caller; NULL: there is no such thing here. BR_ERR_READ and others: it is
 * there, but cannot be read.
 */
BR_MUST_CHECK int tune_read(const struct tune_facts *facts, const struct br_knob *knob,
			    const char *object, char **ret, struct br_error *err);

/* Set it. BR_ERR_WRITE, BR_ERR_MOUNT, BR_ERR_FLAGS, BR_ERR_XATTR ... with what the kernel said. */
BR_MUST_CHECK int tune_write(const struct tune_facts *facts, const struct br_knob *knob,
			     const char *object, const char *value, struct br_error *err);

/* Can a file that lists its values ("[none] mq-deadline") take this one? True for all other knobs. */
bool tune_is_offered(const struct br_knob *knob, const char *object, const char *value);

/* --- tune-mount.c, tune-directory.c: the same for their kinds --- */

/* Is it an option of each mount by itself? Else it is one of the file system. */
bool tune_mount_is_single(const struct br_knob *knob);

/* As tune_read. */
BR_MUST_CHECK int tune_mount_read(const struct tune_facts *facts, const struct br_knob *knob,
				  const char *object, char **ret, struct br_error *err);
/* As tune_write. Kernel: 5.12 for mount.atime, 5.2 for the others. */
BR_MUST_CHECK int tune_mount_write(const struct tune_facts *facts, const struct br_knob *knob,
				   const char *object, const char *value, struct br_error *err);

/* As tune_read: NULL too for what is no directory of this file system. */
BR_MUST_CHECK int tune_directory_read(const struct tune_facts *facts, const struct br_knob *knob,
				      const char *object, char **ret, struct br_error *err);
/* As tune_write. */
BR_MUST_CHECK int tune_directory_write(const struct tune_facts *facts, const struct br_knob *knob,
				       const char *object, const char *value, struct br_error *err);

/* --- tune-mode.c --- */

/* A value, or NULL where the mode leaves it alone. Room for numbers is in buf. */
const char *tune_mode_value(enum br_performance mode, const struct br_knob *knob,
			    const struct tune_facts *facts, const struct tune_disk *disk,
			    char buf[32]);

/* Directories that a mode gives an attribute if they are there; ended by NULL. */
const char *const *tune_mode_directories(enum br_performance mode, const struct br_knob *knob);

/* Name of a mode: "balanced". */
const char *tune_mode_name(enum br_performance mode);

/* False: there is no mode of that name. */
bool tune_mode_find(const char *name, enum br_performance *ret);

/* --- tune-want.c --- */

/*
 * List everything there is to tune with its current value, and what mode and configuration want of it.
 *
 * BR_ERR_USAGE: what they want does not go together. BR_ERR_NOMEM; those of tune_read.
 */
BR_MUST_CHECK int tune_want(const struct tune_facts *facts, const struct br_config *config,
			    enum br_performance mode, struct tune_list *ret, struct br_error *err);

/* --- tune-record.c --- */

/*
 * What was there before the first change. What a boot forgets is in /run, which it forgets too; attributes of
 * directories are on the disk, and so is what they were: in .blankroot of the top level.
 */
struct tune_record {
	enum br_performance mode; /* that is in use */
	struct tune_list entries; /* with knob, object and before */
};

#define TUNE_RUN_DIR "/run/blankroot"

/* Read both parts. BR_ERR_READ, BR_ERR_NOMEM. */
BR_MUST_CHECK int tune_record_load(int top, struct tune_record *ret, struct br_error *err);

/*
 * Write both parts, each at once and flushed; empty ones are removed. Those of br_file_replace and
 * br_private_dir_open.
 */
BR_MUST_CHECK int tune_record_save(int top, const struct tune_record *record, struct br_error *err);

/* Take the lock of /run for as long as *fd_ret is open. BR_ERR_LOCKED, BR_ERR_OPEN, BR_ERR_CREATE. */
BR_MUST_CHECK int tune_record_lock(int *fd_ret, struct br_error *err);

/* Release. Safe on a zeroed one. */
void tune_record_free(struct tune_record *record);

/* --- tune-apply.c --- */

/*
 * Give the rows what the record knows of them, and add those that are only there: what the mode leaves alone
 * goes back to what it was. BR_ERR_NOMEM, those of tune_read.
 */
BR_MUST_CHECK int tune_merge(const struct tune_facts *facts, const struct tune_record *record,
			     struct tune_list *list, struct br_error *err);

/*
 * Change what differs, after what it was is recorded. What cannot be changed is noted in its row, and the rest
 * is done all the same.
 *
 * mode  the one that is in use from now on; BR_PERFORMANCE_NONE: everything goes back
 *
 * BR_ERR_WRITE: some could not be changed. Those of tune_record_save: nothing was changed, or what was
 * changed is still recorded.
 */
BR_MUST_CHECK int tune_apply(const struct tune_facts *facts, enum br_performance mode,
			     struct tune_record *record, struct tune_list *list,
			     struct br_error *err);

/* --- tune-files.c --- */

/*
 * What mount(8) calls a value of a knob of mounts, in static text or in buf; NULL: nothing has to be said for it.
 */
const char *tune_mount_option(const struct br_knob *knob, const char *value, char buf[64]);

/* Write the lines that make the rows permanent: "fstab", "nix", "sysctl" or "udev". False: another word. */
bool tune_print_lines(const char *what, const struct tune_facts *facts,
		      const struct tune_list *list);

/*
 * Write /run/sysctl.d/90-blankroot.conf and /run/udev/rules.d/90-blankroot.rules, so that what applies
 * those anew does not undo what was set; with mode BR_PERFORMANCE_NONE, remove them.
 */
BR_MUST_CHECK int tune_write_files(enum br_performance mode, const struct tune_list *list,
				   struct br_error *err);

/* --- tune-print.c --- */

struct tune_told {
	enum br_performance mode;
	bool dry_run, json;
	const char *action; /* "show", "apply", "reset" */
};

/* Print the table, or all of it as JSON. BR_ERR_NOMEM. */
BR_MUST_CHECK int tune_print(const struct tune_told *told, const struct tune_list *list,
			     struct br_error *err);

#endif
