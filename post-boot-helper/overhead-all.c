/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What archives, parked subvolumes and snapshots hold that nothing else does. */
#include "overhead-all.h"

#include <errno.h>
#include <stdlib.h>

#define KINDS (BR_RETAINED_SNAPSHOT + 1)

/* No subvolume has the id 0. */
static void list_items(const struct retained_all *all, struct overhead_all *overhead)
{
	size_t at = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct br_retained *retained = &all->groups[i].retained;

		overhead->first[i] = at;
		for (size_t j = 0; j < retained->count; j++)
			overhead->items[at++] = (struct br_overhead_item){
				.id = retained->items[j].held == BR_REASON_WRITABLE
					      ? 0
					      : retained->items[j].id,
				.group = retained->kind,
				.is_damaged = retained->items[j].held == BR_REASON_UNREADABLE,
			};
	}
}

int overhead_all_count(int top, const struct retained_all *all, unsigned seconds,
		       struct overhead_all *ret, struct br_error *err)
{
	size_t count = retained_all_items(all);
	struct overhead_all overhead = {
		.items = calloc(count + 1, sizeof(*overhead.items)),
		.first = calloc(all->count + 1, sizeof(*overhead.first)),
	};
	int r;

	if (!overhead.items || !overhead.first) {
		overhead_all_free(&overhead);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	list_items(all, &overhead);
	r = br_overhead_count(top, overhead.items, count, KINDS, seconds, &overhead.counted, err);
	if (r < 0)
		overhead_all_free(&overhead);
	else
		*ret = overhead;
	return r;
}

uint64_t overhead_all_alone(const struct overhead_all *overhead, size_t group, size_t item)
{
	return overhead->items[overhead->first[group] + item].alone;
}

void overhead_all_free(struct overhead_all *overhead)
{
	if (!overhead)
		return;
	br_overhead_free(&overhead->counted);
	free(overhead->items);
	free(overhead->first);
	*overhead = (struct overhead_all){ 0 };
}
