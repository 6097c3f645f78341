/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps of a reset, decided from facts alone. A dry run prints the plan, a run carries it out:
 * there is no other list of steps.
 */
#ifndef BR_PLAN_H
#define BR_PLAN_H

#include "error.h"
#include "facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum br_step_type {
	BR_STEP_USE_REQUEST,      /* remove the one-shot request, durably */
	BR_STEP_CREATE_DIR,       /* to: a directory of ours, mode 0700 */
	BR_STEP_SECURE_DIR,       /* to: close a directory of ours to others than root */
	BR_STEP_ARCHIVE_LEFTOVER, /* from, id: staging name of an old subvolume; to: its archive */
	BR_STEP_DISCARD_LEFTOVER, /* from, id: unfinished staging */
	BR_STEP_SEAL,             /* to: an archive that becomes read-only */
	BR_STEP_RECORD,          /* note which subvolume is about to be replaced; to: its archive */
	BR_STEP_SNAPSHOT,        /* from: source; to: staging */
	BR_STEP_SNAPSHOT_NESTED, /* from: source: the subvolumes nested in it */
	BR_STEP_CARRY,           /* path: a persistent path, old to staging */
	BR_STEP_CREATE_PATH,     /* path: a persistent path that neither old nor source has */
	BR_STEP_FLUSH,           /* what was carried or created is on disk */
	BR_STEP_MAKE_WRITABLE,   /* from: the old subvolume: a read-only one cannot be moved */
	BR_STEP_EXCHANGE,    /* from: staging; to: the name of the ephemeral subvolume. The swap. */
	BR_STEP_PLACE,       /* the same where nothing has that name */
	BR_STEP_ARCHIVE,     /* from: staging name, now the old subvolume; to: its archive */
	BR_STEP_SET_DEFAULT, /* to: becomes the default subvolume */
	BR_STEP_NOTE_BLANK,  /* from: the blank: note what it is */
	BR_STEP_COMMIT,      /* all is on disk, checked */
};

#define BR_STEP_NO_INDEX SIZE_MAX

struct br_step {
	enum br_step_type type;
	size_t ephemeral; /* index into configuration and facts; BR_STEP_NO_INDEX: of none */
	size_t path;      /* index into the persistent paths; BR_STEP_NO_INDEX: of none */
	char *from, *to;  /* paths from the top level; NULL where the type has none */
	uint64_t id;      /* of the subvolume at from, where the type says so */
};

struct br_plan {
	struct br_step *steps;
	size_t count;
};

/*
 * Make the plan of a reset.
 *
 * facts        the plan owns its strings: it does not keep the facts
 * use_request  a one-shot request is pending: it is used up first
 *
 * Pure: no system call. Returns 0 with *plan_ret owned by the caller (br_plan_free); BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_plan_build(const struct br_facts *facts, bool use_request,
				struct br_plan *plan_ret, struct br_error *err);

/*
 * The plan of a boot that keeps its root: it only uses up the one-shot request. Otherwise as above.
 */
BR_MUST_CHECK int br_plan_build_skip(struct br_plan *plan_ret, struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_plan_free(struct br_plan *plan);

/* Name of a type as used in boot.json: "snapshot". Never NULL. */
const char *br_step_name(enum br_step_type type);

/*
 * One line that tells a person what a step does; names are escaped (br_escape).
 *
 * Returns the text, owned by the caller; NULL: no memory.
 */
char *br_step_describe(const struct br_step *step, const struct br_config *config,
		       const struct br_facts *facts);

#endif
