/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each step of a plan does. */
#include "apply-step.h"

#include "beneath.h"
#include "carry.h"
#include "cleanup.h"
#include "name.h"
#include "record.h"
#include "request.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char *name_of(const struct br_run *run, const struct br_step *step)
{
	return run->input->config->ephemeral[step->ephemeral].name;
}

static int open_parent_of(const struct br_run *run, const char *path, int *fd_ret,
			  const char **name_ret)
{
	return br_open_parent(run->input->top, path, fd_ret, name_ret, run->err);
}

/* What works below an open directory knows a name alone, or what is below that. */
static int whole_path(const struct br_run *run, const char *path, const char *name)
{
	if (run->err->path[0] && strcmp(run->err->path, name) != 0)
		return br_error_prefix_path(run->err, path);
	return br_error_set(run->err, run->err->code, run->err->sys_errno, path, "%s",
			    run->err->text);
}

/* Both ends of a rename. */
struct ends {
	int from_dir, to_dir;
	const char *from_name, *to_name;
};

static void ends_close(struct ends *ends)
{
	br_cleanup_close(&ends->from_dir);
	br_cleanup_close(&ends->to_dir);
}

int br_run_rename(const struct br_run *run, const char *from, const char *to, unsigned flags)
{
	__attribute__((cleanup(ends_close))) struct ends ends = { .from_dir = -1, .to_dir = -1 };
	int r;

	if ((r = open_parent_of(run, from, &ends.from_dir, &ends.from_name)) < 0 ||
	    (r = open_parent_of(run, to, &ends.to_dir, &ends.to_name)) < 0)
		return r;
	if (renameat2(ends.from_dir, ends.from_name, ends.to_dir, ends.to_name, flags) == 0)
		return 0;
	return br_error_set(run->err, flags & RENAME_EXCHANGE ? BR_ERR_EXCHANGE : BR_ERR_RENAME,
			    errno, from, "to %s", to);
}

/* Is the subvolume at this path still the one that the plan was made for? */
static int verify(const struct br_run *run, const char *path, uint64_t id)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(run->input->top, path, &fd, &subvol, run->err);

	if (r < 0)
		return r;
	if (subvol.id != id)
		return br_error_set(run->err, BR_ERR_LAYOUT, 0, path,
				    "is no longer the subvolume it was");
	return 0;
}

static int open_state_dir(const struct br_run *run, int *fd_ret)
{
	return br_open_beneath(run->input->top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, fd_ret,
			       run->err);
}

static int step_use_request(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_CLOSE int state = -1;
	int r = open_state_dir(run, &state);

	(void)step;
	return r < 0 ? r : br_request_use_up(state, run->err);
}

/*
 * All of our directories are root's alone: an old root holds old setuid programs and old secrets.
 */
static int step_create_dir(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_FREE char *path = strdup(step->to);
	char *slash = path;

	if (!path)
		return br_error_set(run->err, BR_ERR_NOMEM, ENOMEM, step->to, NULL);
	while (slash) {
		BR_AUTO_CLOSE int parent = -1;
		const char *name;
		int r;

		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		r = open_parent_of(run, path, &parent, &name);
		if (r < 0)
			return r;
		if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
			return br_error_set(run->err, BR_ERR_CREATE, errno, path, NULL);
		if (slash)
			*slash++ = '/';
	}
	return 0;
}

static int step_secure_dir(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_open_beneath(run->input->top, step->to, O_RDONLY | O_DIRECTORY, 0, &fd,
				run->err);

	if (r < 0)
		return r;
	if (fchown(fd, 0, 0) != 0 || fchmod(fd, 0700) != 0)
		return br_error_set(run->err, BR_ERR_ATTRIBUTES, errno, step->to, NULL);
	return 0;
}

static int step_archive_leftover(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if ((r = verify(run, step->from, step->id)) < 0 ||
	    (r = br_subvol_open(run->input->top, step->from, &fd, &subvol, run->err)) < 0)
		return r;
	/* a read-only one cannot be moved; the next step seals it again */
	if (subvol.read_only && (r = br_subvol_set_read_only(fd, false, run->err)) < 0)
		return r;
	return br_run_rename(run, step->from, step->to, RENAME_NOREPLACE);
}

static int step_discard_leftover(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_CLOSE int parent = -1;
	const char *name;
	int r = open_parent_of(run, step->from, &parent, &name);

	if (r < 0)
		return r;
	r = br_subvol_delete_tree(parent, name, step->id, run->err);
	return r < 0 ? whole_path(run, step->from, name) : 0;
}

static int step_seal(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_subvol_open(run->input->top, step->to, &fd, NULL, run->err);

	if (r < 0 || (r = br_record_set_retired(fd, run->input->facts->now, run->err)) < 0)
		return r;
	return br_subvol_set_read_only(fd, true, run->err);
}

static int step_record(struct br_run *run, const struct br_step *step)
{
	const struct br_ephemeral_facts *facts = &run->input->facts->ephemeral[step->ephemeral];
	const struct br_subvol *subject = step->from ? &facts->staging : &facts->old;
	BR_AUTO_CLOSE int state = -1;
	int r = open_state_dir(run, &state);

	return r < 0 ? r
		     : br_record_write(state, facts->escaped, subject->uuid, step->to, run->err);
}

static int step_snapshot(struct br_run *run, const struct br_step *step)
{
	struct br_work *work = &run->work[step->ephemeral];
	BR_AUTO_CLOSE int source = -1;
	BR_AUTO_CLOSE int parent = -1;
	struct br_subvol subvol;
	const char *name;
	int r;

	if ((r = br_subvol_open(run->input->top, step->from, &source, NULL, run->err)) < 0 ||
	    (r = open_parent_of(run, step->to, &parent, &name)) < 0)
		return r;
	r = br_subvol_snapshot(source, parent, name, run->err);
	if (r < 0)
		return whole_path(run, step->to, name);
	if ((r = br_subvol_open(run->input->top, step->to, &work->staging, &subvol, run->err)) < 0)
		return r;
	work->staging_id = subvol.id;
	work->prepared = true;
	if (run->input->facts->ephemeral[step->ephemeral].has_old &&
	    (r = br_subvol_open(run->input->top, name_of(run, step), &work->old, NULL, run->err)) <
		    0)
		return r;
	return br_record_clear_marks(work->staging, run->err);
}

struct carried {
	const struct br_ephemeral *config;
	const struct br_path_facts *facts;
};

/* A nested subvolume inside a persistent path comes from the old root with that path. */
static bool is_outside_carried(const char *path, const void *data)
{
	const struct carried *carried = data;

	for (size_t i = 0; i < carried->config->persist_count; i++) {
		const char *persistent = carried->config->persist[i].path;
		size_t length = strlen(persistent);

		if (carried->facts[i].old != BR_OBJECT_ABSENT &&
		    strncmp(path, persistent, length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return false;
	}
	return true;
}

static int step_snapshot_nested(struct br_run *run, const struct br_step *step)
{
	const struct carried carried = {
		&run->input->config->ephemeral[step->ephemeral],
		run->input->facts->ephemeral[step->ephemeral].paths,
	};
	const struct br_subvol_filter filter = { is_outside_carried, &carried };
	BR_AUTO_CLOSE int source = -1;
	int r = br_subvol_open(run->input->top, step->from, &source, NULL, run->err);

	if (r < 0)
		return r;
	return br_subvol_snapshot_nested(source, run->work[step->ephemeral].staging, &filter,
					 &run->stats->subvolumes, run->err);
}

static int step_carry(struct br_run *run, const struct br_step *step)
{
	const struct br_persist *persist =
		&run->input->config->ephemeral[step->ephemeral].persist[step->path];
	const struct br_work *work = &run->work[step->ephemeral];
	int r = step->type == BR_STEP_CARRY
			? br_carry_path(work->old, work->staging, persist, NULL, run->stats,
					run->err)
			: br_carry_create(work->old, work->staging, persist, run->err);

	return r < 0 ? br_error_prefix_path(run->err, name_of(run, step)) : 0;
}

static int step_commit(struct br_run *run, const struct br_step *step)
{
	(void)step;
	return br_subvol_commit(run->input->top, run->err);
}

static int step_make_writable(struct br_run *run, const struct br_step *step)
{
	struct br_work *work = &run->work[step->ephemeral];
	int r = br_subvol_set_read_only(work->old, false, run->err);

	work->made_writable = r == 0;
	return r;
}

static int step_swap(struct br_run *run, const struct br_step *step)
{
	const struct br_ephemeral_facts *facts = &run->input->facts->ephemeral[step->ephemeral];
	struct br_work *work = &run->work[step->ephemeral];
	bool exchange = step->type == BR_STEP_EXCHANGE;
	int r = verify(run, step->from, work->staging_id);

	if (r < 0 || (exchange && (r = verify(run, step->to, facts->old.id)) < 0))
		return r;
	r = br_run_rename(run, step->from, step->to, exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE);
	work->swapped = r == 0;
	return r;
}

static int step_archive(struct br_run *run, const struct br_step *step)
{
	return br_run_rename(run, step->from, step->to, RENAME_NOREPLACE);
}

static int step_set_default(struct br_run *run, const struct br_step *step)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(run->input->top, step->to, &fd, &subvol, run->err);

	return r < 0 ? r : br_subvol_set_default(fd, subvol.id, run->err);
}

static int step_note_blank(struct br_run *run, const struct br_step *step)
{
	const struct br_ephemeral_facts *facts = &run->input->facts->ephemeral[step->ephemeral];
	BR_AUTO_CLOSE int state = -1;
	int r = open_state_dir(run, &state);

	return r < 0 ? r : br_record_write_blank(state, facts->escaped, &facts->source, run->err);
}

static int (*const step_functions[])(struct br_run *run, const struct br_step *step) = {
	[BR_STEP_USE_REQUEST] = step_use_request,
	[BR_STEP_CREATE_DIR] = step_create_dir,
	[BR_STEP_SECURE_DIR] = step_secure_dir,
	[BR_STEP_ARCHIVE_LEFTOVER] = step_archive_leftover,
	[BR_STEP_DISCARD_LEFTOVER] = step_discard_leftover,
	[BR_STEP_SEAL] = step_seal,
	[BR_STEP_RECORD] = step_record,
	[BR_STEP_SNAPSHOT] = step_snapshot,
	[BR_STEP_SNAPSHOT_NESTED] = step_snapshot_nested,
	[BR_STEP_CARRY] = step_carry,
	[BR_STEP_CREATE_PATH] = step_carry,
	[BR_STEP_FLUSH] = step_commit,
	[BR_STEP_MAKE_WRITABLE] = step_make_writable,
	[BR_STEP_EXCHANGE] = step_swap,
	[BR_STEP_PLACE] = step_swap,
	[BR_STEP_ARCHIVE] = step_archive,
	[BR_STEP_SET_DEFAULT] = step_set_default,
	[BR_STEP_NOTE_BLANK] = step_note_blank,
	[BR_STEP_COMMIT] = step_commit,
};

int br_run_step(struct br_run *run, const struct br_step *step)
{
	return step_functions[step->type](run, step);
}
