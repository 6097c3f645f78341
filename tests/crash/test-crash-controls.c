/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets that a power cut does harm, and a disk that keeps no order: cutting the power must find
 * them. When it does not, what test-crash says is worth nothing.
 */
#include "campaign.h"
#include "cleanup.h"
#include "move-then-create.h"
#include "recorded-disk.h"
#include "stage.h"
#include "suite.h"

#include <string.h>

struct control {
	const char *name, *scenario;
	enum recording_mode mode;
	bool moves_then_creates;
	bool is_strict; /* what was not written to the disk before must be there nevertheless */
	struct campaign_sample sample;
	const char *reason; /* part of what is said about at least one state */
};

static const struct control controls[] = {
	/* the moment without a root */
	{ "move, then create",
	  "plain",
	  RECORDING_COMMITS,
	  true,
	  false,
	  { .flushes = 6 },
	  "there is no root" },
	/* the new root stands on the disk, the data of what was copied does not */
	{ "data is not flushed",
	  "copied",
	  RECORDING_UNSYNCED,
	  false,
	  false,
	  { .flushes = 4 },
	  "the new root is not what it must be\nexpected: var/lib/app/unshared" },
	/* the tree is on the disk before its leaves */
	{ "a disk without order",
	  "plain",
	  RECORDING_COMMITS,
	  false,
	  false,
	  { .flushes = 10, .torn = 2, .unordered = 4 },
	  "mount" },
	/* the end is reported before anything is on the disk, and no unmount writes it */
	{ "done is said too early",
	  "unsynced",
	  RECORDING_CARELESS,
	  false,
	  false,
	  { .flushes = 2, .torn = 1 },
	  "reported as done, but root is the old one" },
	/* files written without fsync are indeed not on the disk when the reset begins */
	{ "everything was synced",
	  "unsynced",
	  RECORDING_COMMITS,
	  false,
	  true,
	  { .flushes = 6 },
	  /* the time of the write, but not what was written */
	  "found:    var/lib/app/data: mode=100640 owner=990:0 mtime=1700000002" },
};

static void record(const struct control *control, struct stage *stage, struct recording *recording)
{
	char self[4096] = "";
	const char *const instead[] = { self, MOVE_THEN_CREATE, NULL };
	struct recording_options options = stage_options(stage, control->mode);

	ck_assert(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	if (control->moves_then_creates)
		options.instead = instead;
	recording_make(recording, stage->image, &stage->base, &options);
}

START_TEST(test_control)
{
	const struct control *control = &controls[_i];
	struct scenario scenario = *scenario_find(control->scenario);
	struct stage stage;
	struct recording recording;

	if (control->is_strict)
		scenario.loose = NULL;
	stage_begin(&stage, &scenario);
	record(control, &stage, &recording);
	struct campaign campaign = campaign_of_reset(&stage, &recording);
	campaign.sample = control->sample;
	campaign.reason = control->reason;
	campaign_run(&campaign);
	campaign_report(&campaign, control->name);
	recording_free(&recording);
	stage_end(&stage);
	ck_assert_msg(campaign.with_reason > 0,
		      "the rig is broken: it finds nothing like \"%s\" in \"%s\": %u of %u states "
		      "bad",
		      control->reason, control->name, campaign.bad, campaign.states);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("crash-controls");
	TCase *tcase = suite_add_case(suite, "controls", NULL, NULL, 300);

	tcase_add_loop_test(tcase, test_control, 0, sizeof(controls) / sizeof(controls[0]));
	return suite;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], MOVE_THEN_CREATE) == 0)
		return move_then_create(argv[2]);
	(void)campaign_seed(); /* one for all tests */
	return recorded_disk_suite_run(make_suite());
}
