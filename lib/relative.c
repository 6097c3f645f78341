/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For a subvolume, another one that is in use and has probably much in common with it. */
#include "relative.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_none(const uint8_t *uuid)
{
	static const uint8_t none[BR_UUID_SIZE];

	return memcmp(uuid, none, BR_UUID_SIZE) == 0;
}

/* What a subvolume is a snapshot of. A source is older than its snapshot, or the file system is damaged. */
static const struct br_subvol_row *find_source(const struct br_inherited *inherited,
					       const struct br_subvol_row *row)
{
	const struct br_subvol_row *source = br_inherited_find(inherited, row->parent_uuid);

	return source && source->id < row->id ? source : NULL;
}

static int add(struct br_relatives *relatives, const uint8_t *uuid, size_t distance,
	       const struct br_subvol_row *row, struct br_error *err)
{
	struct br_relative *relative;

	if (relatives->count == relatives->room) {
		size_t room = 2 * relatives->room + 64;
		struct br_relative *grown = reallocarray(relatives->list, room, sizeof(*grown));

		if (!grown)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		relatives->list = grown;
		relatives->room = room;
	}
	relative = &relatives->list[relatives->count++];
	*relative = (struct br_relative){ .distance = distance, .row = row };
	memcpy(relative->uuid, uuid, BR_UUID_SIZE);
	return 0;
}

/* At itself, and at all that it comes from, as far as that is known. */
static int add_all(struct br_relatives *relatives, const struct br_subvol_row *row,
		   struct br_error *err)
{
	const struct br_subvol_row *at = row;
	size_t distance = 0;
	int r = is_none(row->uuid) ? 0 : add(relatives, row->uuid, distance, row, err);

	while (r == 0 && at && !is_none(at->parent_uuid)) {
		r = add(relatives, at->parent_uuid, ++distance, row, err);
		at = find_source(relatives->inherited, at);
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct br_relative *x = a, *y = b;
	int order = memcmp(x->uuid, y->uuid, BR_UUID_SIZE);

	if (order != 0)
		return order;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->row->id < y->row->id) - (x->row->id > y->row->id);
}

int br_relatives_begin(const struct br_inherited *inherited,
		       bool (*is_in_use)(const void *data, const struct br_subvol_row *row),
		       const void *data, struct br_relatives *ret, struct br_error *err)
{
	struct br_relatives relatives = { .inherited = inherited };

	for (size_t i = 0; i < inherited->table->count; i++) {
		const struct br_subvol_row *row = &inherited->table->rows[i];

		if (is_in_use(data, row) && add_all(&relatives, row, err) < 0) {
			br_relatives_free(&relatives);
			return BR_ERR_NOMEM;
		}
	}
	if (relatives.count > 0)
		qsort(relatives.list, relatives.count, sizeof(*relatives.list), compare);
	*ret = relatives;
	return 0;
}

static const struct br_subvol_row *find_at(const struct br_relatives *relatives,
					   const uint8_t *uuid)
{
	size_t first = 0, end = relatives->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (memcmp(relatives->list[middle].uuid, uuid, BR_UUID_SIZE) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < relatives->count &&
			       memcmp(relatives->list[first].uuid, uuid, BR_UUID_SIZE) == 0
		       ? relatives->list[first].row
		       : NULL;
}

const struct br_subvol_row *br_relatives_find(const struct br_relatives *relatives,
					      const struct br_subvol_row *row)
{
	const struct br_subvol_row *found = is_none(row->uuid) ? NULL
							       : find_at(relatives, row->uuid);

	while (!found && row && !is_none(row->parent_uuid)) {
		found = find_at(relatives, row->parent_uuid);
		row = find_source(relatives->inherited, row);
	}
	return found;
}

void br_relatives_free(struct br_relatives *relatives)
{
	free(relatives->list);
	*relatives = (struct br_relatives){ 0 };
}
