/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All archives, parked subvolumes and snapshots of a file system. */
#include "retained-all.h"

#include "beneath.h"
#include "cleanup.h"
#include "name.h"

#include <fcntl.h>
#include <string.h>

/* What is parked was never meant to be kept. */
static struct br_retention_policy policy_of(const struct br_config *config,
					    const struct br_ephemeral *ephemeral)
{
	if (!ephemeral->archive)
		return (struct br_retention_policy){ .has_keep = true };
	return (struct br_retention_policy){
		.keep_min = config->archives.keep_min,
		.has_keep = true,
		.keep = config->archives.keep,
	};
}

/* The newest snapshot always stays: a mistake in the calendar must not take the last one. */
static struct br_retention_policy snapshots_policy(const struct br_snapshots_policy *config)
{
	return (struct br_retention_policy){
		.keep_min = 1,
		.has_keep = config->keep > 0,
		.keep = config->keep,
		.counts = { [BR_PERIOD_HOUR] = config->hourly,
			    [BR_PERIOD_DAY] = config->daily,
			    [BR_PERIOD_WEEK] = config->weekly,
			    [BR_PERIOD_MONTH] = config->monthly,
			    [BR_PERIOD_YEAR] = config->yearly },
	};
}

static int read_request(int top, struct br_request *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, err);

	if (r < 0 && err->sys_errno != ENOENT)
		return r;
	return br_request_read(state, ret, err);
}

static bool is_wanted(const char *subvolume, const char *only)
{
	return !only || strcmp(subvolume, only) == 0;
}

static int list_groups(const struct br_config *config, const char *only, struct retained_all *all,
		       struct br_error *err)
{
	const struct br_snapshots_policy *snapshots = &config->snapshots;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];

		if (!is_wanted(ephemeral->name, only))
			continue;
		all->groups[all->count].policy = policy_of(config, ephemeral);
		r = br_retained_list(&all->facts, ephemeral, &all->groups[all->count].retained,
				     err);
		all->count += r == 0;
	}
	for (size_t i = 0; r == 0 && i < snapshots->subvolume_count; i++) {
		if (!is_wanted(snapshots->subvolumes[i], only))
			continue;
		all->groups[all->count].policy = snapshots_policy(snapshots);
		r = br_retained_list_snapshots(&all->facts, snapshots->subvolumes[i],
					       &all->groups[all->count].retained, err);
		all->count += r == 0;
	}
	return r;
}

static int read_all(int top, const struct br_config *config, const char *only,
		    struct retained_all *all, struct br_error *err)
{
	size_t most = config->ephemeral_count + config->snapshots.subvolume_count;
	int r = read_request(top, &all->request, err);

	if (r < 0)
		return r;
	all->groups = calloc(most, sizeof(*all->groups));
	if (!all->groups)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if ((r = br_retained_facts_read(top, all->request.archive, &all->facts, err)) < 0 ||
	    (r = list_groups(config, only, all, err)) < 0)
		return r;
	if (only && all->count == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, only,
				    "the configuration keeps nothing of such a subvolume");
	return 0;
}

int retained_all_read(int top, const struct br_config *config, const char *only, time_t now,
		      struct retained_all *ret, struct br_error *err)
{
	struct retained_all all = { 0 };
	int r = read_all(top, config, only, &all, err);

	if (r < 0) {
		retained_all_free(&all);
		return r;
	}
	for (size_t i = 0; i < all.count; i++)
		br_retention_decide(all.groups[i].retained.items, all.groups[i].retained.count,
				    &all.groups[i].policy, now);
	*ret = all;
	return 0;
}

static void add_time(struct retained_summary *summary, time_t time)
{
	if (!summary->has_times || time < summary->oldest)
		summary->oldest = time;
	if (!summary->has_times || time > summary->newest)
		summary->newest = time;
	summary->has_times = true;
}

void retained_summarize(const struct retained_group *group, struct retained_summary *ret)
{
	*ret = (struct retained_summary){ 0 };
	for (size_t i = 0; i < group->retained.count; i++) {
		const struct br_retention_item *item = &group->retained.items[i];

		ret->good += item->good;
		ret->pinned += item->held == BR_REASON_PINNED;
		ret->to_go += br_reason_is_to_go(item->reason);
		if (item->has_time)
			add_time(ret, item->time);
	}
}

const char *retained_kind_name(enum br_retained_kind kind)
{
	static const char *const names[] = { [BR_RETAINED_ARCHIVE] = "archive",
					     [BR_RETAINED_PARKED] = "parked",
					     [BR_RETAINED_SNAPSHOT] = "snapshot" };

	return names[kind];
}

void retained_all_free(struct retained_all *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++)
		br_retained_free(&all->groups[i].retained);
	free(all->groups);
	br_retained_facts_free(&all->facts);
	br_request_free(&all->request);
	*all = (struct retained_all){ 0 };
}
