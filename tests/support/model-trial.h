/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run on a world (world.h): by which configuration, asked for how, and what is to be expected of it. */
#ifndef TEST_MODEL_TRIAL_H
#define TEST_MODEL_TRIAL_H

#include "forecast.h"
#include "world.h"

enum model_scenario {
	SCENARIO_NORMAL,
	SCENARIO_FROM_CMDLINE,
	SCENARIO_FROM_REQUEST,
	SCENARIO_NO_SUCH_ARCHIVE,
	SCENARIO_SKIP_REQUEST,
	SCENARIO_UNKNOWN_REQUEST,
	SCENARIO_CMDLINE_OVER_REQUEST,
	SCENARIO_DRY_RUN,
	SCENARIO_OFF,
	SCENARIO_KILLED,
	SCENARIO_IN_USE,         /* one of those to be replaced is mounted */
	SCENARIO_BLANK_WRITABLE, /* somebody is working in a blank */
	SCENARIO_PINNED_BY_ID,   /* the kernel command line would lead to the archive afterwards */
	SCENARIO_LOST,           /* nothing has the name; an archive takes its place */
};

struct trial_ephemeral {
	bool is_configured;
	bool refuses_changed_blank; /* blank-changed = refuse */
	struct forecast_paths paths;
	struct model *expected; /* NULL: not configured, or it cannot be */
};

struct trial {
	enum model_scenario scenario;
	struct trial_ephemeral of[WORLD_EPHEMERALS];
	bool must_fail;                  /* a path cannot be carried */
	bool must_be_refused;            /* because of a changed blank */
	char *config;                    /* path */
	struct world_ephemeral *subject; /* of the scenarios that are about one of them */
	struct world_archive *from;      /* of the subject; NULL: all from their blanks */
	char cmdline[512];
	char request[512];
};

/* Choose one, write its configuration, foretell what comes of it. The world is mounted; one may be lost by it. */
void trial_plan(struct trial *trial, struct world *world, struct random *random);

/* Foretell once more: the world is another one. */
void trial_foretell(struct trial *trial, const struct world *world);

/* Is it a reset that has to succeed? */
bool trial_is_reset(const struct trial *trial);

/* May the program end with this code? */
bool trial_may_end_with(const struct trial *trial, int code);

/* Is a blank used that is not what it was, so that the program has to say so? */
bool trial_uses_changed_blank(const struct trial *trial, const struct world *world);

/* Release. */
void trial_free(struct trial *trial);

#endif
