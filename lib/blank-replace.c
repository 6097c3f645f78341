/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Another blank in the place of the one that is there. */
#include "blank-replace.h"

#include "beneath.h"
#include "cleanup.h"
#include "marking.h"
#include "mountinfo.h"
#include "name.h"
#include "private-dir.h"
#include "record.h"
#include "retire.h"
#include "subvol.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/*
 * The new blank is made beside the old one: read-only as both are, they can be exchanged within one
 * directory only. What becomes of the old one, its name tells whoever finishes this.
 */
static const char *const prefixes[] = {
	[BR_BLANK_TO_ARCHIVES] = ".blankroot-new-",
	[BR_BLANK_BESIDE] = ".blankroot-next-",
};
#define FIRST ".blankroot-first-" /* where there is no old one */

/* A blank, and what is or was to take its place. */
struct place {
	int top;
	const struct br_ephemeral *ephemeral;
	int parent;       /* the directory that holds both */
	const char *name; /* of the blank there; part of the configuration */
	enum br_blank_former_place keeps;
	char *beside;
};

static void place_close(struct place *place)
{
	br_cleanup_close(&place->parent);
	free(place->beside);
}

static int place_open(int top, const struct br_ephemeral *ephemeral, const char *prefix,
		      struct place *place, struct br_error *err)
{
	int r;

	*place = (struct place){ .top = top, .ephemeral = ephemeral, .parent = -1 };
	r = br_open_parent(top, ephemeral->blank, &place->parent, &place->name, err);
	if (r < 0)
		return r;
	if (asprintf(&place->beside, "%s%s", prefix, place->name) < 0) {
		place->beside = NULL; /* undefined after a failure */
		(void)br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		return BR_ERR_NOMEM; /* so that the analyser follows */
	}
	return 0;
}

/* --- the old one is kept --- */

static int rename_to_archive(const struct place *place, time_t now, char **name_ret,
			     struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;
	BR_AUTO_CLOSE int archives = -1;
	int r;

	if ((r = br_name_escape(place->ephemeral->name, &escaped, err)) < 0 ||
	    (r = br_open_beneath(place->top, place->ephemeral->archive, O_RDONLY | O_DIRECTORY, 0,
				 &archives, err)) < 0)
		return r;
	return br_retire_rename(place->parent, place->beside, archives, escaped, now, name_ret,
				err);
}

static int mark(int fd, uint64_t successor, time_t now, struct br_error *err)
{
	int r;

	if ((r = br_record_set_retired(fd, now, err)) < 0 ||
	    (r = br_record_set_number(fd, BR_XATTR_REPLACED_BY, successor, err)) < 0)
		return r;
	return br_record_set_comment(fd, "was the blank until then", err);
}

static int keep_as_archive(const struct place *place, int fd, const struct br_subvol *old,
			   uint64_t successor, time_t now, char **kept_ret, struct br_error *err)
{
	int r = br_marking_unseal(place->top, fd, old->id, err);

	if (r < 0)
		return r;
	if ((r = mark(fd, successor, now, err)) < 0 ||
	    (r = rename_to_archive(place, now, kept_ret, err)) < 0) {
		struct br_error later;

		/* it stays beside the blank; the next call tries again */
		(void)!br_marking_seal(place->top, fd, &later);
		return r;
	}
	return br_marking_seal(place->top, fd, err);
}

/* Within one directory it is renamed as it is, read-only. */
static int keep(const struct place *place, int fd, const struct br_subvol *old, uint64_t successor,
		time_t now, char **kept_ret, struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;
	int r;

	if (place->keeps == BR_BLANK_TO_ARCHIVES)
		return keep_as_archive(place, fd, old, successor, now, kept_ret, err);
	r = br_name_escape(place->name, &escaped, err);
	return r < 0 ? r
		     : br_retire_rename(place->parent, place->beside, place->parent, escaped, now,
					kept_ret, err);
}

/* --- what an interruption left --- */

static int finish(const struct place *place, time_t now, char **kept_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	BR_AUTO_CLOSE int blank_fd = -1;
	struct br_subvol beside, blank;
	int r = br_subvol_open(place->parent, place->beside, &fd, &beside, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	r = br_subvol_open(place->parent, place->name, &blank_fd, &blank, err);
	if (r < 0)
		return r;
	/* ids only grow: what is younger than the blank never was in its place */
	if (beside.id > blank.id)
		return br_subvol_delete_tree(place->parent, place->beside, beside.id, err);
	return keep(place, fd, &beside, blank.id, now, kept_ret, err);
}

static int finish_one(int top, const struct br_ephemeral *ephemeral,
		      enum br_blank_former_place keeps, time_t now, char **kept_ret,
		      struct br_error *err)
{
	__attribute__((cleanup(place_close))) struct place place = { .parent = -1 };
	int r = place_open(top, ephemeral, prefixes[keeps], &place, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	place.keeps = keeps;
	return finish(&place, now, kept_ret, err);
}

/* It never was a blank. */
static int discard_first(int top, const struct br_ephemeral *ephemeral, struct br_error *err)
{
	__attribute__((cleanup(place_close))) struct place place = { .parent = -1 };
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r;

	if ((r = place_open(top, ephemeral, FIRST, &place, err)) < 0 ||
	    (r = br_subvol_open(place.parent, place.beside, &fd, &subvol, err)) < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	return br_subvol_delete_tree(place.parent, place.beside, subvol.id, err);
}

int br_blank_replace_finish(int top, const struct br_ephemeral *ephemeral, time_t now,
			    char **kept_ret, struct br_error *err)
{
	BR_AUTO_FREE char *beside = NULL;
	int r = 0;

	*kept_ret = NULL;
	if (ephemeral->archive)
		r = finish_one(top, ephemeral, BR_BLANK_TO_ARCHIVES, now, kept_ret, err);
	if (r == 0)
		r = finish_one(top, ephemeral, BR_BLANK_BESIDE, now, &beside, err);
	return r < 0 ? r : discard_first(top, ephemeral, err);
}

int br_blank_look_unfinished(int top, const struct br_ephemeral *ephemeral, bool *ret,
			     struct br_error *err)
{
	const char *const all[] = { prefixes[BR_BLANK_TO_ARCHIVES], prefixes[BR_BLANK_BESIDE],
				    FIRST };
	int r = 0;

	*ret = false;
	for (size_t i = 0; r == 0 && i < sizeof(all) / sizeof(all[0]); i++) {
		__attribute__((cleanup(place_close))) struct place place = { .parent = -1 };
		struct stat st;

		r = place_open(top, ephemeral, all[i], &place, err);
		if (r == 0 && fstatat(place.parent, place.beside, &st, AT_SYMLINK_NOFOLLOW) == 0)
			*ret = true;
	}
	return r < 0 && err->sys_errno == ENOENT ? 0 : r;
}

/* --- the new one --- */

static int refuse_mounted(const struct place *place, struct br_error *err)
{
	__attribute__((cleanup(br_mountinfo_free))) struct br_mountinfo mounts = { 0 };
	int r = br_mountinfo_read(&mounts, err);

	if (r < 0)
		return r;
	if (br_mountinfo_find_btrfs(&mounts, place->top, place->ephemeral->blank))
		return br_error_set(err, BR_ERR_IN_USE, 0, place->ephemeral->blank,
				    "it, or something in it, is mounted");
	return 0;
}

/* Without the marks of what it is made from. source -1: empty. */
static int fill_new(const struct place *place, int source, int *fd_ret, struct br_error *err)
{
	int r = source < 0 ? br_subvol_create(place->parent, place->beside, err)
			   : br_subvol_snapshot_tree(source, place->parent, place->beside, false,
						     NULL, err);

	if (r < 0 || (r = br_subvol_open(place->parent, place->beside, fd_ret, NULL, err)) < 0)
		return r;
	if (source < 0 && (fchown(*fd_ret, 0, 0) != 0 || fchmod(*fd_ret, 0755) != 0))
		return br_error_set(err, BR_ERR_ATTRIBUTES, errno, place->beside, NULL);
	return br_record_clear_marks(*fd_ret, err);
}

/* *fd_ret is its root, *ret what it is when all is done to it. */
static int make_new(const struct place *place, int source, int *fd_ret, struct br_subvol *ret,
		    struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = fill_new(place, source, &fd, err)) < 0 ||
	    (r = br_subvol_set_read_only(fd, true, err)) < 0 ||
	    (r = br_subvol_commit(fd, err)) < 0 || (r = br_subvol_stat(fd, ret, err)) < 0)
		return r;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

/*
 * Note the blank of all who have it; without one, forget what it was. In between, a cut leaves
 * nothing noted, and a reset takes what it finds: a wrong note would make it refuse, or warn.
 */
static int note(const struct place *place, const struct br_config *config,
		const struct br_subvol *blank, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_private_dir_open(place->top, BR_STATE_DIR, &state, err);

	for (size_t i = 0; r == 0 && i < config->ephemeral_count; i++) {
		BR_AUTO_FREE char *escaped = NULL;

		if (strcmp(config->ephemeral[i].blank, place->ephemeral->blank) != 0)
			continue;
		r = br_name_escape(config->ephemeral[i].name, &escaped, err);
		if (r == 0)
			r = blank ? br_record_write_blank(state, escaped, blank, err)
				  : br_record_forget_blank(state, escaped, err);
	}
	return r;
}

/* What is there can be replaced. */
static int open_old(const struct place *place, int *fd_ret, struct br_subvol *ret,
		    struct br_error *err)
{
	int r;

	if ((r = br_subvol_open(place->parent, place->name, fd_ret, ret, err)) < 0 ||
	    (r = refuse_mounted(place, err)) < 0)
		return r;
	if (!ret->read_only)
		return br_error_set(err, BR_ERR_LAYOUT, 0, place->ephemeral->blank,
				    "a blank must be read-only");
	return 0;
}

/* with: what it is exchanged with, beside it. On success the old one has that name. */
static int exchange(const struct place *place, const struct br_config *config, const char *with,
		    const struct br_subvol *new, struct br_error *err)
{
	int r = note(place, config, NULL, err);

	if (r < 0)
		return r;
	if (renameat2(place->parent, with, place->parent, place->name, RENAME_EXCHANGE) != 0)
		return br_error_set(err, BR_ERR_EXCHANGE, errno, place->ephemeral->blank, NULL);
	return note(place, config, new, err);
}

static int note_before(const struct place *place, uint64_t id, uint64_t before,
		       struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_private_dir_open(place->top, BR_STATE_DIR, &state, err);

	return r < 0 ? r : br_record_set_blank_before(state, id, before, err);
}

static int replace(const struct place *place, const struct br_config *config, int source,
		   time_t now, char **kept_ret, struct br_error *err)
{
	BR_AUTO_CLOSE int old_fd = -1;
	BR_AUTO_CLOSE int new_fd = -1;
	struct br_subvol old = { 0 }, new = { 0 };
	int r;

	if ((r = open_old(place, &old_fd, &old, err)) < 0 ||
	    (r = make_new(place, source, &new_fd, &new, err)) < 0 ||
	    (r = note_before(place, new.id, old.id, err)) < 0 ||
	    (r = exchange(place, config, place->beside, &new, err)) < 0 ||
	    (r = keep(place, old_fd, &old, new.id, now, kept_ret, err)) < 0)
		return r;
	return br_subvol_commit(place->top, err);
}

/* Before anything is done: the name that the old one gets must not be too long. */
static int check_name(const struct place *place, struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;

	return br_name_escape(place->name, &escaped, err);
}

int br_blank_replace(int top, const struct br_config *config, const struct br_ephemeral *ephemeral,
		     int source, enum br_blank_former_place keeps, time_t now, char **kept_ret,
		     struct br_error *err)
{
	__attribute__((cleanup(place_close))) struct place place = { .parent = -1 };
	BR_AUTO_FREE char *earlier = NULL;
	int r;

	if ((r = place_open(top, ephemeral, prefixes[keeps], &place, err)) < 0 ||
	    (r = check_name(&place, err)) < 0 ||
	    (r = br_blank_replace_finish(top, ephemeral, now, &earlier, err)) < 0)
		return r;
	place.keeps = keeps;
	return replace(&place, config, source, now, kept_ret, err);
}

int br_blank_make_first(int top, const struct br_config *config,
			const struct br_ephemeral *ephemeral, int source, struct br_error *err)
{
	__attribute__((cleanup(place_close))) struct place place = { .parent = -1 };
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol new = { 0 };
	int r;

	if ((r = place_open(top, ephemeral, FIRST, &place, err)) < 0 ||
	    (r = discard_first(top, ephemeral, err)) < 0 ||
	    (r = make_new(&place, source, &fd, &new, err)) < 0 ||
	    (r = note(&place, config, NULL, err)) < 0)
		return r;
	if (renameat2(place.parent, place.beside, place.parent, place.name, RENAME_NOREPLACE) != 0)
		return br_error_set(err, BR_ERR_CREATE, errno, ephemeral->blank, NULL);
	r = note(&place, config, &new, err);
	return r < 0 ? r : br_subvol_commit(top, err);
}

int br_blank_bring_back(int top, const struct br_config *config,
			const struct br_ephemeral *ephemeral, const char *former, time_t now,
			char **kept_ret, struct br_error *err)
{
	__attribute__((cleanup(place_close))) struct place place = { .parent = -1 };
	BR_AUTO_CLOSE int old_fd = -1;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol old, again;
	int r;

	if ((r = place_open(top, ephemeral, prefixes[BR_BLANK_BESIDE], &place, err)) < 0 ||
	    (r = check_name(&place, err)) < 0 || (r = open_old(&place, &old_fd, &old, err)) < 0 ||
	    (r = br_subvol_open(place.parent, former, &fd, &again, err)) < 0)
		return r;
	if (!again.read_only)
		return br_error_set(err, BR_ERR_LAYOUT, 0, former,
				    "it is writable: nobody can tell what it was");
	if ((r = exchange(&place, config, former, &again, err)) < 0)
		return r;
	/* a cut right here leaves it under the name of the other one, which is as good */
	free(place.beside);
	place.beside = strdup(former);
	if (!place.beside)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	place.keeps = BR_BLANK_BESIDE;
	r = keep(&place, old_fd, &old, again.id, now, kept_ret, err);
	return r < 0 ? r : br_subvol_commit(top, err);
}
