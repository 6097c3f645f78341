/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init --format: which subvolumes a new file system gets (init-format-choice.c), and making them (init-format.c). */
#ifndef BLANKROOT_INIT_FORMAT_H
#define BLANKROOT_INIT_FORMAT_H

#include "init.h"

#define INIT_FORMAT_ROOT "root"
#define INIT_FORMAT_BLANK "root-blank"

struct format_subvolume {
	char *name;        /* in the top level */
	char *mountpoint;  /* NULL: it is mounted nowhere */
	const char *flags; /* of its mount: "nodev,nosuid"; NULL: none */
	bool nodatacow;
};

struct format {
	const struct init_options *options;
	struct br_config preset;
	struct init_record record;
	int top; /* -1: not mounted */
	struct format_subvolume *subvolumes;
	size_t count;
};

/*
 * Choose the subvolumes: those that every server has, and one for each path that the preset has in a subvolume of its own.
 * BR_ERR_NOMEM.
 */
BR_MUST_CHECK int format_choose(struct format *format, struct br_error *err);

/* What would be done. is_made: the file system is there, from a run that was interrupted. */
void format_print_plan(const struct format *format, bool is_made);

/*
 * What was done: the subvolumes and the lines for fstab(5), or all of it for programs. Those of tune_facts_read.
 */
BR_MUST_CHECK int format_print_result(const struct format *format, struct br_error *err);

/* Release. */
void format_free(struct format *format);

#endif
