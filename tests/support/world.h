/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An image on which many resets follow one another, with three ephemeral subvolumes, and what must be on it: content of
 * each of them (model.h), archives by subvolume id. Everything fails the current test when it fails, also when the image is not what it
 * must be.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "image.h"
#include "model.h"
#include "random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_EPHEMERALS = 3, WORLD_ARCHIVES_MAX = 40 };

struct world_archive {
	uint64_t id;
	uint64_t changed;    /* transaction of its last change; 0: not known yet */
	char *entry;         /* its name; NULL: not archived yet, what an interrupted run left */
	bool is_renamed;     /* the name does not say any more of which it is */
	struct model *model; /* what it was before it was retired */
};

struct world_ephemeral {
	const char *name, *escaped, *blank;
	const char *archive; /* NULL: archive = none */
	uint64_t id, changed;
	bool read_only;
	struct model *now, *blank_now;
	bool is_lost; /* nothing has its name: id is 0, and now is empty */
	struct world_blank {
		bool is_known;
		unsigned char uuid[16];
		uint64_t changed; /* transaction of its last change */
	} blank_is, blank_noted;  /* as it is, and as it was when a reset was made from it last */
	struct world_archive archives[WORLD_ARCHIVES_MAX];
	size_t archive_count;
	bool may_have_leftover; /* an interrupted run, or a failed one, came last */
};

struct world {
	struct image *image;
	struct world_ephemeral of[WORLD_EPHEMERALS];
	struct world_ephemeral *standard; /* is the default subvolume; NULL: none of them */
	uint64_t persist_changed;
	bool has_foreign; /* things of others have been put into archive directory and .blankroot */
};

/*
 * Make it, mounted, with a /dev that shows no other device than its own. Released with world_drop.
 *
 * seed  of what is in it
 */
void world_make(struct world *world, uint64_t seed);
void world_drop(struct world *world);

/* Where archives of it are: from the top level. */
const char *world_archive_dir(const struct world_ephemeral *ephemeral);

/*
 * Let time pass between two resets: changes in the ephemeral subvolumes, now and then in their blanks; marks, the
 * default subvolume, a read-only root; things of others beside the archives, and other names of these. The image is mounted.
 */
void world_live(struct world *world, struct random *random);

/* Lose an ephemeral subvolume, with all that is nested in it. The image is mounted. */
void world_lose(struct world *world, struct world_ephemeral *ephemeral);

/* Is its blank another one, or another than it was, since a reset was made from it? */
bool world_blank_is_changed(const struct world_ephemeral *ephemeral);

/* A reset was made from its blank. */
void world_note_blank(struct world_ephemeral *ephemeral);

/* Delete some of the archives, if there are many, with the btrfs program. The image is mounted. */
void world_thin_out(struct world *world, struct random *random);

/* Id of the subvolume at a path from the top level; 0: there is none. */
uint64_t world_id(const struct world *world, const char *path);

/* Assert that an ephemeral subvolume is the one it was, untouched. */
void world_check_same(const struct world *world, const struct world_ephemeral *ephemeral);

/*
 * Assert that it has been replaced by exactly this, made from the subvolume source; the one before is counted among its
 * archives. Takes expected over.
 */
void world_check_new(struct world *world, struct world_ephemeral *ephemeral, struct model *expected,
		     const char *source);

/*
 * Assert that after a complete reset of it all that was retired is in its archive directory, read-only and unchanged,
 * that nothing else is there, and that it is the default subvolume if it was.
 */
void world_check_archived(struct world *world, struct world_ephemeral *ephemeral);

/* Assert that archives, .blankroot and persistent subvolumes hold nothing that must not be there. */
void world_check_rest(const struct world *world);

/* Unmount, let "btrfs check" look at the image, mount again. */
void world_fsck(struct world *world);

#endif
