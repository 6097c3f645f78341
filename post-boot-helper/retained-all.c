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

/* --- snapshots of what the configuration does not name --- */

static bool is_named(const struct br_config *config, const struct retained_all *all,
		     const char *subvolume)
{
	for (size_t i = 0; i < config->snapshots.subvolume_count; i++)
		if (strcmp(config->snapshots.subvolumes[i], subvolume) == 0)
			return true;
	for (size_t i = 0; i < all->other_count; i++)
		if (strcmp(all->others[i], subvolume) == 0)
			return true;
	return false;
}

struct others {
	const struct br_config *config;
	struct retained_all *all;
};

static int note_other(void *data, const char *name, struct br_error *err)
{
	const struct others *others = data;
	struct retained_all *all = others->all;
	BR_AUTO_FREE char *subvolume = NULL;
	char **grown;

	if (!br_name_archive_subvolume(name, &subvolume) ||
	    is_named(others->config, all, subvolume))
		return 0;
	grown = reallocarray(all->others, all->other_count + 1, sizeof(*grown));
	if (!grown)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	all->others = grown;
	grown[all->other_count++] = br_take_ptr(&subvolume);
	return 0;
}

static int find_others(const struct br_config *config, struct retained_all *all,
		       struct br_error *err)
{
	struct others others = { config, all };

	return br_retained_visit_names(&all->facts, BR_SNAPSHOTS_DIR, note_other, &others, err);
}

/* --- all --- */

static bool is_wanted(const char *subvolume, const char *only)
{
	return !only || strcmp(subvolume, only) == 0;
}

static int list_snapshots(struct retained_all *all, const char *subvolume, const char *only,
			  struct br_retention_policy policy, struct br_error *err)
{
	struct retained_group *group = &all->groups[all->count];
	int r;

	if (!is_wanted(subvolume, only))
		return 0;
	group->policy = policy;
	r = br_retained_list_snapshots(&all->facts, subvolume, &group->retained, err);
	all->count += r == 0;
	return r;
}

static int list_groups(const struct br_config *config, const char *only, struct retained_all *all,
		       struct br_error *err)
{
	const struct br_snapshots_policy *snapshots = &config->snapshots;
	const struct br_retention_policy no_rule = { .keep_min = 1 };
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
	for (size_t i = 0; r == 0 && i < snapshots->subvolume_count; i++)
		r = list_snapshots(all, snapshots->subvolumes[i], only, snapshots_policy(snapshots),
				   err);
	for (size_t i = 0; r == 0 && i < all->other_count; i++)
		r = list_snapshots(all, all->others[i], only, no_rule, err);
	return r;
}

/* What is asked for. */
struct wanted {
	const struct br_config *config;
	const char *only; /* NULL: all */
	bool is_glance;
};

static int read_all(int top, const struct wanted *wanted, struct retained_all *all,
		    struct br_error *err)
{
	const struct br_config *config = wanted->config;
	size_t most = config->ephemeral_count + config->snapshots.subvolume_count;
	int r;

	if ((r = read_request(top, &all->request, err)) < 0 ||
	    (r = br_retained_facts_read(top, all->request.archive, &all->facts, err)) < 0)
		return r;
	if (wanted->is_glance)
		br_retained_facts_use_kept(&all->facts);
	r = find_others(config, all, err);
	if (r < 0)
		return r;
	most += all->other_count;
	all->groups = calloc(most, sizeof(*all->groups));
	if (!all->groups)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	r = list_groups(config, wanted->only, all, err);
	if (r < 0)
		return r;
	if (wanted->only && all->count == 0)
		return br_error_set(err, BR_ERR_USAGE, 0, wanted->only,
				    "the configuration keeps nothing of such a subvolume");
	return 0;
}

static int read_and_decide(int top, const struct wanted *wanted, time_t now,
			   struct retained_all *ret, struct br_error *err)
{
	struct retained_all all = { 0 };
	int r = read_all(top, wanted, &all, err);

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

int retained_all_read(int top, const struct br_config *config, const char *only, time_t now,
		      struct retained_all *ret, struct br_error *err)
{
	const struct wanted wanted = { .config = config, .only = only };

	return read_and_decide(top, &wanted, now, ret, err);
}

int retained_all_glance(int top, const struct br_config *config, const char *only, time_t now,
			struct retained_all *ret, struct br_error *err)
{
	const struct wanted wanted = { .config = config, .only = only, .is_glance = true };

	return read_and_decide(top, &wanted, now, ret, err);
}

void retained_all_keep(const struct retained_all *all)
{
	BR_AUTO_FREE const struct br_retained **lists = calloc(all->count + 1, sizeof(*lists));

	for (size_t i = 0; lists && i < all->count; i++)
		lists[i] = &all->groups[i].retained;
	if (lists)
		br_retained_keep(&all->facts, lists, all->count);
}

size_t retained_all_items(const struct retained_all *all)
{
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++)
		count += all->groups[i].retained.count;
	return count;
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

/* One whose tree cannot be read cannot be opened either: that is what is said of it everywhere. */
int retained_check_readable(const struct br_retained *retained,
			    const struct br_retention_item *item, struct br_error *err)
{
	if (item->held != BR_REASON_UNREADABLE)
		return 0;
	(void)br_error_set(err, BR_ERR_OPEN, item->unreadable, item->name, NULL);
	return br_error_prefix_path(err, retained->dir);
}

int retained_all_check_readable(const struct retained_all *all, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < all->count; i++) {
		const struct br_retained *retained = &all->groups[i].retained;

		for (size_t j = 0; r == 0 && j < retained->count; j++)
			r = retained_check_readable(retained, &retained->items[j], err);
	}
	return r;
}

bool retained_is_meant(const struct br_retained *retained, const struct br_retention_item *item,
		       const char *name)
{
	size_t length = strlen(retained->dir);

	if (strcmp(item->name, name) == 0)
		return true;
	return strncmp(name, retained->dir, length) == 0 && name[length] == '/' &&
	       strcmp(name + length + 1, item->name) == 0;
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
	for (size_t i = 0; i < all->other_count; i++)
		free(all->others[i]);
	free(all->others);
	br_retained_facts_free(&all->facts);
	br_request_free(&all->request);
	*all = (struct retained_all){ 0 };
}
