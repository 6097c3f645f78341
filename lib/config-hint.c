/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Did you mean ...? */
#include "config-internal.h"

#include <string.h>

#define LENGTH_MAX 32 /* longer than any key */
#define DISTANCE_MAX 2

static size_t min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein distance: insertions, deletions and replacements between two short texts. */
static size_t distance(const char *a, const char *b)
{
	size_t row[LENGTH_MAX + 1];
	size_t columns = strlen(b);
	size_t diagonal, above;

	for (size_t j = 0; j <= columns; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < columns; j++) {
			above = row[j + 1];
			row[j + 1] = min_of(min_of(above, row[j]) + 1, diagonal + (a[i] != b[j]));
			diagonal = above;
		}
	}
	return row[columns];
}

const char *br_config_hint(const char *mistyped, const char *const *names)
{
	const char *best = NULL;
	size_t best_distance = DISTANCE_MAX + 1;
	size_t d;

	if (strlen(mistyped) < 3 || strlen(mistyped) > LENGTH_MAX)
		return NULL;
	for (; *names; names++) {
		d = distance(mistyped, *names);
		if (d < best_distance) {
			best = *names;
			best_distance = d;
		}
	}
	return best;
}
