/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on the file system before a reset, verified to be what it must be. */
#include "facts.h"

#include "beneath.h"
#include "cleanup.h"
#include "facts-paths.h"
#include "name.h"
#include "record.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* What the gathering functions share while they work on one ephemeral subvolume. */
struct gather {
	int top;
	int state; /* BR_STATE_DIR, -1: absent */
	const struct br_ephemeral *config;
	struct br_ephemeral_facts *facts;
	struct br_error *err;
};

static bool is_open_to_others(const struct stat *st)
{
	return (st->st_mode & 077) != 0 || st->st_uid != 0;
}

/*
 * A directory of ours: absent (*fd_ret -1) or a plain directory, never a subvolume, a file or a
 * link.
 */
static int open_own_dir(int top, const char *path, int *fd_ret, bool *is_open_ret,
			struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	bool is_subvolume = false;
	struct stat st;
	int r = br_open_beneath(top, path, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	*fd_ret = -1;
	if (r < 0 && err->sys_errno == ENOENT)
		return 0;
	if (r < 0 && (r == BR_ERR_SYMLINK || err->sys_errno == ENOTDIR))
		return br_error_set(err, BR_ERR_LAYOUT, 0, path,
				    "must be a plain directory; rename what is there");
	if (r < 0)
		return r;
	if (br_subvol_is_root(fd, &is_subvolume, err) < 0)
		return br_error_name(err, path);
	if (is_subvolume)
		return br_error_set(err, BR_ERR_LAYOUT, 0, path,
				    "must be a plain directory, but is a subvolume");
	if (fstat(fd, &st) != 0)
		return br_error_set(err, BR_ERR_STAT, errno, path, NULL);
	*is_open_ret = is_open_to_others(&st);
	*fd_ret = br_take_fd(&fd);
	return 0;
}

/* Is there a subvolume at this path? *fd_ret is -1 when nothing is there at all. */
static int open_optional_subvol(int top, const char *path, int *fd_ret, struct br_subvol *ret,
				struct br_error *err)
{
	int r = br_subvol_open(top, path, fd_ret, ret, err);

	if (r < 0 && r != BR_ERR_LAYOUT && err->sys_errno == ENOENT) {
		*fd_ret = -1;
		return 0;
	}
	if (r == BR_ERR_SYMLINK || (r == BR_ERR_OPEN && err->sys_errno == ENOTDIR))
		return br_error_set(err, BR_ERR_LAYOUT, 0, path, "must be a subvolume");
	return r;
}

static int gather_old(struct gather *g, int *old_ret)
{
	int r = open_optional_subvol(g->top, g->config->name, old_ret, &g->facts->old, g->err);

	if (r < 0)
		return br_error_context(g->err, "ephemeral subvolume");
	g->facts->has_old = *old_ret >= 0;
	if (!g->facts->has_old && !g->facts->source_is_archive)
		return br_error_set(
			g->err, BR_ERR_LAYOUT, 0, g->config->name,
			"there is no such subvolume; boot with rd.blankroot.from=ARCHIVE to start "
			"from an archive, or snapshot %s to it",
			g->config->blank);
	return 0;
}

static int gather_source(struct gather *g, int *source_ret)
{
	const struct br_subvol *source = &g->facts->source;
	int r = open_optional_subvol(g->top, g->facts->source_path, source_ret, &g->facts->source,
				     g->err);

	if (r < 0)
		return br_error_context(g->err, "blank");
	if (*source_ret < 0)
		return br_error_set(g->err, BR_ERR_LAYOUT, 0, g->facts->source_path,
				    "the blank of %s does not exist", g->config->name);
	if (!g->facts->source_is_archive && !source->read_only)
		return br_error_set(
			g->err, BR_ERR_LAYOUT, 0, g->facts->source_path,
			"the blank of %s is not read-only, so nobody can tell whether it still is "
			"blank; check it, then: btrfs property set -ts PATH ro true",
			g->config->name);
	if (g->facts->has_old && source->id == g->facts->old.id)
		return br_error_set(g->err, BR_ERR_LAYOUT, 0, g->facts->source_path,
				    "is the ephemeral subvolume %s itself", g->config->name);
	r = br_subvol_has_nested(*source_ret, "", &g->facts->source_has_nested, g->err);
	if (r < 0)
		return br_error_name(g->err, g->facts->source_path);
	if (g->facts->source_is_archive)
		return 0;
	return br_blank_check(g->state, g->facts->escaped, g->config, source,
			      &g->facts->blank_state, g->err);
}

/*
 * An old subvolume must never be taken for an unfinished one. It is called unfinished only when
 * two facts agree: it is younger than the one in use, and the one in use is the one that the
 * interrupted run was about to replace. The record is in the same transaction as staging's
 * creation, or an earlier one.
 */
static enum br_leftover judge_leftover(const struct br_ephemeral_facts *facts,
				       const struct br_record *record)
{
	bool record_names_old = record->exists && facts->has_old &&
				memcmp(record->uuid, facts->old.uuid, BR_UUID_SIZE) == 0;

	if (record_names_old && facts->staging.id > facts->old.id)
		return BR_LEFTOVER_UNFINISHED;
	return BR_LEFTOVER_RETIRED;
}

/*
 * A record of another configuration, or a damaged one, may name any path: nothing is put there, or
 * looked for.
 */
static bool is_archive_path(const struct gather *g, const char *path)
{
	const char *dir = g->config->archive ? g->config->archive : BR_PARKED_DIR;
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && path[length] == '/' &&
	       br_name_is_archive_of(path + length + 1, g->facts->escaped);
}

/*
 * The name that the interrupted run had chosen tells when the old subvolume was retired: keep it if
 * it is free.
 */
static int gather_leftover_archive(struct gather *g, const char *path)
{
	BR_AUTO_CLOSE int fd = -1;
	int r = br_open_beneath(g->top, path, O_PATH, 0, &fd, g->err);

	if (r == 0)
		return 0;
	if (g->err->sys_errno != ENOENT)
		return r;
	g->facts->leftover_archive = strdup(path);
	return g->facts->leftover_archive ? 0
					  : br_error_set(g->err, BR_ERR_NOMEM, ENOMEM, path, NULL);
}

static int gather_staging(struct gather *g, const struct br_record *record)
{
	BR_AUTO_FREE char *name = br_name_staging(g->facts->escaped);
	BR_AUTO_CLOSE int staging = -1;
	int r;

	if (!name)
		return br_error_set(g->err, BR_ERR_NOMEM, ENOMEM, g->config->name, NULL);
	r = open_optional_subvol(g->state, name, &staging, &g->facts->staging, g->err);
	if (r < 0)
		return br_error_prefix_path(g->err, BR_STATE_DIR);
	if (staging < 0)
		return 0;
	g->facts->leftover = judge_leftover(g->facts, record);
	if (g->facts->leftover == BR_LEFTOVER_RETIRED && record->exists &&
	    memcmp(record->uuid, g->facts->staging.uuid, BR_UUID_SIZE) == 0 &&
	    is_archive_path(g, record->archive))
		return gather_leftover_archive(g, record->archive);
	return 0;
}

/* An archive that was moved but did not become read-only: the last run's, where its record says. */
static int gather_unsealed(struct gather *g, const struct br_record *record)
{
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if (!record->exists || !is_archive_path(g, record->archive))
		return 0;
	r = open_optional_subvol(g->top, record->archive, &fd, &subvol, g->err);
	if (r < 0 && r != BR_ERR_LAYOUT)
		return r;
	if (r < 0 || fd < 0 || subvol.read_only ||
	    memcmp(subvol.uuid, record->uuid, BR_UUID_SIZE) != 0)
		return 0;
	g->facts->unsealed = strdup(record->archive);
	g->facts->unsealed_subvol = subvol;
	return g->facts->unsealed
		       ? 0
		       : br_error_set(g->err, BR_ERR_NOMEM, ENOMEM, record->archive, NULL);
}

static int gather_leftovers(struct gather *g)
{
	__attribute__((cleanup(br_record_free))) struct br_record record = { 0 };
	int r;

	if (g->state < 0)
		return 0;
	if ((r = br_record_read(g->state, g->facts->escaped, &record, g->err)) < 0 ||
	    (r = gather_staging(g, &record)) < 0)
		return r;
	return gather_unsealed(g, &record);
}

static int add_archive(struct br_ephemeral_facts *facts, const char *name, struct br_error *err)
{
	char **grown = reallocarray(facts->archives, facts->archive_count + 1, sizeof(*grown));
	char *copy = strdup(name);

	if (grown)
		facts->archives = grown;
	if (!grown || !copy) {
		free(copy);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
	}
	facts->archives[facts->archive_count++] = copy;
	return 0;
}

/* A leftover and the root of this run may both need a new name. */
#define FREE_NAMES 2

/*
 * Only names of this very second can clash. They are looked up one by one: reading a directory
 * takes the longer the more archives there are.
 */
static int gather_clashes(struct gather *g, int dirfd, time_t now)
{
	unsigned n = 1;

	for (unsigned unused = 0; unused < FREE_NAMES; n++) {
		BR_AUTO_FREE char *name = br_name_archive(g->facts->escaped, now, n);
		struct stat st;
		int r = 0;

		if (!name)
			return br_error_set(g->err, BR_ERR_NOMEM, ENOMEM, g->facts->archive, NULL);
		if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			r = add_archive(g->facts, name, g->err);
		else if (errno == ENOENT)
			unused++;
		else
			r = br_error_set(g->err, BR_ERR_STAT, errno, name, NULL);
		if (r < 0)
			return br_error_context(g->err, "%s", g->facts->archive);
	}
	return 0;
}

static int gather_archive_dir(struct gather *g, time_t now)
{
	const char *path = g->config->archive ? g->config->archive : BR_PARKED_DIR;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	g->facts->archive = strdup(path);
	if (!g->facts->archive)
		return br_error_set(g->err, BR_ERR_NOMEM, ENOMEM, path, NULL);
	r = open_own_dir(g->top, path, &fd, &g->facts->archive_dir_is_open, g->err);
	if (r < 0)
		return br_error_context(g->err, "archive directory");
	g->facts->has_archive_dir = fd >= 0;
	return fd >= 0 ? gather_clashes(g, fd, now) : 0;
}

static int gather_ephemeral(struct gather *g, time_t now)
{
	BR_AUTO_CLOSE int source = -1;
	BR_AUTO_CLOSE int old = -1;
	int r;

	if ((r = gather_old(g, &old)) < 0 || (r = gather_source(g, &source)) < 0 ||
	    (r = gather_leftovers(g)) < 0 || (r = gather_archive_dir(g, now)) < 0)
		return r;
	return br_facts_paths(g->config, old, source, &g->facts->paths, g->err);
}

/* Does this ephemeral subvolume have an archive of that name? */
static int has_archive(int top, const struct br_ephemeral *ephemeral, const char *name, bool *ret,
		       struct br_error *err)
{
	BR_AUTO_FREE char *path = ephemeral->archive ? br_name_join(ephemeral->archive, name)
						     : NULL;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	*ret = false;
	if (!ephemeral->archive)
		return 0;
	if (!path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
	r = open_optional_subvol(top, path, &fd, &subvol, err);
	*ret = r == 0 && fd >= 0;
	return r == BR_ERR_LAYOUT ? 0 : r;
}

/*
 * Which ephemeral subvolume is meant by an archive's name? Archive directories may be shared, so a
 * name that blankroot made for one of them decides; a name that a person gave must be unique.
 */
static int find_archive_owner(int top, const struct br_config *config, const struct br_facts *facts,
			      const char *name, size_t *index_ret, struct br_error *err)
{
	size_t found = 0, owner = 0;

	for (size_t i = 0; i < config->ephemeral_count; i++) {
		bool has;
		int r = has_archive(top, &config->ephemeral[i], name, &has, err);

		if (r < 0)
			return r;
		if (has && br_name_is_archive_of(name, facts->ephemeral[i].escaped)) {
			*index_ret = i;
			return 0;
		}
		if (has) {
			owner = i;
			found++;
		}
	}
	if (found != 1)
		return br_error_set(
			err, BR_ERR_REQUEST, 0, name,
			found ? "several ephemeral subvolumes have an archive of that name"
			      : "there is no archive of that name");
	*index_ret = owner;
	return 0;
}

static int choose_sources(int top, const struct br_config *config, const char *from,
			  struct br_facts *facts, struct br_error *err)
{
	size_t owner = config->ephemeral_count;
	int r = from ? find_archive_owner(top, config, facts, from, &owner, err) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < config->ephemeral_count; i++) {
		struct br_ephemeral_facts *ephemeral = &facts->ephemeral[i];

		ephemeral->source_is_archive = i == owner;
		ephemeral->source_path = i == owner
						 ? br_name_join(config->ephemeral[i].archive, from)
						 : strdup(config->ephemeral[i].blank);
		if (!ephemeral->source_path)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, config->ephemeral[i].name,
					    NULL);
	}
	return 0;
}

static int gather_all(int top, const char *from, struct br_facts *facts, struct br_error *err)
{
	const struct br_config *config = facts->config;
	BR_AUTO_CLOSE int state = -1;
	int r;

	for (size_t i = 0; i < config->ephemeral_count; i++) {
		r = br_name_escape(config->ephemeral[i].name, &facts->ephemeral[i].escaped, err);
		if (r < 0)
			return r;
	}
	if ((r = br_subvol_get_default(top, &facts->default_id, err)) < 0 ||
	    (r = open_own_dir(top, BR_STATE_DIR, &state, &facts->state_dir_is_open, err)) < 0 ||
	    (r = choose_sources(top, config, from, facts, err)) < 0)
		return r;
	facts->has_state_dir = state >= 0;
	for (size_t i = 0; i < config->ephemeral_count; i++) {
		struct gather g = { top, state, &config->ephemeral[i], &facts->ephemeral[i], err };

		r = gather_ephemeral(&g, facts->now);
		if (r < 0)
			return r;
	}
	return 0;
}

int br_facts_gather(int top, const struct br_config *config, const char *from, time_t now,
		    struct br_facts *ret, struct br_error *err)
{
	struct br_facts facts = { .config = config, .now = now };
	int r;

	facts.ephemeral = calloc(config->ephemeral_count, sizeof(*facts.ephemeral));
	if (!facts.ephemeral)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	r = gather_all(top, from, &facts, err);
	if (r < 0) {
		br_facts_free(&facts);
		return r;
	}
	*ret = facts;
	return 0;
}

static void ephemeral_facts_clear(struct br_ephemeral_facts *facts)
{
	for (size_t i = 0; i < facts->archive_count; i++)
		free(facts->archives[i]);
	free(facts->archives);
	free(facts->escaped);
	free(facts->archive);
	free(facts->source_path);
	free(facts->leftover_archive);
	free(facts->unsealed);
	free(facts->paths);
}

void br_facts_free(struct br_facts *facts)
{
	if (!facts || !facts->ephemeral)
		return;
	for (size_t i = 0; i < facts->config->ephemeral_count; i++)
		ephemeral_facts_clear(&facts->ephemeral[i]);
	free(facts->ephemeral);
	*facts = (struct br_facts){ 0 };
}
