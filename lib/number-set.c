/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A set of numbers: open addressing, at most three quarters full. */
#include "number-set.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 1024

/* Addresses are multiples of the sector size: the multiplication spreads them over the high bits. */
static uint64_t *find(const struct br_number_set *set, uint64_t number)
{
	size_t at = (size_t)((number * UINT64_C(0x9e3779b97f4a7c15)) >> 24);

	for (;; at++) {
		uint64_t *place = &set->places[at & (set->capacity - 1)];

		if (*place == 0 || *place == number)
			return place;
	}
}

static int grow(struct br_number_set *set)
{
	struct br_number_set larger = { .capacity = set->capacity ? set->capacity * 2
								  : FIRST_CAPACITY };

	larger.places = calloc(larger.capacity, sizeof(*larger.places));
	if (!larger.places)
		return -1;
	for (size_t i = 0; i < set->capacity; i++)
		if (set->places[i] != 0)
			*find(&larger, set->places[i]) = set->places[i];
	larger.used = set->used;
	free(set->places);
	*set = larger;
	return 0;
}

int br_number_set_add(struct br_number_set *set, uint64_t number, struct br_error *err)
{
	uint64_t *place;

	if (4 * (set->used + 1) > 3 * set->capacity && grow(set) != 0)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	place = find(set, number);
	if (*place == number)
		return 0;
	*place = number;
	set->used++;
	return 1;
}

void br_number_set_free(struct br_number_set *set)
{
	free(set->places);
	*set = (struct br_number_set){ 0 };
}
