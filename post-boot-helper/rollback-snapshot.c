/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot rollback SNAPSHOT: a persistent subvolume goes back to a snapshot of it, now. */
#include "rollback-snapshot.h"

#include "audit.h"
#include "cleanup.h"
#include "fstab.h"
#include "mountinfo.h"
#include "name.h"
#include "retained-all.h"
#include "snapshot-rollback.h"
#include "text.h"
#include "tree-users.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_ephemeral(const struct br_config *config, const char *subvolume)
{
	for (size_t i = 0; i < config->ephemeral_count; i++)
		if (strcmp(config->ephemeral[i].name, subvolume) == 0)
			return true;
	return false;
}

bool rollback_is_of_snapshot(const struct br_config *config, const char *name,
			     const char **entry_ret)
{
	static const char dir[] = BR_SNAPSHOTS_DIR "/";
	bool is_path = strncmp(name, dir, strlen(dir)) == 0;
	BR_AUTO_FREE char *subvolume = NULL;

	*entry_ret = is_path ? name + strlen(dir) : name;
	return is_path ||
	       (br_name_archive_subvolume(name, &subvolume) && !is_ephemeral(config, subvolume));
}

/* --- may it be replaced? --- */

static void tell_use(const char *who, const char *how, const char *what)
{
	(void)fputs("blankroot rollback: ", stderr);
	br_text_put_name(stderr, who);
	(void)fprintf(stderr, " %s ", how);
	br_text_put_name(stderr, what);
	(void)fputc('\n', stderr);
}

static void tell_mounts(const struct br_mountinfo *mounts, const struct br_rollback *rollback,
			size_t *count)
{
	struct br_mountinfo rest = *mounts;
	const struct br_mount *mount;

	while ((mount = br_mountinfo_find_btrfs(&rest, rollback->top, rollback->subvolume))) {
		tell_use(mount->root, "is mounted at", mount->target);
		(*count)++;
		rest.count -= (size_t)(mount + 1 - rest.mounts);
		rest.mounts += mount + 1 - rest.mounts;
	}
}

static int tell_processes(const struct br_rollback *rollback, size_t *count, struct br_error *err)
{
	struct tree_users users;
	int r = tree_users_find(rollback->current, rollback->current, &users, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < users.count; i++) {
		char who[sizeof(users.users[i].command) + 32];

		(void)snprintf(who, sizeof(who), "process %d (%s)", (int)users.users[i].pid,
			       users.users[i].command);
		tell_use(who, users.users[i].how, users.users[i].path);
	}
	*count += users.count;
	tree_users_free(&users);
	return 0;
}

static int check_use(const struct br_retained_facts *facts, const struct br_rollback *rollback,
		     bool force, bool *in_use_ret, struct br_error *err)
{
	size_t count = 0;
	int r;

	*in_use_ret = false;
	if (rollback->current < 0)
		return 0;
	tell_mounts(&facts->mounts, rollback, &count);
	if ((r = tell_processes(rollback, &count, err)) < 0)
		return r;
	*in_use_ret = count > 0;
	if (count > 0 && !force)
		return br_error_set(
			err, BR_ERR_IN_USE, 0, rollback->subvolume,
			"what uses it would go on with the state that is replaced; unmount it "
			"and stop the processes, or use --force and restart them, or the "
			"machine, right after");
	return 0;
}

/* By its id, a mount would show the former state again, from where that is kept. */
static int check_fstab(const struct br_rollback *rollback, struct br_error *err)
{
	BR_AUTO_FREE char *where = NULL;
	char filesystem[BR_FSID_SIZE];
	int r;

	if (rollback->current < 0)
		return 0;
	if ((r = br_subvol_fsid(rollback->top, filesystem, err)) < 0 ||
	    (r = fstab_find_subvolid(filesystem, rollback->subvol.id, &where, err)) < 0)
		return r;
	if (where)
		return br_error_set(
			err, BR_ERR_LAYOUT, 0, FSTAB_PATH,
			"it mounts the former state at %s by its id; write subvol=%s instead "
			"of subvolid=%" PRIu64,
			where, rollback->subvolume, rollback->subvol.id);
	return 0;
}

/* --- doing --- */

/* Output that is lost is found when it is closed. */
static void tell(const struct br_rollback *rollback, const char *snapshot, const char *how)
{
	br_text_put_name(stdout, rollback->subvolume);
	(void)fputs(how, stdout);
	(void)fputs(BR_SNAPSHOTS_DIR "/", stdout);
	br_text_put_name(stdout, snapshot);
	(void)putchar('\n');
}

static void tell_kept(const char *kept, bool in_use)
{
	if (!kept)
		return;
	(void)fputs("what it was is kept; to go back: blankroot rollback ", stdout);
	br_text_put_name(stdout, kept);
	(void)putchar('\n');
	if (in_use)
		(void)puts("whoever uses it goes on with what it was, until it is mounted anew");
}

static int run(const struct br_rollback *rollback, const char *snapshot, bool in_use,
	       struct br_error *err)
{
	BR_AUTO_FREE char *kept = NULL;
	int r = br_rollback_run(rollback, in_use, time(NULL), &kept, err);

	audit_result("rollback-snapshot", BR_SNAPSHOTS_DIR, snapshot, r, err);
	if (r == 0 || kept) {
		tell(rollback, snapshot, " is now as it was at ");
		tell_kept(kept, in_use);
	}
	return r;
}

static int refuse_unfinished_deletion(const struct br_retained_facts *facts, const char *snapshot,
				      const struct br_rollback *rollback, struct br_error *err)
{
	struct br_subvol subvol;
	int r = br_subvol_stat(rollback->snapshot, &subvol, err);

	if (r < 0)
		return r;
	return subvol.id == facts->deleting
		       ? br_error_set(err, BR_ERR_IN_USE, 0, snapshot,
				      "its deletion has begun: part of it may be gone")
		       : 0;
}

int rollback_snapshot(const struct filesystem *filesystem, const char *snapshot, bool force,
		      bool dry_run, struct br_error *err)
{
	__attribute__((cleanup(br_rollback_close))) struct br_rollback rollback = { .snapshot = -1,
										    .current = -1 };
	__attribute__((cleanup(br_retained_facts_free))) struct br_retained_facts facts = { 0 };
	bool in_use;
	int r;

	if ((r = br_rollback_open(filesystem->top, snapshot, &rollback, err)) < 0)
		return r;
	if (is_ephemeral(&filesystem->config, rollback.subvolume))
		return br_error_set(
			err, BR_ERR_USAGE, 0, snapshot,
			"is of a subvolume that every boot replaces; only a persistent one can be "
			"rolled back to a snapshot");
	if ((r = br_retained_facts_read(filesystem->top, NULL, &facts, err)) < 0 ||
	    (r = refuse_unfinished_deletion(&facts, snapshot, &rollback, err)) < 0 ||
	    (r = check_fstab(&rollback, err)) < 0 ||
	    (r = check_use(&facts, &rollback, force || dry_run, &in_use, err)) < 0)
		return r;
	if (!dry_run)
		return run(&rollback, snapshot, in_use, err);
	tell(&rollback, snapshot, " would be as it was at ");
	return 0;
}
