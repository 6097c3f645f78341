/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between two trees, by comparing everything in them: what br_changes_find has to find without looking
 * at everything. Everything fails the current test when it fails.
 */
#ifndef TEST_FULL_COMPARISON_H
#define TEST_FULL_COMPARISON_H

#include "changes.h"
#include "listing.h"

/*
 * Compare two trees completely. One line for each difference, sorted; as changes_describe writes it.
 *
 * Owned by the caller.
 */
char *full_comparison(const struct listing *old, const struct listing *now);

/* What was found, in the same form. Owned by the caller. */
char *changes_describe(const struct br_changes *changes);

/* Assert that the names of one tree become those of the other when the changes are made to them. */
void assert_names_follow(const struct listing *old, const struct listing *now,
			 const struct br_changes *changes);

/* Assert that the texts are the same; the message shows the first line that is not. */
void assert_same_changes(const char *expected, const char *found, const char *what);

#endif
