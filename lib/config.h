/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration of both programs: /etc/blankroot.conf and /etc/blankroot.conf.d/ *.conf, read
 * with libconfuse. Format: docs/design.md, section 4.
 */
#ifndef BR_CONFIG_H
#define BR_CONFIG_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BR_CONFIG_PATH "/etc/blankroot.conf"

enum br_method { BR_METHOD_COPY, BR_METHOD_SUBVOLUME };
enum br_create { BR_CREATE_NO, BR_CREATE_DIRECTORY, BR_CREATE_FILE };
enum br_on_failure { BR_ON_FAILURE_CONTINUE, BR_ON_FAILURE_STOP };
enum br_blank_changed { BR_BLANK_CHANGED_WARN, BR_BLANK_CHANGED_REFUSE };
enum br_degraded { BR_DEGRADED_NO, BR_DEGRADED_YES };
enum br_performance {
	BR_PERFORMANCE_NONE, /* nothing is changed */
	BR_PERFORMANCE_BALANCED,
	BR_PERFORMANCE_IO,
	BR_PERFORMANCE_SPACE,
};

/* Where something was said, for messages. */
struct br_origin {
	char *file;
	unsigned line;
};

/* A persistent path. */
struct br_persist {
	char *path; /* below the subvolume, without leading slash: "etc/ssh" */
	enum br_method method;
	enum br_create create;
	/* "user:group", names or numbers, either part may be missing; NULL: root:root */
	char *owner;
	bool has_mode; /* false: 0755 for a directory, 0644 for a file */
	mode_t mode;
	struct br_origin origin;
};

struct br_ephemeral {
	char *name;       /* path of the subvolume from the top level: "root" */
	char *blank;      /* path of its blank from the top level */
	char *archive;    /* directory of its archives from the top level; NULL: archive = none */
	char *mountpoint; /* absolute; NULL: not said */
	struct br_persist *persist;
	size_t persist_count;
	enum br_blank_changed blank_changed; /* what to do when the blank is not what it was */
	enum br_on_failure on_failure;
	struct br_origin origin;
};

/* When something is done again and again: schedule.h. */
struct br_schedule {
	char *text; /* NULL: never */
	struct br_origin origin;
};

struct br_archives_policy {
	uint64_t keep;       /* seconds since retirement; default 30 days */
	unsigned keep_min;   /* default 3 */
	double max_overhead; /* share of the used bytes, 0.15; 0: no limit */
	double min_free;     /* share of the file system, 0.05; 0: no limit */
};

/* A program and its arguments, run as they are: no shell, no PATH. */
struct br_command {
	char **argv; /* ended by NULL; NULL: none */
	size_t count;
	char *file; /* where it was said: what a later file says replaces it */
};

enum br_only_if_changed { BR_ONLY_IF_CHANGED_NO, BR_ONLY_IF_CHANGED_YES };

struct br_snapshots_policy {
	char **subvolumes;
	size_t subvolume_count;
	struct br_schedule every;
	uint64_t keep;                                   /* seconds; 0: not said */
	unsigned hourly, daily, weekly, monthly, yearly; /* calendar counts; all 0: not said */
	enum br_only_if_changed only_if_changed;
	struct br_command before, after; /* run around a snapshot */
	uint64_t hook_timeout;           /* seconds that each may take; default 60 */
};

/* A line of what blankroot tune does besides what the mode says. */
struct br_tuning_item {
	char *text; /* an absolute path, or knob.h's NAME=VALUE */
	struct br_origin origin;
};

struct br_tuning_list {
	struct br_tuning_item *items;
	size_t count;
};

struct br_tuning_policy {
	struct br_tuning_list nodatacow; /* directories; none: those that the mode knows */
	struct br_tuning_list compress;  /* directories */
	struct br_tuning_list set;       /* of a knob that is there twice, the later one counts */
};

struct br_maintenance_policy {
	struct br_schedule scrub, balance, trim;
};

/* Metrics for Prometheus, and alerts for those without. */
struct br_metrics_policy {
	char *directory;          /* of node_exporter's textfile collector; NULL: none */
	struct br_schedule every; /* text NULL: every five minutes, if there is something to do */
	double max_used; /* share of the file system, 0.85: more is an alert; 0: no limit */
	struct br_command on_alert; /* run when an alert begins and when it ends */
	uint64_t hook_timeout;      /* seconds that it may take; default 60 */
};

struct br_config {
	/* UUID=, LABEL=, PARTUUID=, PARTLABEL= or /dev/...; NULL: root= of the kernel command line */
	char *device;
	enum br_degraded degraded; /* may a file system be used of which members are missing? */
	struct br_ephemeral *ephemeral;
	size_t ephemeral_count; /* at least 1 */
	struct br_archives_policy archives;
	struct br_snapshots_policy snapshots;
	enum br_performance performance;
	struct br_tuning_policy tuning;
	struct br_maintenance_policy maintenance;
	struct br_metrics_policy metrics;
};

/*
 * Read the file and then, in byte order of their names, the *.conf files of the directory of the
 * same name with ".d" appended (absent: fine). A later file overrides single values, and adds to
 * what can be said several times: ephemeral sections (by title), persistent paths, subvolumes to
 * snapshot. Names beginning with a dot are skipped. Symbolic links are followed.
 *
 * All values are literal: no variable, "~" or escape number is expanded. Within one file nothing
 * may be given twice; "persist += ..." adds to a list.
 *
 * Checked: syntax, unknown keys, wrong types; paths (absolute where they must be, no "..", no
 * empty or "." component, no control characters); a persistent path given twice or inside another
 * one of the same subvolume; subvolume, blank and archive paths that are equal or inside one
 * another where that cannot work (archive inside an ephemeral subvolume, blank inside an archive
 * directory, anything inside .blankroot or snapshots, two ephemeral subvolumes with one name);
 * durations, schedules, shares, modes, owners; a directory that is to be compressed and nodatacow, a
 * knob's name and value, dirty_background above dirty; at least one ephemeral subvolume, at most 256.
 *
 * Returns 0 with *config_ret owned by the caller (br_config_free). BR_ERR_CONFIG with file and
 * line in the text ("/etc/blankroot.conf:12: ..."); when a file cannot be read, err->path is that
 * file instead. BR_ERR_NOMEM. *config_ret is untouched then.
 *
 * Not safe to call from two threads at once: libconfuse's scanner has global state.
 */
BR_MUST_CHECK int br_config_load(const char *path, struct br_config *config_ret,
				 struct br_error *err);

/* A file of the directory as it would be. */
struct br_config_draft {
	const char *name; /* such as "50-persist.conf" */
	const char *text; /* NULL: as if it were not there */
};

/* br_config_load with a draft in place of a file, whether there is one or not. */
BR_MUST_CHECK int br_config_load_draft(const char *path, const struct br_config_draft *draft,
				       struct br_config *config_ret, struct br_error *err);

/* br_config_load of a text that is not in a file yet, alone. path: where it would be, for messages. */
BR_MUST_CHECK int br_config_load_text(const char *path, const char *text,
				      struct br_config *config_ret, struct br_error *err);

/*
 * What is wrong with a text as the path of a subvolume from the top level: slashes at its ends, "..",
 * or in what is blankroot's own. NULL: nothing.
 */
const char *br_config_subvolume_problem(const char *path);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_config_free(struct br_config *config);

#endif
