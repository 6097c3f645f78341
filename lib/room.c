/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making room for a reset when space has run out. */
#include "room.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "mountinfo.h"
#include "name.h"
#include "record.h"
#include "subvol.h"

#include <fcntl.h>
#include <string.h>

#define CLEANER_SECONDS 60

struct archive {
	char *name;
	uint64_t id;
	bool good;
	bool held; /* pinned, or the default subvolume, or what this boot starts from */
};

struct archives {
	struct archive *list;
	size_t count;
};

static void archives_free(struct archives *archives)
{
	for (size_t i = 0; i < archives->count; i++)
		free(archives->list[i].name);
	free(archives->list);
}

/* What the search for a victim needs to know. */
struct search {
	int top;
	uint64_t default_id;
	const char *from;
	const struct br_mountinfo *mounts;
};

static int add_archive(struct archives *archives, const char *name, struct archive archive,
		       struct br_error *err)
{
	struct archive *grown = reallocarray(archives->list, archives->count + 1, sizeof(*grown));

	if (grown)
		archives->list = grown;
	archive.name = grown ? strdup(name) : NULL;
	if (!archive.name)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
	archives->list[archives->count++] = archive;
	return 0;
}

static bool is_mounted(const struct search *search, const char *dir, const char *name)
{
	BR_AUTO_FREE char *path = br_name_join(dir, name);

	return !path || br_mountinfo_find_btrfs(search->mounts, search->top, path);
}

/* One archive directory being looked through. */
struct look {
	const struct search *search;
	int dirfd;
	const char *dir; /* its path from the top level */
	const char *escaped;
	struct archives *archives;
};

static int look_at(void *data, const char *name, struct br_error *err)
{
	const struct look *look = data;
	const struct search *search = look->search;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;

	/* no subvolume, or one that somebody works in: not ours to judge */
	if (!br_name_is_archive_of(name, look->escaped) ||
	    br_subvol_open(look->dirfd, name, &fd, &subvol, err) < 0 || !subvol.read_only)
		return 0;
	return add_archive(look->archives, name,
			   (struct archive){
				   .id = subvol.id,
				   .good = br_record_has_mark(fd, BR_XATTR_GOOD),
				   .held = br_record_has_mark(fd, BR_XATTR_PINNED) ||
					   subvol.id == search->default_id ||
					   (search->from && strcmp(name, search->from) == 0) ||
					   is_mounted(search, look->dir, name),
			   },
			   err);
}

static int list_archives(const struct search *search, int dirfd, const struct br_ephemeral *config,
			 struct archives *archives, struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;
	struct look look = { search, dirfd, config->archive, NULL, archives };
	int r = br_name_escape(config->name, &escaped, err);

	if (r < 0)
		return r;
	look.escaped = escaped;
	r = br_entries_visit(dirfd, look_at, &look, err);
	return r < 0 ? br_error_context(err, "%s", config->archive) : 0;
}

static int by_id(const void *a, const void *b)
{
	const struct archive *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

/*
 * Ids only grow, and an archive was made when its predecessor was retired: their order is the
 * order of retirement, whatever the clock said. NULL when none may go.
 */
static const struct archive *oldest_that_may_go(struct archives *archives, unsigned keep_min)
{
	size_t newest_good = SIZE_MAX;

	if (archives->count == 0)
		return NULL;
	qsort(archives->list, archives->count, sizeof(*archives->list), by_id);
	for (size_t i = 0; i < archives->count; i++)
		if (archives->list[i].good)
			newest_good = i;
	for (size_t i = 0; i + keep_min < archives->count; i++)
		if (!archives->list[i].held && i != newest_good)
			return &archives->list[i];
	return NULL;
}

struct victim {
	int dirfd;
	char *path;
	char *name;
	uint64_t id;
};

static void victim_free(struct victim *victim)
{
	br_cleanup_close(&victim->dirfd);
	free(victim->path);
	free(victim->name);
}

static int consider(const struct search *search, const struct br_ephemeral *config,
		    unsigned keep_min, struct victim *victim, struct br_error *err)
{
	__attribute__((cleanup(archives_free))) struct archives archives = { 0 };
	const struct archive *oldest;
	BR_AUTO_CLOSE int dirfd = -1;
	int r = br_open_beneath(search->top, config->archive, O_RDONLY | O_DIRECTORY, 0, &dirfd,
				err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	r = list_archives(search, dirfd, config, &archives, err);
	if (r < 0)
		return r;
	oldest = oldest_that_may_go(&archives, keep_min);
	if (!oldest || (victim->name && victim->id < oldest->id))
		return 0;
	victim_free(victim);
	*victim = (struct victim){
		.dirfd = br_take_fd(&dirfd),
		.path = br_name_join(config->archive, oldest->name),
		.name = strdup(oldest->name),
		.id = oldest->id,
	};
	return victim->path && victim->name ? 0
					    : br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int delete_victim(int top, struct victim *victim, struct br_error *err)
{
	int r;

	if ((r = br_subvol_delete_tree(victim->dirfd, victim->name, victim->id, err)) < 0 ||
	    (r = br_subvol_commit(top, err)) < 0)
		return r;
	return br_subvol_wait_cleaned(top, victim->id, CLEANER_SECONDS, err);
}

int br_room_make(int top, const struct br_config *config, const char *from, char **path_ret,
		 struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	__attribute__((cleanup(victim_free))) struct victim victim = { .dirfd = -1 };
	struct search search = { .top = top, .from = from, .mounts = &mounts };
	int r;

	if ((r = br_mountinfo_read(&mounts, err)) < 0 ||
	    (r = br_subvol_get_default(top, &search.default_id, err)) < 0)
		return r;
	for (size_t i = 0; i < config->ephemeral_count; i++) {
		r = config->ephemeral[i].archive ? consider(&search, &config->ephemeral[i],
							    config->archives.keep_min, &victim, err)
						 : 0;
		if (r < 0)
			return r;
	}
	if (!victim.name) {
		*path_ret = NULL;
		return 0;
	}
	r = delete_victim(top, &victim, err);
	if (r < 0)
		return r;
	*path_ret = br_take_ptr(&victim.path);
	return 0;
}
