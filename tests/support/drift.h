/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens to a root while the system runs: random changes of every kind that a file system knows, nested
 * subvolumes included. Never leaves the subvolume, whatever symbolic links it makes. Everything unexpected fails the
 * current test.
 */
#ifndef TEST_DRIFT_H
#define TEST_DRIFT_H

#include "model.h"
#include "random.h"

/* Names that are used often. */
extern const char *const drift_names[];
extern const size_t drift_name_count;

/* Is it a name that is used, these or a rarer one, and that a configuration can name? */
bool drift_can_be_named(const char *name, size_t length);

/*
 * Change a subvolume.
 *
 * root     its root directory, open; it must be writable
 * now      what is in it
 * changes  how many to try; some will fail, for instance on an immutable file
 *
 * A tree that has become large is pruned first. Flushed afterwards.
 */
void drift(int root, const struct model *now, struct random *random, unsigned changes);

/* One change, of a kind that is counted by drift_kinds. Returns whether the kernel did it. */
bool drift_change(int root, const struct model *now, struct random *random, size_t kind);

size_t drift_kinds(void);

/* Remove an object and all that is in it: read-only, immutable or a subvolume. */
void drift_remove(int root, const char *path);

#endif
