/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which archives go because archives hold too much. */
#include "prune-overhead.h"

#include "overhead.h"
#include "volume.h"

#include <errno.h>
#include <stdlib.h>

/* What is counted together. All that goes anyway is in the first one, whatever it is, and comes first. */
enum { ARCHIVES, OTHERS, GROUPS };

/* Everything that is kept, in the order of its deletion. */
struct order {
	struct br_overhead_item *items;
	size_t count;
	size_t going; /* of them, those that go anyway */
};

static void order_add(struct order *order, const struct br_retention_item *item, size_t group)
{
	order->items[order->count++] = (struct br_overhead_item){
		.id = item->id,
		.group = group,
		.is_damaged = item->held == BR_REASON_UNREADABLE,
	};
}

static void order_going(const struct retained_all *all, struct order *order)
{
	for (size_t i = 0; i < all->count; i++)
		for (size_t j = 0; j < all->groups[i].retained.count; j++)
			if (br_reason_is_to_go(all->groups[i].retained.items[j].reason))
				order_add(order, &all->groups[i].retained.items[j], ARCHIVES);
	order->going = order->count;
}

static int compare_rank(const void *a, const void *b)
{
	uint64_t left = br_retention_rank(((const struct prune_victim *)a)->item);
	uint64_t right = br_retention_rank(((const struct prune_victim *)b)->item);

	return (left > right) - (left < right);
}

static bool may_go(const struct retained_group *group, const struct br_retention_item *item)
{
	return group->retained.kind == BR_RETAINED_ARCHIVE &&
	       !br_reason_is_absolute(item->reason) && !br_reason_is_to_go(item->reason);
}

/* All that may go for space, of all subvolumes the oldest first. */
static void order_victims(const struct retained_all *all, struct order *order,
			  struct prune_overhead *overhead)
{
	for (size_t i = 0; i < all->count; i++) {
		struct retained_group *group = &all->groups[i];

		for (size_t j = 0; j < group->retained.count; j++)
			if (may_go(group, &group->retained.items[j]))
				overhead->victims[overhead->count++] = (struct prune_victim){
					group, &group->retained.items[j]
				};
	}
	qsort(overhead->victims, overhead->count, sizeof(*overhead->victims), compare_rank);
	for (size_t i = 0; i < overhead->count; i++)
		order_add(order, overhead->victims[i].item, ARCHIVES);
}

/* What is writable is somebody else's. */
static void order_rest(const struct retained_all *all, struct order *order)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct br_retained *retained = &all->groups[i].retained;
		size_t group = retained->kind == BR_RETAINED_ARCHIVE ? ARCHIVES : OTHERS;

		for (size_t j = 0; j < retained->count; j++)
			if (!may_go(&all->groups[i], &retained->items[j]) &&
			    !br_reason_is_to_go(retained->items[j].reason) &&
			    retained->items[j].held != BR_REASON_WRITABLE)
				order_add(order, &retained->items[j], group);
	}
}

/* The first ones of them, as many as it takes. */
static void choose(const struct order *order, double max_share, struct prune_overhead *overhead)
{
	uint64_t used = overhead->used;
	size_t chosen = 0;

	overhead->left = overhead->held;
	while (chosen < overhead->count && (double)overhead->left > max_share * (double)used) {
		uint64_t freed = order->items[order->going + chosen].in_order;

		overhead->victims[chosen++].item->reason = BR_REASON_OVERHEAD;
		overhead->left -= freed;
		used -= freed < used ? freed : used;
	}
	overhead->count = chosen;
}

static int count_and_choose(int top, struct order *order, double max_share,
			    struct prune_overhead *overhead, struct br_error *err)
{
	struct br_overhead counted;
	struct br_volume volume;
	int r;

	if ((r = br_volume_read(top, &volume, err)) < 0 ||
	    (r = br_overhead_count(top, order->items, order->count, GROUPS, 0, &counted, err)) < 0)
		return r;
	overhead->held = counted.groups[ARCHIVES];
	overhead->used = volume.used;
	for (size_t i = 0; i < order->going; i++) {
		uint64_t freed = order->items[i].in_order;

		overhead->held -= freed;
		overhead->used -= freed < overhead->used ? freed : overhead->used;
	}
	br_overhead_free(&counted);
	choose(order, max_share, overhead);
	return 0;
}

int prune_overhead_find(int top, struct retained_all *all, double max_share,
			struct prune_overhead *ret, struct br_error *err)
{
	size_t count = retained_all_items(all);
	struct order order = { .items = calloc(count + 1, sizeof(*order.items)) };
	struct prune_overhead overhead = {
		.victims = calloc(count + 1, sizeof(*overhead.victims)),
	};
	int r = 0;

	if (!order.items || !overhead.victims) {
		r = br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	} else {
		order_going(all, &order);
		order_victims(all, &order, &overhead);
		order_rest(all, &order);
		/* where none may go, it need not be known how much they hold */
		if (max_share > 0 && overhead.count > 0)
			r = count_and_choose(top, &order, max_share, &overhead, err);
		else
			overhead.count = 0;
	}
	free(order.items);
	if (r < 0)
		prune_overhead_free(&overhead);
	else
		*ret = overhead;
	return r;
}

void prune_overhead_free(struct prune_overhead *overhead)
{
	if (!overhead)
		return;
	free(overhead->victims);
	*overhead = (struct prune_overhead){ 0 };
}
