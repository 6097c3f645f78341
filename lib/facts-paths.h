/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Facts about the persistent paths of one ephemeral subvolume. */
#ifndef BR_FACTS_PATHS_H
#define BR_FACTS_PATHS_H

#include "facts.h"

/*
 * Find out what stands at each persistent path, in the old subvolume and in the source.
 *
 * ephemeral    the configuration's section
 * old, source  open subvolume roots; old -1: there is none, nothing is carried
 * paths_ret    ephemeral->persist_count entries, owned by the caller; NULL when there are none
 *
 * A component that is a symbolic link or no directory, or an object that the method cannot carry,
 * is BR_ERR_SYMLINK or BR_ERR_TYPE with the path. Nothing is changed.
 */
BR_MUST_CHECK int br_facts_paths(const struct br_ephemeral *ephemeral, int old, int source,
				 struct br_path_facts **paths_ret, struct br_error *err);

#endif
