/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on the file system before a reset: everything the plan depends on, found without
 * changing anything and verified to be what it must be.
 */
#ifndef BR_FACTS_H
#define BR_FACTS_H

#include "blank.h"
#include "config.h"
#include "error.h"
#include "subvol.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/* What stands at a path. */
enum br_object {
	BR_OBJECT_ABSENT,
	/* a place-holder of a nested subvolume too: it is empty, and replaced like one */
	BR_OBJECT_DIRECTORY,
	BR_OBJECT_SUBVOLUME,
	BR_OBJECT_FILE,
	BR_OBJECT_OTHER,
};

struct br_path_facts {
	enum br_object old;    /* in the old subvolume */
	enum br_object source; /* in the blank, or the archive that takes its place */
};

/* What an interrupted run left under the staging name. */
enum br_leftover {
	BR_LEFTOVER_NONE,
	/* a new subvolume that never was swapped in: holds nothing of its own */
	BR_LEFTOVER_UNFINISHED,
	/* an old subvolume that was swapped out and not archived, or nobody can tell */
	BR_LEFTOVER_RETIRED,
};

struct br_ephemeral_facts {
	char *escaped; /* br_name_escape of its name */
	/* directory of its archives, from the top level; the parking place for archive = none */
	char *archive;

	bool has_old; /* false: there is no subvolume of that name */
	struct br_subvol old;

	char *source_path; /* from the top level: the blank, or an archive */
	bool source_is_archive;
	struct br_subvol source;
	enum br_blank_state blank_state; /* BR_BLANK_UNCHANGED also when the source is an archive */
	bool source_has_nested;          /* other subvolumes are nested in it */

	enum br_leftover leftover;
	struct br_subvol staging; /* of the leftover */
	/* where the interrupted run was about to archive it; NULL: unknown, or taken */
	char *leftover_archive;

	/* an archive of the last run that did not become read-only, from the top level; or NULL */
	char *unsealed;
	struct br_subvol unsealed_subvol;

	bool has_archive_dir;
	bool archive_dir_is_open; /* accessible to others than root */
	/* entries of the archive directory that would clash with a name made now */
	char **archives;
	size_t archive_count;

	struct br_path_facts *paths; /* parallel to the persistent paths of the configuration */
};

struct br_facts {
	const struct br_config *config;
	time_t now;
	bool has_state_dir;
	bool state_dir_is_open; /* accessible to others than root */
	uint64_t default_id;
	struct br_ephemeral_facts *ephemeral; /* parallel to those of the configuration */
};

/*
 * Gather the facts.
 *
 * top     the top level, open
 * config  must outlive the facts
 * from    name of an archive to start from; NULL: all start from their blanks
 * now     the time that archive names are made of
 *
 * Refuses (BR_ERR_LAYOUT) when something is not what it must be: an ephemeral subvolume missing
 * (unless an archive takes its place) or not a subvolume, a blank that is missing, no subvolume or
 * writable, an archive directory that is a subvolume, a file or a symbolic link. BR_ERR_BLANK_CHANGED: as
 * br_blank_check. BR_ERR_REQUEST: no such archive, or an ambiguous name. BR_ERR_SYMLINK, BR_ERR_TYPE: a persistent path that
 * cannot be carried; path and subvolume are named. Others as of the calls beneath. On failure *ret
 * is untouched.
 *
 * The caller frees with br_facts_free. Privilege: CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH.
 */
BR_MUST_CHECK int br_facts_gather(int top, const struct br_config *config, const char *from,
				  time_t now, struct br_facts *ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_facts_free(struct br_facts *facts);

#endif
