/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a subvolume shares for certain with another one. */
#include "inherited.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_uuid(const void *a, const void *b)
{
	const struct br_subvol_row *x = *(const struct br_subvol_row *const *)a;
	const struct br_subvol_row *y = *(const struct br_subvol_row *const *)b;

	return memcmp(x->uuid, y->uuid, BR_UUID_SIZE);
}

/* Of one source, by the transaction and then by the id: ids only grow. */
static int compare_parent(const void *a, const void *b)
{
	const struct br_subvol_row *x = *(const struct br_subvol_row *const *)a;
	const struct br_subvol_row *y = *(const struct br_subvol_row *const *)b;
	int order = memcmp(x->parent_uuid, y->parent_uuid, BR_UUID_SIZE);

	if (order != 0)
		return order;
	if (x->otransid != y->otransid)
		return x->otransid < y->otransid ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static const struct br_subvol_row **sorted(const struct br_subvol_table *table,
					   int (*compare)(const void *a, const void *b))
{
	const struct br_subvol_row **list = calloc(table->count + 1, sizeof(*list));

	if (!list)
		return NULL;
	for (size_t i = 0; i < table->count; i++)
		list[i] = &table->rows[i];
	qsort(list, table->count, sizeof(*list), compare);
	return list;
}

int br_inherited_begin(const struct br_subvol_table *table, struct br_inherited *ret,
		       struct br_error *err)
{
	struct br_inherited inherited = { .table = table,
					  .by_uuid = sorted(table, compare_uuid),
					  .by_parent = sorted(table, compare_parent) };

	if (!inherited.by_uuid || !inherited.by_parent) {
		br_inherited_free(&inherited);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	*ret = inherited;
	return 0;
}

const struct br_subvol_row *br_inherited_find(const struct br_inherited *inherited,
					      const uint8_t *uuid)
{
	struct br_subvol_row wanted = { 0 };
	const struct br_subvol_row *key = &wanted, **found;

	memcpy(wanted.uuid, uuid, BR_UUID_SIZE);
	found = bsearch(&key, inherited->by_uuid, inherited->table->count, sizeof(*found),
			compare_uuid);
	return found ? *found : NULL;
}

/* How many of the list come before the key, or are the key. */
static size_t count_up_to(const struct br_inherited *inherited, const struct br_subvol_row *key)
{
	size_t first = 0, end = inherited->table->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (compare_parent(&inherited->by_parent[middle], &key) <= 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first;
}

/* Was nothing in it changed since that transaction? */
static bool is_intact(const struct br_subvol_row *row, uint64_t since)
{
	return !row->is_deleted && row->ctransid != 0 && row->ctransid <= since;
}

/* The youngest intact snapshot of a source, made not later than that and before that id. */
static const struct br_subvol_row *find_snapshot(const struct br_inherited *inherited,
						 const uint8_t *source, uint64_t until, uint64_t id)
{
	struct br_subvol_row key = { .id = id - 1, .otransid = until };
	size_t at;

	memcpy(key.parent_uuid, source, BR_UUID_SIZE);
	for (at = count_up_to(inherited, &key); at > 0; at--) {
		const struct br_subvol_row *row = inherited->by_parent[at - 1];

		if (memcmp(row->parent_uuid, source, BR_UUID_SIZE) != 0)
			break;
		if (row->id < id && is_intact(row, row->otransid))
			return row;
	}
	return NULL;
}

uint64_t br_inherited_until(const struct br_inherited *inherited, const struct br_subvol_row *row)
{
	static const uint8_t none[BR_UUID_SIZE];
	const struct br_subvol_row *at = row;

	/* each source is older than its snapshot, or the file system is damaged: it ends in any case */
	while (at && memcmp(at->parent_uuid, none, BR_UUID_SIZE) != 0) {
		const struct br_subvol_row *source = br_inherited_find(inherited, at->parent_uuid);
		const struct br_subvol_row *snapshot;

		if (source && source->id >= at->id)
			return 0;
		if (source && is_intact(source, at->otransid))
			return at->otransid;
		snapshot = find_snapshot(inherited, at->parent_uuid, at->otransid, row->id);
		if (snapshot)
			return snapshot->otransid;
		at = source;
	}
	return 0;
}

void br_inherited_free(struct br_inherited *inherited)
{
	free(inherited->by_uuid);
	free(inherited->by_parent);
	*inherited = (struct br_inherited){ 0 };
}
