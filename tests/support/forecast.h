/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a reset has to make of an old root, a blank and a configuration: docs/design.md, sections 5.3 and 5.4, said once
 * more on trees in memory (model.h). Knows nothing of the library under test.
 */
#ifndef TEST_FORECAST_H
#define TEST_FORECAST_H

#include "model.h"
#include "random.h"

#include <stdio.h>

enum forecast_create { FORECAST_CREATE_NO, FORECAST_CREATE_DIRECTORY, FORECAST_CREATE_FILE };

/* A persistent path of the configuration. */
struct forecast_path {
	char *path; /* without leading slash */
	bool as_subvolume;
	enum forecast_create create;
	enum {
		FORECAST_OWNER_NONE,
		FORECAST_OWNER_USER,
		FORECAST_OWNER_GROUP,
		FORECAST_OWNER_BOTH
	} owner;
	unsigned uid, gid; /* of what is made; 0 where owner does not say */
	bool has_mode;
	unsigned mode;
};

enum { FORECAST_PATHS_MAX = 6 };

/* Those of one ephemeral subvolume. Zeroed: none. */
struct forecast_paths {
	struct forecast_path path[FORECAST_PATHS_MAX];
	size_t count;
	bool as_list; /* in the configuration those without settings are "persist = { ... }" */
};

/* Choose some: paths that the tree has, such that it has not, few that cannot be carried; none inside another one. */
void forecast_choose(struct forecast_paths *paths, const struct model *old,
		     const struct model *blank, struct random *random);

/* Write them as lines of an ephemeral section. */
void forecast_print(const struct forecast_paths *paths, FILE *out);

/* Release. */
void forecast_clear(struct forecast_paths *paths);

/*
 * Foretell the new root.
 *
 * source  blank or archive
 *
 * Returns it, owned by the caller; NULL: the reset has to fail, because a path cannot be carried.
 */
struct model *forecast_reset(const struct forecast_paths *paths, const struct model *old,
			     const struct model *source);

#endif
