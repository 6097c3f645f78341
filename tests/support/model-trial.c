/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run on a world: by which configuration, asked for how, and what is to be expected of it. */
#include "model-trial.h"

#include "cleanup.h"
#include "tree.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum model_scenario choose_scenario(struct random *random)
{
	static const struct {
		enum model_scenario scenario;
		unsigned percent;
	} table[] = {
		{ SCENARIO_FROM_CMDLINE, 8 },
		{ SCENARIO_FROM_REQUEST, 6 },
		{ SCENARIO_NO_SUCH_ARCHIVE, 2 },
		{ SCENARIO_SKIP_REQUEST, 3 },
		{ SCENARIO_UNKNOWN_REQUEST, 2 },
		{ SCENARIO_CMDLINE_OVER_REQUEST, 2 },
		{ SCENARIO_DRY_RUN, 3 },
		{ SCENARIO_OFF, 1 },
		{ SCENARIO_KILLED, 12 },
		{ SCENARIO_IN_USE, 2 },
		{ SCENARIO_BLANK_WRITABLE, 2 },
		{ SCENARIO_PINNED_BY_ID, 2 },
		{ SCENARIO_LOST, 5 },
	};
	unsigned number = (unsigned)random_below(random, 100);

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (number < table[i].percent)
			return table[i].scenario;
		number -= table[i].percent;
	}
	return SCENARIO_NORMAL;
}

/* --- the configuration --- */

static void print_settings(const struct trial_ephemeral *of,
			   const struct world_ephemeral *ephemeral, struct random *random,
			   FILE *out)
{
	fprintf(out, "\tblank = \"%s\"\n\tarchive = \"%s\"\n", ephemeral->blank,
		ephemeral->archive ? ephemeral->archive : "none");
	if (of->refuses_changed_blank)
		fputs("\tblank-changed = refuse\n", out);
	else if (random_chance(random, 20))
		fputs("\tblank-changed = warn\n", out);
	if (random_chance(random, 30))
		fprintf(out, "\ton-failure = %s\n",
			random_chance(random, 50) ? "stop" : "continue");
	if (strcmp(ephemeral->name, "root") == 0 && random_chance(random, 50))
		fputs("\tmountpoint = \"/\"\n", out);
}

/* The settings, the paths, or both: each configured one in a section of its own. */
static char *format_sections(const struct trial *trial, const struct world *world,
			     struct random *random, bool with_settings, bool with_paths)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(out);
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		if (!trial->of[i].is_configured)
			continue;
		fprintf(out, "ephemeral \"%s\" {\n", world->of[i].name);
		if (with_settings)
			print_settings(&trial->of[i], &world->of[i], random, out);
		if (with_paths)
			forecast_print(&trial->of[i].paths, out);
		fputs("}\n", out);
	}
	ck_assert(fclose(out) == 0);
	return text;
}

/* In one file, or with the paths in one that is dropped in. */
static void write_config(struct trial *trial, const struct world *world, struct random *random)
{
	bool is_divided = random_chance(random, 30);
	BR_AUTO_FREE char *dir = image_scratch_dir();
	BR_AUTO_FREE char *text = format_sections(trial, world, random, true, !is_divided);
	BR_AUTO_FREE char *more = format_sections(trial, world, random, false, is_divided);
	BR_AUTO_FREE char *dropin = NULL;

	ck_assert(asprintf(&trial->config, "%s/blankroot.conf", dir) > 0);
	tree_write(AT_FDCWD, trial->config, text);
	if (!is_divided)
		return;
	ck_assert(asprintf(&dropin, "%s.d", trial->config) > 0);
	ck_assert(mkdir(dropin, 0755) == 0);
	free(br_take_ptr(&dropin));
	ck_assert(asprintf(&dropin, "%s.d/50-paths.conf", trial->config) > 0);
	tree_write(AT_FDCWD, dropin, more);
}

/* --- what is wanted --- */

static bool is_about_archive(enum model_scenario scenario)
{
	return scenario == SCENARIO_FROM_CMDLINE || scenario == SCENARIO_FROM_REQUEST ||
	       scenario == SCENARIO_CMDLINE_OVER_REQUEST || scenario == SCENARIO_LOST;
}

/* An archive of one of those that are configured. None: then it is a normal run. */
static void choose_archive(struct trial *trial, struct world *world, struct random *random)
{
	struct world_ephemeral *of = &world->of[random_below(random, WORLD_EPHEMERALS)];
	struct world_archive *archive;

	if (!of->archive || !trial->of[of - world->of].is_configured || of->archive_count == 0) {
		trial->scenario = SCENARIO_NORMAL;
		return;
	}
	archive = &of->archives[random_below(random, of->archive_count)];
	if (!archive->entry) {
		trial->scenario = SCENARIO_NORMAL;
		return;
	}
	trial->subject = of;
	trial->from = archive;
}

static void choose_subject(struct trial *trial, struct world *world, struct random *random)
{
	do
		trial->subject = &world->of[random_below(random, WORLD_EPHEMERALS)];
	while (!trial->of[trial->subject - world->of].is_configured);
}

static void say_what_is_wanted(struct trial *trial)
{
	const char *entry = trial->from ? trial->from->entry : "no-such-archive";

	switch (trial->scenario) {
	case SCENARIO_FROM_CMDLINE:
	case SCENARIO_NO_SUCH_ARCHIVE:
	case SCENARIO_CMDLINE_OVER_REQUEST:
	case SCENARIO_LOST:
		snprintf(trial->cmdline, sizeof(trial->cmdline), "quiet \"rd.blankroot.from=%s\"",
			 entry);
		break;
	case SCENARIO_FROM_REQUEST:
		snprintf(trial->request, sizeof(trial->request), "from %s\n", entry);
		break;
	case SCENARIO_UNKNOWN_REQUEST:
		snprintf(trial->request, sizeof(trial->request), "do what you like\n");
		break;
	case SCENARIO_OFF:
		snprintf(trial->cmdline, sizeof(trial->cmdline), "rd.blankroot=off");
		break;
	case SCENARIO_DRY_RUN:
		snprintf(trial->cmdline, sizeof(trial->cmdline), "rd.blankroot=dry-run");
		break;
	case SCENARIO_PINNED_BY_ID:
		snprintf(trial->cmdline, sizeof(trial->cmdline), "rootflags=noatime,subvolid=%llu",
			 (unsigned long long)trial->subject->id);
		break;
	default:
		break;
	}
	if (trial->scenario == SCENARIO_SKIP_REQUEST ||
	    trial->scenario == SCENARIO_CMDLINE_OVER_REQUEST)
		snprintf(trial->request, sizeof(trial->request), "skip\n");
}

/* --- what comes of it --- */

static bool is_from_blank(const struct trial *trial, const struct world_ephemeral *ephemeral)
{
	return !trial->from || trial->subject != ephemeral;
}

static void foretell_one(struct trial *trial, const struct world_ephemeral *ephemeral,
			 struct trial_ephemeral *of)
{
	const struct model *source = is_from_blank(trial, ephemeral) ? ephemeral->blank_now
								     : trial->from->model;

	of->expected = forecast_reset(&of->paths, ephemeral->now, source);
	trial->must_fail |= !of->expected;
	trial->must_be_refused |= of->refuses_changed_blank && is_from_blank(trial, ephemeral) &&
				  world_blank_is_changed(ephemeral);
}

/* May it as well be an archive of another one? */
static bool is_ambiguous(const struct trial *trial, const struct world *world)
{
	if (!trial->from || !trial->from->is_renamed)
		return false;
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		const struct world_ephemeral *ephemeral = &world->of[i];

		if (trial->of[i].is_configured && ephemeral != trial->subject &&
		    ephemeral->archive && strcmp(ephemeral->archive, trial->subject->archive) == 0)
			return true;
	}
	return false;
}

void trial_foretell(struct trial *trial, const struct world *world)
{
	trial->must_fail = false;
	trial->must_be_refused = is_ambiguous(trial, world);
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		model_free(trial->of[i].expected);
		trial->of[i].expected = NULL;
		if (trial->of[i].is_configured)
			foretell_one(trial, &world->of[i], &trial->of[i]);
	}
}

/* One that has nothing to be made from any more would be of no use to later trials. */
static void lose_subject(struct trial *trial, struct world *world)
{
	struct model *now = trial->subject->now;

	trial->subject->now = calloc(1, sizeof(*now));
	ck_assert_ptr_nonnull(trial->subject->now);
	trial_foretell(trial, world);
	bool can_be_lost = !trial->must_fail && !trial->must_be_refused &&
			   trial->subject != world->standard && !trial->subject->may_have_leftover;
	model_free(trial->subject->now);
	trial->subject->now = now;
	if (can_be_lost)
		world_lose(world, trial->subject);
	else
		trial->scenario = SCENARIO_FROM_CMDLINE;
}

void trial_plan(struct trial *trial, struct world *world, struct random *random)
{
	*trial = (struct trial){ .scenario = choose_scenario(random) };
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		struct trial_ephemeral *of = &trial->of[i];

		of->is_configured = i == 0 || random_chance(random, 30);
		of->refuses_changed_blank = random_chance(random, 15);
		if (of->is_configured)
			forecast_choose(&of->paths, world->of[i].now, world->of[i].blank_now,
					random);
	}
	choose_subject(trial, world, random);
	if (is_about_archive(trial->scenario))
		choose_archive(trial, world, random);
	say_what_is_wanted(trial);
	write_config(trial, world, random);
	if (trial->scenario == SCENARIO_LOST)
		lose_subject(trial, world);
	trial_foretell(trial, world);
}

bool trial_is_reset(const struct trial *trial)
{
	switch (trial->scenario) {
	case SCENARIO_NORMAL:
	case SCENARIO_KILLED:
	case SCENARIO_FROM_CMDLINE:
	case SCENARIO_FROM_REQUEST:
	case SCENARIO_CMDLINE_OVER_REQUEST:
	case SCENARIO_LOST:
		return !trial->must_fail && !trial->must_be_refused;
	default:
		return false;
	}
}

bool trial_may_end_with(const struct trial *trial, int code)
{
	bool is_refused = trial->must_be_refused;

	switch (trial->scenario) {
	case SCENARIO_SKIP_REQUEST:
	case SCENARIO_OFF:
		return code == 0;
	case SCENARIO_NO_SUCH_ARCHIVE:
	case SCENARIO_UNKNOWN_REQUEST:
	case SCENARIO_IN_USE:
		return code == 3;
	case SCENARIO_BLANK_WRITABLE:
	case SCENARIO_PINNED_BY_ID:
		is_refused = true;
		break;
	default:
		break;
	}
	if (!is_refused && !trial->must_fail)
		return code == 0;
	/* with both, it depends on which is looked at first */
	return (is_refused && code == 3) || (trial->must_fail && code == 4);
}

bool trial_uses_changed_blank(const struct trial *trial, const struct world *world)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++)
		if (trial->of[i].is_configured && is_from_blank(trial, &world->of[i]) &&
		    world_blank_is_changed(&world->of[i]))
			return true;
	return false;
}

void trial_free(struct trial *trial)
{
	for (size_t i = 0; i < WORLD_EPHEMERALS; i++) {
		model_free(trial->of[i].expected);
		forecast_clear(&trial->of[i].paths);
	}
	free(trial->config);
}
