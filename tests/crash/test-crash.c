/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power is cut at any moment of a reset, and of the one after it: with what the disk was asked
 * for up to there, in any order that its cache allows, root is complete, nothing kept is short, the
 * old root is not lost, and the next reset brings everything into order. When the program has ended,
 * the new root is there.
 */
#include "campaign.h"
#include "cleanup.h"
#include "cut.h"
#include "recorded-disk.h"
#include "stage.h"
#include "suite.h"

#include <string.h>

struct form {
	struct campaign_sample plain, commits, again;
	unsigned cuts_again; /* first cuts of which the next run is cut, too */
};

static const struct form quick = {
	{ .flushes = 3, .torn = 1 }, { .flushes = 6, .torn = 1 }, { .flushes = 2 }, .cuts_again = 1
};
static const struct form full = { { .flushes = 1000, .torn = 4 },
				  { .flushes = 100, .torn = 2 },
				  { .flushes = 10, .torn = 1 },
				  .cuts_again = 5 };

static const struct form *form(void)
{
	return campaign_is_full() ? &full : &quick;
}

static unsigned run_campaign(struct stage *stage, const struct recording *recording,
			     const struct campaign_sample *sample, const char *what)
{
	struct campaign campaign = campaign_of_reset(stage, recording);

	campaign.sample = *sample;
	campaign_run(&campaign);
	campaign_report(&campaign, what);
	return campaign.bad;
}

/* The run after a cut is cut as well. */
static unsigned cut_again(struct stage *stage, const struct recording *first, unsigned n)
{
	/* all is prepared; swapped, not archived; archived; in the middle of it */
	static const struct {
		const char *call;
		unsigned nth;
	} moments[] = { { "SUBVOL_SETFLAGS", 0 },
			{ "renameat2", 1 },
			{ "renameat2", 0 },
			{ "WAIT_SYNC", 0 },
			{ "SNAP_CREATE", 1 } };
	struct recording_options options = stage_options(stage, RECORDING_COMMITS);
	struct cut cut = campaign_cut_at(first, moments[n].call, moments[n].nth);
	struct recording second;
	struct state state;

	cut_apply(&cut, first, stage->image);
	state_save(&state, stage->image);
	options.before = NULL;
	options.discards = false; /* there may be space already */
	recording_make(&second, stage->image, &state, &options);
	unsigned bad = run_campaign(stage, &second, &form()->again, "the run after a cut");
	recording_free(&second);
	state_free(&state);
	return bad;
}

START_TEST(test_power_cut)
{
	struct stage stage;
	struct recording plain, commits;
	struct recording_options options;
	unsigned bad = 0;

	stage_begin(&stage, &scenarios[_i]);
	options = stage_options(&stage, RECORDING_PLAIN);
	BR_AUTO_FREE char *mountpoint = image_scratch_dir();
	options.stays_mounted =
		mountpoint; /* else an unmount makes durable what the program forgets */
	recording_make(&plain, stage.image, &stage.base, &options);
	bad += run_campaign(&stage, &plain, &form()->plain, "as it is");
	recording_free(&plain);
	options = stage_options(&stage, RECORDING_COMMITS);
	recording_make(&commits, stage.image, &stage.base, &options);
	bad += run_campaign(&stage, &commits, &form()->commits, "a commit at each call");
	for (unsigned n = 0; n < form()->cuts_again; n++)
		bad += cut_again(&stage, &commits, n);
	recording_free(&commits);
	stage_end(&stage);
	ck_assert_msg(bad == 0, "%u bad states of %s", bad, scenarios[_i].name);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("crash");
	TCase *tcase = suite_add_case(suite, "crash", NULL, NULL, campaign_is_full() ? 1800 : 300);
	const char *only = getenv("BLANKROOT_CRASH_SCENARIO");

	for (int i = 0; i < (int)scenarios_count; i++) {
		if (!only || !*only || strcmp(only, scenarios[i].name) == 0)
			tcase_add_loop_test(tcase, test_power_cut, i, i + 1);
	}
	return suite;
}

int main(void)
{
	(void)campaign_seed(); /* one for all tests */
	return recorded_disk_suite_run(make_suite());
}
