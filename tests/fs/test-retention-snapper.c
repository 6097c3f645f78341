/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calendar counts keep what the timeline of the real snapper keeps. It runs on an image, with the
 * image's top level as its root directory, on histories made by writing the dates of snapshots into
 * their info.xml.
 */
#include "cleanup.h"
#include "image.h"
#include "random.h"
#include "retention.h"
#include "run.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define HISTORIES 220
#define POOL 20 /* snapshots, numbered from 1 */

static struct image *image;

static void set_up(void)
{
	image = image_create(NULL);
}

static void tear_down(void)
{
	image_free(image);
}

struct history {
	time_t times[POOL]; /* of snapshot n + 1 */
	size_t first;       /* those before are no part of the timeline */
	unsigned counts[BR_PERIOD_COUNT];
};

/* Mostly of one scale, so that some periods have several snapshots and others none. */
static time_t random_gap(struct random *random, time_t scale)
{
	if (random_chance(random, 10))
		return 0;
	if (random_chance(random, 15))
		scale *= 20;
	return (time_t)random_below(random, (size_t)scale);
}

static struct history make_history(uint64_t seed, time_t now)
{
	static const time_t scales[] = { 1800, 7200, 86400, 4 * 86400, 20 * 86400, 120 * 86400 };
	struct random random = random_start(seed, 1);
	struct history history = { .first = random_below(&random, 8) };
	time_t scale = random_of(&random, scales);
	time_t time = now - 10 - random_gap(&random, scale);
	bool jumbled = random_chance(&random, 30);

	for (size_t i = POOL; i-- > 0;) {
		history.times[i] = time;
		time -= random_gap(&random, scale);
		/* a clock that was wrong for one snapshot, or for all before */
		if (jumbled && random_chance(&random, 15))
			history.times[i] -= random_gap(&random, 5 * scale);
		if (jumbled && random_chance(&random, 10) && time + scale < now - 10)
			time += scale;
	}
	for (size_t i = 0; i < BR_PERIOD_COUNT; i++)
		history.counts[i] = random_chance(&random, 50) ? (unsigned)random_below(&random, 5)
							       : 0;
	history.counts[seed % BR_PERIOD_COUNT]++;
	return history;
}

static void write_file(int top, const char *path, const char *text)
{
	BR_AUTO_CLOSE int fd = openat(top, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_msg(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s",
		      path);
}

static void write_config(int top, const struct history *history)
{
	BR_AUTO_FREE char *text = NULL;
	const unsigned *counts = history->counts;

	ck_assert(asprintf(&text,
			   "SUBVOLUME=\"/data\"\nFSTYPE=\"btrfs\"\nQGROUP=\"\"\n"
			   "TIMELINE_CLEANUP=\"yes\"\nTIMELINE_MIN_AGE=\"0\"\n"
			   "TIMELINE_LIMIT_HOURLY=\"%u\"\nTIMELINE_LIMIT_DAILY=\"%u\"\n"
			   "TIMELINE_LIMIT_WEEKLY=\"%u\"\nTIMELINE_LIMIT_MONTHLY=\"%u\"\n"
			   "TIMELINE_LIMIT_QUARTERLY=\"0\"\nTIMELINE_LIMIT_YEARLY=\"%u\"\n",
			   counts[BR_PERIOD_HOUR], counts[BR_PERIOD_DAY], counts[BR_PERIOD_WEEK],
			   counts[BR_PERIOD_MONTH], counts[BR_PERIOD_YEAR]) > 0);
	write_file(top, "etc/snapper/configs/data", text);
}

static void write_info(int top, size_t number, time_t time, bool in_timeline)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *text = NULL;
	char date[sizeof("2026-11-23 19:05:01")];
	struct tm utc;

	ck_assert_ptr_nonnull(gmtime_r(&time, &utc));
	ck_assert_uint_gt(strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &utc), 0);
	ck_assert(asprintf(&path, "data/.snapshots/%zu/info.xml", number) > 0);
	ck_assert(asprintf(&text,
			   "<?xml version=\"1.0\"?>\n<snapshot>\n  <type>single</type>\n"
			   "  <num>%zu</num>\n  <date>%s</date>\n%s</snapshot>\n",
			   number, date, in_timeline ? "  <cleanup>timeline</cleanup>\n" : "") > 0);
	write_file(top, path, text);
}

static bool exists(int top, size_t number)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "data/.snapshots/%zu/snapshot", number);
	return tree_exists(top, path);
}

static void prepare(int top, const struct history *history)
{
	/* what the history before lost */
	free(run_shell(top,
		       "cd data/.snapshots; for n in $(seq %d); do [ -e $n/snapshot ] || "
		       "{ mkdir -p $n; btrfs -q subvolume snapshot -r .. $n/snapshot; }; done",
		       POOL));
	write_config(top, history);
	for (size_t i = 0; i < POOL; i++)
		write_info(top, i + 1, history->times[i], i >= history->first);
}

static void make_snapper_root(int top)
{
	free(run_shell(top, "mkdir -p etc/default etc/snapper/configs var/log; "
			    "echo 'SNAPPER_CONFIGS=\"data\"' >etc/default/snapper; "
			    "btrfs -q subvolume create data; "
			    "btrfs -q subvolume create data/.snapshots"));
}

static void decide(const struct history *history, struct br_retention_item *items, time_t now)
{
	struct br_retention_policy policy = { 0 };

	memcpy(policy.counts, history->counts, sizeof(policy.counts));
	for (size_t i = history->first; i < POOL; i++)
		items[i] = (struct br_retention_item){ .id = i + 1,
						       .has_time = true,
						       .time = history->times[i] };
	br_retention_decide(items + history->first, POOL - history->first, &policy, now);
}

/* Returns how many went. */
static size_t compare(uint64_t seed, time_t now)
{
	struct history history = make_history(seed, now);
	struct br_retention_item items[POOL];
	size_t gone = 0;

	prepare(image->top, &history);
	decide(&history, items, now);
	run_ok(image->top, "snapper", "--root", image->mountpoint, "--no-dbus", "-c", "data",
	       "cleanup", "timeline");
	for (size_t i = history.first; i < POOL; i++) {
		bool goes = br_reason_is_to_go(items[i].reason);

		ck_assert_msg(exists(image->top, i + 1) == !goes,
			      "history %llu, snapshot %zu of %lld: snapper %s it",
			      (unsigned long long)seed, i + 1, (long long)history.times[i],
			      goes ? "keeps" : "deletes");
		gone += goes;
	}
	return gone;
}

START_TEST(test_timeline)
{
	size_t gone = 0;

	image_mount(image, NULL);
	make_snapper_root(image->top);
	for (uint64_t seed = 0; seed < HISTORIES; seed++)
		gone += compare(seed, time(NULL));
	/* else the histories show nothing */
	ck_assert_uint_gt(gone, 3 * HISTORIES);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("retention-snapper");
	TCase *tcase = suite_add_case(suite, "snapper", set_up, tear_down, 280);

	if (!run_exists("snapper")) {
		puts("needs snapper");
		return SUITE_SKIPPED;
	}
	(void)setenv("TZ", "UTC", 1); /* as our calendar; there is memory for it */
	tcase_add_test(tcase, test_timeline);
	return suite_run(suite, true);
}
