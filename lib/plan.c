/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a reset, decided from facts alone. */
#include "plan.h"

#include "cleanup.h"
#include "name.h"

#include <string.h>

/* While a plan is being made. After a failed allocation additions do nothing. */
struct builder {
	const struct br_facts *facts;
	struct br_plan plan;
	bool failed;
};

/* A step to add; its strings are copied. */
struct draft {
	enum br_step_type type;
	size_t ephemeral, path;
	const char *from, *to;
	uint64_t id;
};

static bool copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return *ret || !text;
}

static void add(struct builder *b, struct draft draft)
{
	struct br_step *grown;
	struct br_step step = {
		.type = draft.type, .ephemeral = draft.ephemeral, .path = draft.path, .id = draft.id
	};

	if (b->failed)
		return;
	b->failed = true;
	grown = reallocarray(b->plan.steps, b->plan.count + 1, sizeof(*grown));
	if (!grown)
		return;
	b->plan.steps = grown;
	if (!copy_text(draft.from, &step.from))
		return;
	if (!copy_text(draft.to, &step.to)) {
		free(step.from);
		return;
	}
	grown[b->plan.count++] = step;
	b->failed = false;
}

static struct draft of(enum br_step_type type, size_t ephemeral)
{
	return (struct draft){ .type = type, .ephemeral = ephemeral, .path = BR_STEP_NO_INDEX };
}

static void add_plain(struct builder *b, enum br_step_type type)
{
	add(b, of(type, BR_STEP_NO_INDEX));
}

static void add_move(struct builder *b, enum br_step_type type, size_t ephemeral, const char *from,
		     const char *to)
{
	struct draft draft = of(type, ephemeral);

	draft.from = from;
	draft.to = to;
	add(b, draft);
}

static bool plan_has_target(const struct br_plan *plan, const char *to)
{
	for (size_t i = 0; i < plan->count; i++)
		if (plan->steps[i].to && strcmp(plan->steps[i].to, to) == 0)
			return true;
	return false;
}

static bool name_is_taken(const struct br_ephemeral_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->archive_count; i++)
		if (strcmp(facts->archives[i], name) == 0)
			return true;
	return false;
}

/*
 * The path of a new archive, different from all that exist and all that this plan makes. NULL: no
 * memory.
 */
static char *new_archive(const struct builder *b, size_t i)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];

	for (unsigned n = 1;; n++) {
		BR_AUTO_FREE char *name = br_name_archive(facts->escaped, b->facts->now, n);
		BR_AUTO_FREE char *path = name ? br_name_join(facts->archive, name) : NULL;

		if (!path)
			return NULL;
		if (!name_is_taken(facts, name) && !plan_has_target(&b->plan, path))
			return br_take_ptr(&path);
	}
}

static char *staging_path(const struct builder *b, size_t i)
{
	BR_AUTO_FREE char *name = br_name_staging(b->facts->ephemeral[i].escaped);

	return name ? br_name_join(BR_STATE_DIR, name) : NULL;
}

static void add_own_dir(struct builder *b, const char *path, bool exists, bool is_open)
{
	struct draft draft = of(exists ? BR_STEP_SECURE_DIR : BR_STEP_CREATE_DIR, BR_STEP_NO_INDEX);

	if ((exists && !is_open) || plan_has_target(&b->plan, path))
		return;
	draft.to = path;
	add(b, draft);
}

static void plan_directories(struct builder *b)
{
	add_own_dir(b, BR_STATE_DIR, b->facts->has_state_dir, b->facts->state_dir_is_open);
	for (size_t i = 0; i < b->facts->config->ephemeral_count; i++) {
		const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];

		add_own_dir(b, facts->archive, facts->has_archive_dir, facts->archive_dir_is_open);
	}
}

/*
 * An old subvolume that an interrupted run swapped out. The default moves first: a cut must not
 * leave the default at an archive.
 */
static void plan_retired_leftover(struct builder *b, size_t i, const char *staging)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];
	BR_AUTO_FREE char *archive = facts->leftover_archive ? strdup(facts->leftover_archive)
							     : new_archive(b, i);
	struct draft move = of(BR_STEP_ARCHIVE_LEFTOVER, i);

	b->failed |= !archive;
	if (b->failed)
		return;
	if (b->facts->default_id == facts->staging.id && facts->has_old)
		add_move(b, BR_STEP_SET_DEFAULT, i, NULL, b->facts->config->ephemeral[i].name);
	if (!facts->leftover_archive)
		add_move(b, BR_STEP_RECORD, i, staging, archive);
	move.from = staging;
	move.to = archive;
	move.id = facts->staging.id;
	add(b, move);
	add_move(b, BR_STEP_SEAL, i, NULL, archive);
}

static void plan_leftovers(struct builder *b, size_t i)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];
	BR_AUTO_FREE char *staging = staging_path(b, i);
	struct draft discard = of(BR_STEP_DISCARD_LEFTOVER, i);

	b->failed |= !staging;
	if (b->failed)
		return;
	if (facts->leftover == BR_LEFTOVER_RETIRED)
		plan_retired_leftover(b, i, staging);
	if (facts->leftover == BR_LEFTOVER_UNFINISHED) {
		discard.from = staging;
		discard.id = facts->staging.id;
		add(b, discard);
	}
	if (!facts->unsealed)
		return;
	if (b->facts->default_id == facts->unsealed_subvol.id && facts->has_old)
		add_move(b, BR_STEP_SET_DEFAULT, i, NULL, b->facts->config->ephemeral[i].name);
	add_move(b, BR_STEP_SEAL, i, NULL, facts->unsealed);
}

static void plan_paths(struct builder *b, size_t i)
{
	const struct br_ephemeral *config = &b->facts->config->ephemeral[i];

	for (size_t p = 0; p < config->persist_count; p++) {
		const struct br_path_facts *facts = &b->facts->ephemeral[i].paths[p];
		struct draft draft = of(BR_STEP_CARRY, i);

		draft.path = p;
		if (facts->old == BR_OBJECT_ABSENT) {
			if (facts->source != BR_OBJECT_ABSENT ||
			    config->persist[p].create == BR_CREATE_NO)
				continue;
			draft.type = BR_STEP_CREATE_PATH;
		}
		add(b, draft);
	}
}

static void plan_preparation(struct builder *b, size_t i, const char *archive)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];
	BR_AUTO_FREE char *staging = staging_path(b, i);

	b->failed |= !staging;
	if (b->failed)
		return;
	if (facts->has_old)
		add_move(b, BR_STEP_RECORD, i, NULL, archive);
	add_move(b, BR_STEP_SNAPSHOT, i, facts->source_path, staging);
	if (facts->source_has_nested)
		add_move(b, BR_STEP_SNAPSHOT_NESTED, i, facts->source_path, staging);
	plan_paths(b, i);
}

static void plan_swap(struct builder *b, size_t i)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];
	const char *name = b->facts->config->ephemeral[i].name;
	BR_AUTO_FREE char *staging = staging_path(b, i);

	b->failed |= !staging;
	if (b->failed)
		return;
	if (facts->has_old && facts->old.read_only)
		add_move(b, BR_STEP_MAKE_WRITABLE, i, name, NULL);
	add_move(b, facts->has_old ? BR_STEP_EXCHANGE : BR_STEP_PLACE, i, staging, name);
}

static void plan_retirement(struct builder *b, size_t i, const char *archive)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];
	BR_AUTO_FREE char *staging = staging_path(b, i);

	b->failed |= !staging;
	if (b->failed || !facts->has_old)
		return;
	if (b->facts->default_id == facts->old.id ||
	    (facts->leftover == BR_LEFTOVER_RETIRED && b->facts->default_id == facts->staging.id) ||
	    (facts->unsealed && b->facts->default_id == facts->unsealed_subvol.id))
		add_move(b, BR_STEP_SET_DEFAULT, i, NULL, b->facts->config->ephemeral[i].name);
	add_move(b, BR_STEP_ARCHIVE, i, staging, archive);
}

/*
 * After the swap: as long as no root was made from a changed blank, each boot tells that it
 * changed.
 */
static void plan_blank_note(struct builder *b, size_t i)
{
	const struct br_ephemeral_facts *facts = &b->facts->ephemeral[i];

	if (facts->blank_state != BR_BLANK_UNCHANGED)
		add_move(b, BR_STEP_NOTE_BLANK, i, facts->source_path, NULL);
}

/*
 * The ioctl that makes a subvolume read-only commits: all else that is to be done after the swap is
 * done before the first, and takes no commit of its own.
 */
static void plan_retirements(struct builder *b, char **archives)
{
	size_t count = b->facts->config->ephemeral_count;

	for (size_t i = 0; i < count; i++)
		plan_retirement(b, i, archives[i]);
	for (size_t i = 0; i < count; i++)
		plan_blank_note(b, i);
	for (size_t i = 0; i < count && !b->failed; i++)
		if (b->facts->ephemeral[i].has_old)
			add_move(b, BR_STEP_SEAL, i, NULL, archives[i]);
}

/*
 * May there be anything in staging but metadata? That is in the same transaction as the exchange, or
 * in one before it. File data that was written comes after nothing; and if the disk has no room for
 * what was copied, that has to show before the swap. Snapshots were committed by the ioctl that made
 * them.
 */
static bool has_to_flush(const struct builder *b)
{
	for (size_t i = 0; i < b->plan.count; i++) {
		const struct br_step *step = &b->plan.steps[i];

		if (step->type == BR_STEP_CARRY &&
		    b->facts->ephemeral[step->ephemeral].paths[step->path].old !=
			    BR_OBJECT_SUBVOLUME)
			return true;
	}
	return false;
}

/*
 * All is prepared before anything is swapped: a failure leaves every ephemeral subvolume as it was.
 */
static void plan_reset(struct builder *b, char **archives)
{
	size_t count = b->facts->config->ephemeral_count;

	plan_directories(b);
	for (size_t i = 0; i < count; i++)
		plan_leftovers(b, i);
	for (size_t i = 0; i < count && !b->failed; i++) {
		archives[i] = new_archive(b, i);
		b->failed |= !archives[i];
		if (!b->failed)
			plan_preparation(b, i, archives[i]);
	}
	if (has_to_flush(b))
		add_plain(b, BR_STEP_FLUSH);
	for (size_t i = 0; i < count; i++)
		plan_swap(b, i);
	plan_retirements(b, archives);
	add_plain(b, BR_STEP_COMMIT);
}

static int finish(struct builder *b, struct br_plan *plan_ret, struct br_error *err)
{
	if (b->failed) {
		br_plan_free(&b->plan);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, "making the plan");
	}
	*plan_ret = b->plan;
	return 0;
}

int br_plan_build(const struct br_facts *facts, bool use_request, struct br_plan *plan_ret,
		  struct br_error *err)
{
	struct builder b = { .facts = facts };
	char **archives = calloc(facts->config->ephemeral_count, sizeof(*archives));

	b.failed = !archives;
	if (use_request)
		add_plain(&b, BR_STEP_USE_REQUEST);
	if (archives)
		plan_reset(&b, archives);
	for (size_t i = 0; archives && i < facts->config->ephemeral_count; i++)
		free(archives[i]);
	free(archives);
	return finish(&b, plan_ret, err);
}

int br_plan_build_skip(struct br_plan *plan_ret, struct br_error *err)
{
	struct builder b = { 0 };

	add_plain(&b, BR_STEP_USE_REQUEST);
	return finish(&b, plan_ret, err);
}

void br_plan_free(struct br_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->steps[i].from);
		free(plan->steps[i].to);
	}
	free(plan->steps);
	*plan = (struct br_plan){ 0 };
}
