/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cutting the power at many moments of a recorded run. */
#include "campaign.h"

#include "cleanup.h"
#include "cut.h"
#include "verdict.h"

#include <check.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DESCRIBED 3 /* bad states in full words */

bool campaign_is_full(void)
{
	const char *form = getenv("BLANKROOT_CRASH");

	return form && strcmp(form, "full") == 0;
}

uint64_t campaign_seed(void)
{
	static uint64_t seed;
	const char *text = getenv("BLANKROOT_CRASH_SEED");

	if (seed == 0 && text && *text)
		seed = strtoull(text, NULL, 0);
	/* no assertions: it is called before the first test */
	while (seed == 0) {
		if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
			seed = (uint64_t)time(NULL);
	}
	return seed;
}

static void check_reset(const struct campaign *campaign, bool is_done)
{
	const struct expect_state state = { .is_done = is_done, .swaps = campaign->swaps };

	expect_check(campaign->data, &state, campaign->image);
}

struct campaign campaign_of_reset(const struct stage *stage, const struct recording *recording)
{
	return (struct campaign){
		.name = stage->expect.scenario->name,
		.recording = recording,
		.image = stage->image,
		.check = check_reset,
		.data = &stage->expect,
		.swaps = recording->base == &stage->base ? 1 : 2,
		.seed = campaign_seed(),
	};
}

struct trial {
	const struct campaign *campaign;
	struct cut cut;
	bool is_done;
};

static void check_trial(void *data)
{
	const struct trial *trial = data;
	const struct campaign *campaign = trial->campaign;

	cut_apply(&trial->cut, campaign->recording, campaign->image);
	campaign->check(campaign, trial->is_done);
}

/*
 * What was flushed when the program ended is all that it may count on: a disk that has lost the rest
 * must hold what it said was done.
 */
static void check_cut(struct campaign *campaign, struct cut cut)
{
	struct trial trial = { .campaign = campaign,
			       .cut = cut,
			       .is_done = cut.whole >= campaign->durable };
	BR_AUTO_FREE char *message = verdict_of(check_trial, &trial, campaign->image);

	campaign->states++;
	campaign->done += trial.is_done;
	if (!message)
		return;
	campaign->with_reason += campaign->reason && strstr(message, campaign->reason);
	if (campaign->bad++ < DESCRIBED)
		printf("bad: %s: cut at entry %zu of %zu, flushed to %zu, seed %#llx, before call %s: %s\n",
		       campaign->name, cut.end, campaign->recording->log.count, cut.whole,
		       (unsigned long long)cut.seed, recording_moment(campaign->recording, cut.end),
		       message);
}

/* Begins of what is not flushed: behind each flush, and the begin of the run. */
struct flushes {
	size_t *at;
	size_t count;
};

static struct flushes find_flushes(const struct log *log)
{
	struct flushes flushes = { .at = calloc(log->count + 1, sizeof(size_t)) };

	ck_assert_ptr_nonnull(flushes.at);
	flushes.at[flushes.count++] = 0;
	for (size_t i = 0; i < log->count; i++) {
		if (log->entry[i].type == LOG_FLUSH)
			flushes.at[flushes.count++] = i + 1;
	}
	return flushes;
}

/* Index of the last one that is not behind an entry. */
static size_t last_flush(const struct flushes *flushes, size_t entry)
{
	size_t i = 0;

	while (i + 1 < flushes->count && flushes->at[i + 1] <= entry)
		i++;
	return i;
}

/* The flush itself, and cuts between it and the next. */
static void check_flush(struct campaign *campaign, const struct flushes *flushes, size_t i)
{
	const struct campaign_sample *sample = &campaign->sample;
	size_t end = i + 1 < flushes->count ? flushes->at[i + 1] - 1
					    : campaign->recording->log.count;
	size_t begin = flushes->at[i > sample->unordered ? i - sample->unordered : 0];
	uint64_t seed = cut_random(campaign->seed, i);

	if (sample->unordered == 0) {
		begin = flushes->at[i];
		check_cut(campaign, (struct cut){ .whole = begin, .end = begin });
	}
	for (unsigned n = 0; n < sample->torn && end > begin; n++) {
		size_t length = end - flushes->at[i];
		uint64_t random = cut_random(seed, n);
		size_t at = flushes->at[i] + (length > 0 ? 1 + random % length : 0);

		check_cut(campaign, (struct cut){ begin, at, random | 1 });
	}
}

/* Those before and after the calls that matter most. */
static void choose_near_renames(const struct campaign *campaign, const struct flushes *flushes,
				bool *is_chosen)
{
	const struct recording *recording = campaign->recording;

	for (size_t i = 0; i < recording->marks; i++) {
		size_t near = last_flush(flushes, recording->mark[i].entry);

		if (!strstr(recording->mark[i].name, "renameat"))
			continue;
		is_chosen[near] = true;
		is_chosen[near + 1 < flushes->count ? near + 1 : near] = true;
	}
	is_chosen[last_flush(flushes, recording->done)] = true;
	is_chosen[flushes->count - 1] = true;
}

static void choose_at_random(const struct campaign *campaign, size_t count, bool *is_chosen)
{
	unsigned wanted = campaign->sample.flushes;

	for (unsigned n = 0; n < wanted; n++) {
		size_t from = count * n / wanted, to = count * (n + 1) / wanted;

		is_chosen[to > from ? from + cut_random(campaign->seed, n) % (to - from) : from] =
			true;
	}
}

/* The program has just said that it is done. Without what is not flushed, it was a choice of ours. */
static void check_done(struct campaign *campaign)
{
	size_t done = campaign->recording->done;
	uint64_t seed = cut_random(campaign->seed, done);

	for (unsigned n = 0; n < campaign->sample.torn && done > campaign->durable; n++)
		check_cut(campaign, (struct cut){ .whole = campaign->durable,
						  .end = done,
						  .seed = cut_random(seed, n) | 1 });
}

void campaign_run(struct campaign *campaign)
{
	struct flushes flushes = find_flushes(&campaign->recording->log);
	BR_AUTO_FREE bool *is_chosen = calloc(flushes.count, sizeof(bool));

	ck_assert_ptr_nonnull(is_chosen);
	campaign->durable = flushes.at[last_flush(&flushes, campaign->recording->done)];
	choose_near_renames(campaign, &flushes, is_chosen);
	choose_at_random(campaign, flushes.count, is_chosen);
	for (size_t i = 0; i < flushes.count; i++) {
		if (is_chosen[i])
			check_flush(campaign, &flushes, i);
	}
	check_done(campaign);
	free(flushes.at);
}

struct cut campaign_cut_at(const struct recording *recording, const char *call, unsigned nth)
{
	struct flushes flushes = find_flushes(&recording->log);
	size_t at = flushes.at[flushes.count - 1];

	for (size_t i = 0; i < recording->marks; i++) {
		if (strstr(recording->mark[i].name, call) && nth-- == 0) {
			at = flushes.at[last_flush(&flushes, recording->mark[i].entry)];
			break;
		}
	}
	free(flushes.at);
	return (struct cut){ .whole = at, .end = at };
}

void campaign_report(const struct campaign *campaign, const char *what)
{
	const struct log *log = &campaign->recording->log;

	printf("%-15s %-22s %5zu writes %4zu flushes %4zu discards %5u states, %4u when done %5u bad  seed %#llx\n",
	       campaign->name, what, log_count(log, LOG_WRITE, log->count),
	       log_count(log, LOG_FLUSH, log->count), log_count(log, LOG_DISCARD, log->count),
	       campaign->states, campaign->done, campaign->bad, (unsigned long long)campaign->seed);
	(void)fflush(stdout);
	/* a disk without order holds nothing for sure */
	ck_assert(campaign->done > 0 || campaign->sample.unordered > 0);
}
