/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Archives, parked subvolumes and snapshots as they are on the disk, for retention. */
#include "retained.h"

#include "beneath.h"
#include "cleanup.h"
#include "entries.h"
#include "name.h"
#include "record.h"
#include "subvol.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int br_retained_facts_read(int top, const char *requested, struct br_retained_facts *ret,
			   struct br_error *err)
{
	struct br_retained_facts facts = { .top = top, .requested = requested };
	BR_AUTO_CLOSE int state = -1;
	struct br_error none = { 0 };
	int r;

	/* without a state directory nothing was interrupted */
	if (br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, &none) == 0)
		facts.deleting = br_record_get_number(state, BR_XATTR_DELETING, 0);
	if ((r = br_subvol_get_default(top, &facts.default_id, err)) < 0 ||
	    (r = br_mountinfo_read(&facts.mounts, err)) < 0)
		return r;
	*ret = facts;
	return 0;
}

void br_retained_facts_free(struct br_retained_facts *facts)
{
	if (!facts)
		return;
	br_mountinfo_free(&facts->mounts);
	*facts = (struct br_retained_facts){ 0 };
}

void br_retained_free(struct br_retained *retained)
{
	if (!retained)
		return;
	for (size_t i = 0; i < retained->count; i++) {
		free(retained->items[i].name);
		free(retained->items[i].comment);
	}
	free(retained->items);
	br_cleanup_close(&retained->dirfd);
	*retained = (struct br_retained){ .dirfd = -1 };
}

/* A directory being looked through. */
struct look {
	const struct br_retained_facts *facts;
	const char *escaped;
	struct br_retained *retained;
	size_t room;
};

/* One whose path is longer than any can be counts as mounted. */
static bool is_mounted(const struct br_retained_facts *facts, const char *dir, const char *name)
{
	char path[PATH_MAX + 1 + NAME_MAX + 1];
	int length = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return length < 0 || (size_t)length >= sizeof(path) ||
	       br_mountinfo_find_btrfs(&facts->mounts, facts->top, path);
}

/* An opened item. */
struct opened {
	const char *name;
	int fd;
	struct br_subvol subvol;
	enum br_mark good;
};

static enum br_reason find_hold(const struct br_retained_facts *facts,
				const struct br_retained *retained, const struct opened *item)
{
	/* what cannot be read may be a mark that protects it */
	if (br_record_get_mark(item->fd, BR_XATTR_PINNED) != BR_MARK_ABSENT ||
	    item->good == BR_MARK_UNREADABLE)
		return BR_REASON_PINNED;
	/* for deletion, one that holds others is made writable first */
	if (!item->subvol.read_only && item->subvol.id != facts->deleting &&
	    retained->kind != BR_RETAINED_PARKED)
		return BR_REASON_WRITABLE;
	if (item->subvol.id == facts->default_id)
		return BR_REASON_DEFAULT;
	if (retained->kind == BR_RETAINED_ARCHIVE && facts->requested &&
	    strcmp(item->name, facts->requested) == 0)
		return BR_REASON_REQUESTED;
	return is_mounted(facts, retained->dir, item->name) ? BR_REASON_MOUNTED : BR_REASON_NONE;
}

/* Its name tells too when it was made, but it can be renamed, and the mark is nearer to the truth. */
static void find_time(const struct look *look, const char *name, int fd,
		      struct br_retention_item *item)
{
	item->has_time = look->retained->kind != BR_RETAINED_SNAPSHOT &&
			 br_record_get_retired(fd, &item->time);
	if (!item->has_time)
		item->has_time = br_name_archive_time(name, look->escaped, &item->time);
}

static int add_item(struct look *look, const char *name, int fd, struct br_retention_item item,
		    struct br_error *err)
{
	struct br_retained *retained = look->retained;

	if (retained->count == look->room) {
		size_t room = 2 * look->room + 16;
		struct br_retention_item *grown = reallocarray(retained->items, room,
							       sizeof(*grown));

		if (!grown)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, name, NULL);
		retained->items = grown;
		look->room = room;
	}
	item.name = strdup(name);
	if (!item.name)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	item.comment = br_record_get_comment(fd);
	retained->items[retained->count++] = item;
	return 0;
}

static int look_at(void *data, const char *name, unsigned char type, struct br_error *err)
{
	struct look *look = data;
	struct br_retention_item item = { 0 };
	struct opened opened = { .name = name };
	BR_AUTO_CLOSE int fd = -1;
	int r;

	(void)type; /* a subvolume is told by its root */
	if (!br_name_is_archive_of(name, look->escaped))
		return 0;
	r = br_subvol_open(look->retained->dirfd, name, &fd, &opened.subvol, err);
	if (r == BR_ERR_LAYOUT || r == BR_ERR_SYMLINK || (r < 0 && err->sys_errno == ENOTDIR) ||
	    (r < 0 && err->sys_errno == ENOENT))
		return 0; /* not one of ours, or gone meanwhile */
	if (r < 0)
		return r;
	opened.fd = fd;
	item.id = opened.subvol.id;
	item.replaced_by = br_record_get_number(fd, BR_XATTR_REPLACED_BY, 0);
	if (look->retained->kind == BR_RETAINED_ARCHIVE)
		opened.good = br_record_get_mark(fd, BR_XATTR_GOOD);
	item.good = opened.good == BR_MARK_PRESENT;
	item.held = find_hold(look->facts, look->retained, &opened);
	find_time(look, name, fd, &item);
	return add_item(look, name, fd, item, err);
}

static int list(const struct br_retained_facts *facts, struct br_retained *retained,
		struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;
	struct look look = { .facts = facts, .retained = retained };
	int r = br_name_escape(retained->subvolume, &escaped, err);

	if (r < 0)
		return r;
	look.escaped = escaped;
	r = br_open_beneath(facts->top, retained->dir, O_RDONLY | O_DIRECTORY, 0, &retained->dirfd,
			    err);
	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	r = br_entries_visit(retained->dirfd, look_at, &look, err);
	if (r < 0)
		return br_error_context(err, "%s", retained->dir);
	br_retention_sort(retained->items, retained->count);
	return 0;
}

static int list_into(const struct br_retained_facts *facts, struct br_retained retained,
		     struct br_retained *ret, struct br_error *err)
{
	int r = list(facts, &retained, err);

	if (r < 0)
		br_retained_free(&retained);
	else
		*ret = retained;
	return r;
}

int br_retained_list(const struct br_retained_facts *facts, const struct br_ephemeral *config,
		     struct br_retained *ret, struct br_error *err)
{
	return list_into(facts,
			 (struct br_retained){
				 .kind = config->archive ? BR_RETAINED_ARCHIVE : BR_RETAINED_PARKED,
				 .subvolume = config->name,
				 .dir = config->archive ? config->archive : BR_PARKED_DIR,
				 .dirfd = -1,
			 },
			 ret, err);
}

int br_retained_list_snapshots(const struct br_retained_facts *facts, const char *subvolume,
			       struct br_retained *ret, struct br_error *err)
{
	return list_into(facts,
			 (struct br_retained){
				 .kind = BR_RETAINED_SNAPSHOT,
				 .subvolume = subvolume,
				 .dir = BR_SNAPSHOTS_DIR,
				 .dirfd = -1,
			 },
			 ret, err);
}

int br_retained_recheck(int top, const char *requested, const struct br_retained *retained,
			const struct br_retention_item *item, enum br_reason *held_ret,
			struct br_error *err)
{
	__attribute__((cleanup(br_retained_facts_free))) struct br_retained_facts facts = { 0 };
	struct opened opened = { .name = item->name };
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = br_retained_facts_read(top, requested, &facts, err)) < 0 ||
	    (r = br_subvol_open(retained->dirfd, item->name, &fd, &opened.subvol, err)) < 0)
		return r;
	if (opened.subvol.id != item->id)
		return br_error_set(err, BR_ERR_LAYOUT, 0, item->name, "was replaced meanwhile");
	opened.fd = fd;
	*held_ret = find_hold(&facts, retained, &opened);
	return 0;
}

/*
 * Before a read-only one with others inside is made writable: else whoever comes after an
 * interruption would take it for one that somebody works in. Where there is no space left to write
 * that down, it is deleted all the same: that makes space.
 */
static void write_down(int top, int dirfd, const struct br_retention_item *item)
{
	BR_AUTO_CLOSE int state = -1, fd = -1;
	struct br_error none = { 0 };
	bool has_nested = false;

	if (br_subvol_open(dirfd, item->name, &fd, NULL, &none) == 0 &&
	    br_subvol_has_nested(fd, "", &has_nested, &none) == 0 && has_nested &&
	    br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, &none) == 0)
		(void)!br_record_set_number(state, BR_XATTR_DELETING, item->id, &none);
}

int br_retained_delete(const struct br_retained_facts *facts, const struct br_retained *retained,
		       const struct br_retention_item *item, unsigned seconds, struct br_error *err)
{
	int r;

	write_down(facts->top, retained->dirfd, item);
	if (br_subvol_delete_tree(retained->dirfd, item->name, item->id, err) < 0)
		return br_error_prefix_path(err, retained->dir);
	if ((r = br_subvol_commit(facts->top, err)) < 0)
		return r;
	return br_subvol_wait_cleaned(facts->top, item->id, seconds, err);
}
