/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The power is cut at any moment of one of the helper's commands: what it changes is complete before or
 * after, the next command clears up, and what it said was done is.
 */
#include "campaign.h"
#include "cleanup.h"
#include "command-cases.h"
#include "recorded-disk.h"
#include "server.h"
#include "suite.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define SIZE (512ULL << 20)

struct form {
	struct campaign_sample plain, commits;
};

static const struct form quick = { { .flushes = 2, .torn = 1 }, { .flushes = 5, .torn = 1 } };
static const struct form full = { { .flushes = 1000, .torn = 4 }, { .flushes = 1000, .torn = 2 } };

static void check_command(const struct campaign *campaign, bool is_done)
{
	const struct command_case *command = campaign->data;

	(void)image_mount(campaign->image, NULL);
	command_case_settle(command, campaign->image,
			    command_case_found(command, campaign->image, is_done));
	image_unmount(campaign->image);
}

/* Returns how many states are bad; early: those of a program that said too early that it was done. */
static unsigned run_campaign(const struct command_case *command, struct image *image,
			     enum recording_mode mode, const struct campaign_sample *sample,
			     unsigned *early)
{
	BR_AUTO_FREE char *mountpoint = image_scratch_dir();
	struct command_line line;
	struct recording recording;

	command_line_make(&line, command, mountpoint, NULL);
	const struct recording_options options = { .mode = mode,
						   .instead = line.words.word,
						   .without_device = command->standalone,
						   .stays_mounted = mountpoint };
	recording_make(&recording, image, server_state(), &options);
	command_line_free(&line);
	struct campaign campaign = { .name = command->name,
				     .recording = &recording,
				     .image = image,
				     .sample = *sample,
				     .check = check_command,
				     .data = command,
				     .reason = ", reported as done: 0",
				     .seed = campaign_seed() };
	campaign_run(&campaign);
	campaign_report(&campaign, mode == RECORDING_PLAIN      ? "as it is"
				   : mode == RECORDING_CARELESS ? "done is said too early"
								: "a commit at each call");
	recording_free(&recording);
	*early = campaign.with_reason;
	return campaign.bad;
}

/* Ends with the test. */
static struct image *begin(void)
{
	struct image *image;

	/* it would go on for minutes when the program that began it is killed */
	ck_assert_int_eq(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	server_make(SIZE, command_case_make);
	image = server_begin();
	image_unmount(image);
	return image;
}

START_TEST(test_power_cut)
{
	const struct form *form = campaign_is_full() ? &full : &quick;
	const struct command_case *command = &command_cases[_i];
	unsigned bad = 0, early;

	const char *only = getenv("BLANKROOT_CRASH_SCENARIO");

	/* one that has no look changes nothing */
	if (!command->look ||
	    (only ? strcmp(only, command->name) != 0 : command->is_long && !campaign_is_full()))
		return;
	struct image *image = begin();
	bad += run_campaign(command, image, RECORDING_PLAIN, &form->plain, &early);
	bad += run_campaign(command, image, RECORDING_COMMITS, &form->commits, &early);
	server_drop();
	ck_assert_msg(bad == 0, "%u bad states of %s", bad, command->name);
}
END_TEST

/* A control: without what waits for the disk, the snapshot that was reported is not there. */
START_TEST(test_done_too_early)
{
	static const struct campaign_sample sample = { .flushes = 1 };
	struct image *image = begin();
	unsigned early = 0, bad;

	bad = run_campaign(command_case_find("snapshot"), image, RECORDING_CARELESS, &sample,
			   &early);
	server_drop();
	ck_assert_msg(early > 0, "the rig is broken: nothing was done too early, %u bad", bad);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crash-helper");
	TCase *tcase = suite_add_case(suite, "power cut", NULL, NULL,
				      campaign_is_full() ? 1800 : 300);

	(void)campaign_seed(); /* one for all tests */
	tcase_add_loop_test(tcase, test_power_cut, 0, (int)command_case_count);
	tcase_add_test(tcase, test_done_too_early);
	return recorded_disk_suite_run(suite);
}
