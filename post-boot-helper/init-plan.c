/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: what has to be done, as a list of steps, and what is in the way of it. */
#include "init-plan.h"
#include "init-look.h"

#include "beneath.h"
#include "cleanup.h"
#include "mountinfo.h"
#include "name.h"
#include "record.h"
#include "retained.h"
#include "snapshot-take.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

struct init_step *init_plan_add_step(struct init_plan *plan, enum init_step_kind kind,
				     const char *path, struct br_error *err)
{
	struct init_step *grown = reallocarray(plan->steps, plan->count + 1, sizeof(*grown));
	char *copy = grown ? strdup(path) : NULL;

	if (grown)
		plan->steps = grown;
	if (!copy) {
		(void)no_memory(err);
		return NULL;
	}
	grown[plan->count] = (struct init_step){ .kind = kind, .path = copy };
	return &grown[plan->count++];
}

/* --- subvolumes and directories --- */

static bool is_ours(const struct planning *planning, const char *path, struct br_subvol *ret)
{
	return init_is_ours(planning->system->top, planning->record, path, ret);
}

static bool is_snapshot_done(const struct planning *planning)
{
	const struct init_record *record = planning->record;
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;

	return record->exists && record->snapshot[0] &&
	       br_subvol_open(planning->system->top, record->snapshot, &fd, NULL, &ignored) == 0 &&
	       br_record_get_mark(fd, BR_XATTR_PINNED) == BR_MARK_PRESENT;
}

/* *ret is owned by the caller. */
static int name_snapshot(const struct planning *planning, char **ret, struct br_error *err)
{
	const struct init_system *system = planning->system;
	struct br_snapshot_source source = { .subvolume = system->name, .fd = -1 };
	BR_AUTO_CLOSE int dir = -1;
	struct br_error none;
	int r;

	if (br_open_beneath(system->top, BR_SNAPSHOTS_DIR, O_RDONLY | O_DIRECTORY, 0, &dir, &none) <
	    0)
		dir = -1;
	r = br_snapshot_set_names(dir, &source, 1, time(NULL), err);
	if (r == 0) {
		*ret = br_name_join(BR_SNAPSHOTS_DIR, source.name);
		r = *ret ? 0 : no_memory(err);
	}
	br_snapshot_source_close(&source);
	return r;
}

static int plan_snapshot(const struct planning *planning, struct br_error *err)
{
	const struct init_record *record = planning->record;
	BR_AUTO_FREE char *name = NULL;
	int r;

	if (is_snapshot_done(planning))
		return 0;
	if (record->exists && record->snapshot[0])
		name = strdup(record->snapshot);
	else if ((r = name_snapshot(planning, &name, err)) < 0)
		return r;
	if (!name)
		return no_memory(err);
	return init_plan_add_step(planning->plan, INIT_STEP_SNAPSHOT, name, err) ? 0 : err->code;
}

static int plan_archives(const struct planning *planning, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	bool is_subvolume = false;

	if (!init_exists(planning->system->top, INIT_ARCHIVES))
		return init_plan_add_step(planning->plan, INIT_STEP_DIRECTORY, INIT_ARCHIVES, err)
			       ? 0
			       : err->code;
	if (br_open_beneath(planning->system->top, INIT_ARCHIVES, O_RDONLY | O_DIRECTORY, 0, &fd,
			    err) < 0 ||
	    br_subvol_is_root(fd, &is_subvolume, err) < 0 || is_subvolume)
		return br_error_set(err, BR_ERR_LAYOUT, 0, INIT_ARCHIVES,
				    "must be a plain directory for archives; rename what is there");
	return 0;
}

static int plan_move(const struct planning *planning, struct br_error *err)
{
	const struct init_system *system = planning->system;
	struct br_subvol subvol;

	if (!init_is_top(system) || is_ours(planning, system->name, &subvol))
		return 0;
	if (init_exists(system->top, system->name))
		return br_error_set(err, BR_ERR_LAYOUT, 0, system->name,
				    "is where the root would go, which is in the top level itself; "
				    "rename what is there");
	return init_plan_add_step(planning->plan, INIT_STEP_MOVE, system->name, err) ? 0
										     : err->code;
}

static int plan_blank(const struct planning *planning, struct br_error *err)
{
	const struct init_system *system = planning->system;
	struct br_subvol subvol;
	bool ours = is_ours(planning, system->blank, &subvol), is_empty = false;
	int r = init_look_empty(system->top, system->blank, &is_empty, err);

	if (r < 0)
		return r;
	/* an empty one comes from init --format, and would make no system but NixOS boot */
	if (ours && subvol.read_only && (init_is_nixos(system) || !is_empty))
		return 0;
	if (!ours && init_exists(system->top, system->blank))
		return br_error_set(
			err, BR_ERR_LAYOUT, 0, system->blank,
			"is there already, and is not from blankroot init; rename it, or go "
			"on by hand as docs/install.md says");
	return init_plan_add_step(planning->plan, INIT_STEP_BLANK, system->blank, err) ? 0
										       : err->code;
}

static int plan_default(const struct planning *planning, struct br_error *err)
{
	const struct init_system *system = planning->system;
	struct init_step *step;

	if (!init_is_top(system) || system->default_id != BR_SUBVOL_TOP_LEVEL)
		return 0;
	step = init_plan_add_step(planning->plan, INIT_STEP_DEFAULT, system->name, err);
	if (!step)
		return err->code;
	step->by_hand = !planning->options->write_boot_loader;
	return 0;
}

/* --- mounts --- */

static int add_nested(void *data, const char *path, uint64_t id, struct br_error *err)
{
	const struct planning *planning = data;
	BR_AUTO_CLOSE int fd = -1;
	BR_AUTO_FREE char *absolute = NULL;
	struct br_subvol subvol;
	int r;

	(void)id;
	if (strcmp(path, planning->system->name) == 0 ||
	    strcmp(path, planning->system->blank) == 0 ||
	    strncmp(path, BR_SNAPSHOTS_DIR "/", strlen(BR_SNAPSHOTS_DIR "/")) == 0 ||
	    strncmp(path, BR_STATE_DIR "/", strlen(BR_STATE_DIR "/")) == 0 ||
	    strncmp(path, INIT_ARCHIVES "/", strlen(INIT_ARCHIVES "/")) == 0)
		return 0;
	if (asprintf(&absolute, "/%s", path) < 0) {
		absolute = NULL;
		return no_memory(err);
	}
	/* one in another one is seen with that; one that is mounted already needs no line */
	if (init_mounts_cover(&planning->plan->nested, absolute) ||
	    init_mounts_cover(&planning->plan->mounts, absolute))
		return 0;
	if ((r = br_subvol_open(planning->system->top, path, &fd, &subvol, err)) < 0)
		return r;
	/* a snapshot is not a part of the system */
	return subvol.read_only ? 0 : init_mounts_add_one(&planning->plan->nested, absolute, err);
}

static int add_running_mounts(const struct planning *planning, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	int r = br_mountinfo_read(&mounts, err);

	for (size_t i = 0; r == 0 && i < mounts.count; i++)
		if (strcmp(mounts.mounts[i].target, "/") != 0)
			r = init_mounts_add_one(&planning->plan->mounts, mounts.mounts[i].target,
						err);
	return r;
}

static int find_mounts(struct planning *planning, struct br_error *err)
{
	struct init_plan *plan = planning->plan;
	BR_AUTO_FREE char *fstab = NULL;
	int r = init_read_text(&planning->files, "/etc/fstab", &fstab, err);

	if (r < 0 || (r = init_mounts_add(&plan->mounts, fstab, err)) < 0 ||
	    (planning->system->is_running && (r = add_running_mounts(planning, err)) < 0) ||
	    !init_is_top(planning->system))
		return r;
	if ((r = br_subvol_visit_nested(planning->system->fd, add_nested, planning, err)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < plan->nested.count; i++)
		r = init_mounts_add_one(&plan->mounts, plan->nested.paths[i], err);
	return r;
}

/* --- all --- */

static int make(struct planning *planning, struct br_error *err)
{
	int r;

	if ((r = find_mounts(planning, err)) < 0 ||
	    (r = init_plan_configuration(planning, err)) < 0 ||
	    (r = plan_snapshot(planning, err)) < 0 || (r = plan_archives(planning, err)) < 0 ||
	    (r = plan_move(planning, err)) < 0 || (r = init_plan_files(planning, err)) < 0 ||
	    (r = plan_default(planning, err)) < 0)
		return r;
	return plan_blank(planning, err);
}

int init_plan_make(const struct init_options *options, const struct init_system *system,
		   const struct init_record *record, struct init_plan *ret, struct br_error *err)
{
	struct init_plan plan = { 0 };
	BR_AUTO_CLOSE int moved = -1;
	struct planning planning = { options, system, record, &plan, system->files };
	struct br_subvol subvol;
	int r = 0;

	if (init_is_top(system) && is_ours(&planning, system->name, &subvol) &&
	    (r = br_subvol_open(system->top, system->name, &moved, NULL, err)) == 0) {
		planning.files = (struct system_root){ moved, "" };
	}
	if (r == 0)
		r = make(&planning, err);
	if (r < 0) {
		init_plan_free(&plan);
		return r;
	}
	*ret = plan;
	return 0;
}

bool init_plan_is_empty(const struct init_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++)
		if (!plan->steps[i].by_hand)
			return false;
	return true;
}

void init_plan_free(struct init_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		free(plan->steps[i].path);
		free(plan->steps[i].text);
		free(plan->steps[i].kept);
		free(plan->steps[i].old);
	}
	free(plan->steps);
	init_mounts_free(&plan->mounts);
	init_mounts_free(&plan->nested);
	br_config_free(&plan->preset);
	init_keeps_free(&plan->keeps);
	free(plan->configuration);
	free(plan->cmdline_old);
	free(plan->cmdline_new);
	free(plan->nix);
	*plan = (struct init_plan){ 0 };
}
