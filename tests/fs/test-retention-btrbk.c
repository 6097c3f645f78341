/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calendar counts keep what the schedule of the real btrbk keeps where the two mean the same:
 * docs/retention.md. btrbk decides from the names of snapshots and the clock, and only tells what it
 * would delete.
 */
#include "cleanup.h"
#include "image.h"
#include "random.h"
#include "retention.h"
#include "run.h"
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCHES 21
#define BATCH 10 /* histories for one run of btrbk */
#define POOL 30  /* snapshots of a history */
#define DAY 86400

static struct image *image;

static void set_up(void)
{
	image = image_create(NULL);
}

static void tear_down(void)
{
	image_free(image);
}

enum { NAME_SIZE = sizeof("snapshots/h12.20261123T190501+0000") };

struct history {
	time_t times[POOL];               /* ascending */
	unsigned limits[BR_PERIOD_COUNT]; /* btrbk's: how far to look back */
};

/* Names on the disk, which stay from batch to batch, until they are renamed. */
static char names[BATCH][POOL][NAME_SIZE];

static time_t last_monday(time_t now)
{
	return (time_t)(4 * DAY + (now - 4 * DAY) / (7 * DAY) * (7 * DAY));
}

/* At any time: hours, days and weeks are the same for both. */
static void make_times(struct random *random, struct history *history, time_t now)
{
	static const time_t scales[] = { 1500, 7200, DAY, 6 * DAY };
	time_t scale = random_of(random, scales), time = now;

	for (size_t i = POOL; i-- > 0;) {
		time -= 1 + (time_t)random_below(
				    random, (size_t)scale * (random_chance(random, 10) ? 9 : 1));
		history->times[i] = time;
	}
}

/*
 * On Mondays alone: months and years are the same too, for btrbk's begin with their first whole
 * week, and an item of a Monday belongs to the week and month that it is in.
 */
static void make_mondays(struct random *random, struct history *history, time_t now)
{
	time_t scale = (time_t)random_below(random, 12) + 1, monday = last_monday(now), time = now;

	for (size_t i = POOL; i-- > 0;) {
		time -= 1 + (time_t)random_below(random, DAY);
		if (time < monday) {
			monday -= (1 + (time_t)random_below(random, (size_t)scale)) * 7 * DAY;
			time = monday + (time_t)random_below(random, DAY);
		}
		if (time >= monday + DAY)
			time = monday + DAY - 1;
		history->times[i] = time;
	}
}

static struct history make_history(uint64_t seed, time_t now)
{
	struct random random = random_start(seed, 2);
	struct history history = { 0 };
	bool mondays = seed % 2;

	if (mondays)
		make_mondays(&random, &history, now);
	else
		make_times(&random, &history, now);
	for (size_t i = 0; i < (mondays ? BR_PERIOD_COUNT : BR_PERIOD_MONTH); i++)
		if (random_chance(&random, 50))
			history.limits[i] = (unsigned)random_below(&random, 6) + 1;
	return history;
}

static int64_t period_of(enum br_period period, time_t time)
{
	struct tm utc;

	ck_assert_ptr_nonnull(gmtime_r(&time, &utc));
	switch (period) {
	case BR_PERIOD_HOUR:
		return time / 3600;
	case BR_PERIOD_DAY:
		return time / DAY;
	case BR_PERIOD_WEEK:
		return (time / DAY + 3) / 7;
	case BR_PERIOD_MONTH:
		return 12 * utc.tm_year + utc.tm_mon;
	default:
		return utc.tm_year;
	}
}

/*
 * The setting that is equivalent for this history: btrbk looks so many periods back, we count those
 * that have an item; without gaps that is one more.
 */
static unsigned equivalent(const struct history *history, enum br_period period, time_t now)
{
	int64_t last = -1;
	unsigned count = 0;

	if (history->limits[period] == 0)
		return 0;
	for (size_t i = 0; i < POOL; i++) {
		int64_t number = period_of(period, history->times[i]);

		if (number != last && period_of(period, now) - number <= history->limits[period])
			count++;
		last = number;
	}
	return count;
}

static void decide(const struct history *history, struct br_retention_item *items, time_t now)
{
	/* btrbk never deletes the newest */
	struct br_retention_policy policy = { .keep_min = 1, .has_keep = true };

	for (enum br_period period = 0; period < BR_PERIOD_COUNT; period++)
		policy.counts[period] = equivalent(history, period, now);
	for (size_t i = 0; i < POOL; i++)
		items[i] = (struct br_retention_item){ .id = i,
						       .has_time = true,
						       .time = history->times[i] };
	br_retention_decide(items, POOL, &policy, now);
}

static void make_pool(int top)
{
	free(run_shell(top,
		       "mkdir snapshots; for h in $(seq 0 %d); do "
		       "btrfs -q subvolume create h$h; for n in $(seq 0 %d); do "
		       "btrfs -q subvolume snapshot -r h$h snapshots/$h-$n; done; done",
		       BATCH - 1, POOL - 1));
	for (size_t h = 0; h < BATCH; h++)
		for (size_t n = 0; n < POOL; n++)
			(void)snprintf(names[h][n], NAME_SIZE, "snapshots/%zu-%zu", h, n);
}

/* Out of the way first: a name of this history may be one of that before. */
static void name_snapshots(int top, size_t h, const struct history *history)
{
	char name[NAME_SIZE], stamp[32];
	struct tm utc;

	for (size_t n = 0; n < POOL; n++) {
		(void)snprintf(name, sizeof(name), "snapshots/%zu-%zu", h, n);
		ck_assert(strcmp(name, names[h][n]) == 0 ||
			  renameat(top, names[h][n], top, name) == 0);
	}
	for (size_t n = 0; n < POOL; n++) {
		(void)snprintf(name, sizeof(name), "snapshots/%zu-%zu", h, n);
		ck_assert_ptr_nonnull(gmtime_r(&history->times[n], &utc));
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S+0000", &utc);
		ck_assert_int_lt(snprintf(names[h][n], NAME_SIZE, "snapshots/h%zu.%s", h, stamp),
				 NAME_SIZE);
		ck_assert_int_eq(renameat(top, name, top, names[h][n]), 0);
	}
}

static void write_schedule(FILE *conf, size_t h, const struct history *history)
{
	static const char units[BR_PERIOD_COUNT] = { 'h', 'd', 'w', 'm', 'y' };
	bool any = false;

	(void)fprintf(conf, "  subvolume h%zu\n    snapshot_preserve", h);
	for (size_t i = 0; i < BR_PERIOD_COUNT; i++) {
		if (history->limits[i] == 0)
			continue;
		(void)fprintf(conf, " %u%c", history->limits[i], units[i]);
		any = true;
	}
	(void)fprintf(conf, "%s\n", any ? "" : " no");
}

static void write_config(int top, const struct history *histories)
{
	int fd = openat(top, "conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *conf = fd < 0 ? NULL : fdopen(fd, "w");

	ck_assert_ptr_nonnull(conf);
	(void)fprintf(conf,
		      "timestamp_format long-iso\npreserve_day_of_week monday\nvolume %s\n"
		      "  snapshot_dir snapshots\n  snapshot_preserve_min latest\n",
		      image->mountpoint);
	for (size_t h = 0; h < BATCH; h++)
		write_schedule(conf, h, &histories[h]);
	ck_assert_int_eq(fclose(conf), 0);
}

static bool would_delete(const char *schedule, const char *name)
{
	BR_AUTO_FREE char *path = NULL;
	const char *line, *end, *action;

	ck_assert(asprintf(&path, " path='%s/%s'", image->mountpoint, name) > 0);
	line = strstr(schedule, path);
	ck_assert_msg(line != NULL, "btrbk does not know %s", name);
	while (line > schedule && line[-1] != '\n')
		line--;
	end = line + strcspn(line, "\n");
	action = strstr(line, "action='delete'");
	return action && action < end;
}

/* Returns how many would go. */
static size_t compare(const char *schedule, size_t h, const struct history *history, uint64_t seed,
		      time_t now)
{
	struct br_retention_item items[POOL];
	size_t gone = 0;

	decide(history, items, now);
	for (size_t n = 0; n < POOL; n++) {
		bool goes = br_reason_is_to_go(items[n].reason);

		ck_assert_msg(would_delete(schedule, names[h][n]) == goes,
			      "history %llu, %s: btrbk %s it", (unsigned long long)seed,
			      names[h][n], goes ? "keeps" : "deletes");
		gone += goes;
	}
	return gone;
}

/* Returns how many would go; SIZE_MAX when an hour began meanwhile: btrbk has a clock of its own. */
static size_t run_batch(uint64_t batch)
{
	struct history histories[BATCH];
	time_t now = time(NULL);
	BR_AUTO_FREE char *schedule = NULL;
	size_t gone = 0;

	for (size_t h = 0; h < BATCH; h++) {
		histories[h] = make_history(batch * BATCH + h, now);
		name_snapshots(image->top, h, &histories[h]);
	}
	write_config(image->top, histories);
	schedule = run_shell(image->top,
			     "exec btrbk -c conf --dry-run --format=raw --print-schedule prune");
	if (time(NULL) / 3600 != now / 3600)
		return SIZE_MAX;
	for (size_t h = 0; h < BATCH; h++)
		gone += compare(schedule, h, &histories[h], batch * BATCH + h, now);
	return gone;
}

START_TEST(test_schedule)
{
	size_t total = 0;

	image_mount(image, NULL);
	make_pool(image->top);
	for (uint64_t batch = 0; batch < BATCHES; batch++) {
		size_t gone = run_batch(batch);

		if (gone == SIZE_MAX)
			gone = run_batch(batch);
		ck_assert_uint_ne(gone, SIZE_MAX);
		total += gone;
	}
	/* else the histories show nothing */
	ck_assert_uint_gt(total, 5 * BATCHES * BATCH);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retention-btrbk");
	TCase *tcase = suite_add_case(suite, "btrbk", set_up, tear_down, 280);

	if (!run_exists("btrbk")) {
		puts("needs btrbk");
		return SUITE_SKIPPED;
	}
	(void)setenv("TZ", "UTC", 1); /* as our calendar; there is memory for it */
	tcase_add_test(tcase, test_schedule);
	return suite_run(suite, true);
}
