/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The next reset, done on copies. */
#include "rehearsal.h"

#include "apply.h"
#include "beneath.h"
#include "cleanup.h"
#include "facts.h"
#include "frozen.h"
#include "name.h"
#include "plan.h"
#include "subvol.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* The copies, and what the reset made of them. */
struct stage {
	int top;
	const struct br_config *config;
	struct br_frozen area; /* the top level of the rehearsal */
	struct br_facts facts;
	struct br_plan plan;
	struct br_step_result *results;
	struct br_error *err;
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- the copies --- */

/* Directories above a path that are not there yet. */
static int make_parents(int area, const char *path, struct br_error *err)
{
	BR_AUTO_FREE char *copy = strdup(path);

	if (!copy)
		return no_memory(err);
	for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		BR_AUTO_CLOSE int parent = -1;
		const char *name;
		int r;

		*slash = '\0';
		if ((r = br_open_parent(area, copy, &parent, &name, err)) < 0)
			return r;
		if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
			return br_error_set(err, BR_ERR_CREATE, errno, copy, NULL);
		*slash = '/';
	}
	return 0;
}

/* A subvolume with all nested ones, at the same path. What is not there is left out: the facts will tell. */
static int copy_subvolume(struct stage *stage, const char *path)
{
	BR_AUTO_CLOSE int source = -1;
	BR_AUTO_CLOSE int parent = -1;
	BR_AUTO_CLOSE int directory = -1;
	const char *name;
	int r = br_subvol_open(stage->top, path, &source, NULL, stage->err);

	if (r < 0)
		return stage->err->sys_errno == ENOENT ? 0 : r;
	if ((r = make_parents(stage->area.fd, path, stage->err)) < 0 ||
	    (r = br_open_parent(stage->area.fd, path, &parent, &name, stage->err)) < 0)
		return r;
	directory = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory < 0)
		return br_error_set(stage->err, BR_ERR_OPEN, errno, path, NULL);
	return br_subvol_snapshot_tree(source, directory, name, true, NULL, stage->err);
}

static int copy_archive(struct stage *stage, const char *directory, const char *name)
{
	BR_AUTO_FREE char *path = directory ? br_name_join(directory, name) : NULL;

	if (!directory)
		return 0;
	return path ? copy_subvolume(stage, path) : no_memory(stage->err);
}

static bool was_copied(const struct stage *stage, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(stage->config->ephemeral[j].blank, stage->config->ephemeral[i].blank) ==
		    0)
			return true;
	return false;
}

static int copy_all(struct stage *stage, const struct br_request *request)
{
	const struct br_config *config = stage->config;
	int r = 0;

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];

		r = copy_subvolume(stage, ephemeral->name);
		if (r == 0 && !was_copied(stage, i))
			r = copy_subvolume(stage, ephemeral->blank);
		if (r == 0 && request->kind == BR_REQUEST_FROM)
			r = copy_archive(stage, ephemeral->archive, request->archive);
	}
	return r;
}

/* --- the reset --- */

static uint64_t now_usec(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int reset(struct stage *stage, const struct br_request *request, struct rehearsal *rehearsal)
{
	const char *from = request->kind == BR_REQUEST_FROM ? request->archive : NULL;
	struct br_apply_input input = { .top = stage->area.fd,
					.config = stage->config,
					.facts = &stage->facts,
					.plan = &stage->plan };
	enum br_applied applied;
	uint64_t start = now_usec();
	int r;

	if ((r = br_facts_gather(stage->area.fd, stage->config, from, time(NULL), &stage->facts,
				 stage->err)) < 0 ||
	    (r = br_plan_build(&stage->facts, false, &stage->plan, stage->err)) < 0)
		return r;
	stage->results = calloc(stage->plan.count, sizeof(*stage->results));
	if (!stage->results)
		return no_memory(stage->err);
	input.results = stage->results;
	r = br_apply(&input, &applied, stage->err);
	rehearsal->usec = now_usec() - start;
	return r;
}

/* --- the comparison --- */

/* Where the old subvolume went. NULL: it was none. */
static const char *archive_of(const struct stage *stage, size_t ephemeral)
{
	for (size_t i = 0; i < stage->plan.count; i++)
		if (stage->plan.steps[i].type == BR_STEP_ARCHIVE &&
		    stage->plan.steps[i].ephemeral == ephemeral)
			return stage->plan.steps[i].to;
	return NULL;
}

static bool is_pair(const struct br_change *a, const struct br_change *b)
{
	return a->kind != b->kind &&
	       (a->kind == BR_CHANGE_DELETED || a->kind == BR_CHANGE_CREATED) &&
	       (b->kind == BR_CHANGE_DELETED || b->kind == BR_CHANGE_CREATED) &&
	       strcmp(a->path, b->path) == 0 &&
	       (a->old_mode | a->mode) == (b->old_mode | b->mode) &&
	       (a->old_size | a->size) == (b->old_size | b->size);
}

static void change_free(struct br_change *change)
{
	free(change->path);
	free(change->from);
}

/*
 * A directory that the reset makes a subvolume is another object, with all that is in it: each name is deleted and
 * created. Where type, mode and size agree that is no difference.
 */
static void drop_pairs(struct br_changes *changes)
{
	size_t kept = 0;

	for (size_t i = 0; i < changes->count; i++) {
		struct br_change *change = &changes->changes[i];

		if (i + 1 < changes->count && is_pair(change, change + 1)) {
			change_free(change);
			change_free(change + 1);
			i++;
		} else {
			changes->changes[kept++] = *change;
		}
	}
	changes->count = kept;
}

static int compare(struct stage *stage, size_t ephemeral, const struct br_persist *persist,
		   struct br_changes *changes)
{
	const struct br_changes_request request = {
		.top = stage->area.fd,
		.from = archive_of(stage, ephemeral),
		.of = stage->config->ephemeral[ephemeral].name,
		.only = persist->path,
	};
	int r = request.from ? br_changes_find(&request, changes, stage->err) : 0;

	if (r == 0 && persist->method == BR_METHOD_SUBVOLUME)
		drop_pairs(changes);
	return r;
}

static int add_path(struct stage *stage, size_t index, struct rehearsal *rehearsal)
{
	const struct br_step *step = &stage->plan.steps[index];
	const struct br_ephemeral *ephemeral = &stage->config->ephemeral[step->ephemeral];
	struct rehearsal_path *grown = reallocarray(rehearsal->paths, rehearsal->count + 1,
						    sizeof(*grown));
	struct rehearsal_path *path;

	if (!grown)
		return no_memory(stage->err);
	rehearsal->paths = grown;
	path = &grown[rehearsal->count++];
	*path = (struct rehearsal_path){ .subvolume = ephemeral->name,
					 .path = ephemeral->persist[step->path].path,
					 .stats = stage->results[index].stats,
					 .usec = stage->results[index].usec };
	return compare(stage, step->ephemeral, &ephemeral->persist[step->path], &path->changes);
}

static int compare_all(struct stage *stage, struct rehearsal *rehearsal)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < stage->plan.count; i++)
		if (stage->plan.steps[i].type == BR_STEP_CARRY)
			r = add_path(stage, i, rehearsal);
	return r;
}

int rehearse(int top, const struct br_config *config, const struct br_request *request,
	     struct rehearsal *ret, struct br_error *err)
{
	struct stage stage = { .top = top, .config = config, .area = BR_FROZEN_NONE, .err = err };
	struct rehearsal rehearsal = { 0 };
	int r;

	if ((r = br_frozen_make_area(top, &stage.area, err)) == 0 &&
	    (r = copy_all(&stage, request)) == 0 && (r = reset(&stage, request, &rehearsal)) == 0)
		r = compare_all(&stage, &rehearsal);
	free(stage.results);
	br_plan_free(&stage.plan);
	br_facts_free(&stage.facts);
	br_frozen_free(&stage.area);
	if (r < 0) {
		rehearsal_free(&rehearsal);
		return r;
	}
	*ret = rehearsal;
	return 0;
}

void rehearsal_free(struct rehearsal *rehearsal)
{
	if (!rehearsal)
		return;
	for (size_t i = 0; i < rehearsal->count; i++)
		br_changes_free(&rehearsal->paths[i].changes);
	free(rehearsal->paths);
	*rehearsal = (struct rehearsal){ 0 };
}
