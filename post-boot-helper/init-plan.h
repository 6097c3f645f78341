/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: what the parts of a plan (init-plan.c, init-plan-files.c) share. */
#ifndef BLANKROOT_INIT_PLAN_H
#define BLANKROOT_INIT_PLAN_H

#include "init.h"

/* What is needed to make one. */
struct planning {
	const struct init_options *options;
	const struct init_system *system;
	const struct init_record *record;
	struct init_plan *plan;
	struct system_root
		files; /* those that are written; once the root was moved, those of the new place */
};

/* Append a step. Returns it, borrowed from the plan; NULL: no memory, in *err. */
struct init_step *init_plan_add_step(struct init_plan *plan, enum init_step_kind kind,
				     const char *path, struct br_error *err);

/* Load the preset, suggest persistent paths, and write the configuration, as texts in the plan. BR_ERR_NOMEM, and those of its parts. */
BR_MUST_CHECK int init_plan_configuration(const struct planning *planning, struct br_error *err);

/*
 * Add the steps for files: fstab, those of boot loaders, the configuration. BR_ERR_LAYOUT when there is a configuration
 * already, BR_ERR_NOMEM, BR_ERR_READ.
 */
BR_MUST_CHECK int init_plan_files(const struct planning *planning, struct br_error *err);

#endif
