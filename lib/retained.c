/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Archives, parked subvolumes and snapshots as they are on the disk, for retention. */
#include "retained.h"

#include "beneath.h"
#include "cleanup.h"
#include "marks.h"
#include "name.h"
#include "record.h"
#include "subvol.h"

#include <btrfsutil.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What holds an item, without the table. */
static int read_holds(int top, const char *requested, struct br_retained_facts *ret,
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

int br_retained_facts_read(int top, const char *requested, struct br_retained_facts *ret,
			   struct br_error *err)
{
	struct br_retained_facts facts;
	int r = read_holds(top, requested, &facts, err);

	if (r < 0)
		return r;
	r = br_subvol_table_read(top, &facts.table, err);
	if (r < 0)
		br_retained_facts_free(&facts);
	else
		*ret = facts;
	return r;
}

void br_retained_facts_use_kept(struct br_retained_facts *facts)
{
	if (facts->table.count >= BR_MARKS_KEPT_FEW && !facts->kept.content)
		br_marks_kept_read(facts->top, &facts->kept);
}

void br_retained_facts_free(struct br_retained_facts *facts)
{
	if (!facts)
		return;
	br_mountinfo_free(&facts->mounts);
	br_subvol_table_free(&facts->table);
	br_marks_kept_free(&facts->kept);
	*facts = (struct br_retained_facts){ 0 };
}

void br_retained_free(struct br_retained *retained)
{
	if (!retained)
		return;
	for (size_t i = 0; i < retained->count; i++)
		free(retained->items[i].name);
	br_marks_free(retained->marks, retained->marks_count);
	free(retained->marks);
	free(retained->items);
	br_cleanup_close(&retained->dirfd);
	*retained = (struct br_retained){ .dirfd = -1 };
}

/* One whose path is longer than any can be counts as mounted. */
static bool is_mounted(const struct br_retained_facts *facts, const char *dir, const char *name)
{
	char path[PATH_MAX + 1 + NAME_MAX + 1];
	int length = snprintf(path, sizeof(path), "%s/%s", dir, name);

	return length < 0 || (size_t)length >= sizeof(path) ||
	       br_mountinfo_find_btrfs(&facts->mounts, facts->top, path);
}

/* What is known of an item. */
struct look {
	const char *name;
	uint64_t id;
	bool is_read_only;
	enum br_mark pinned;
};

static enum br_reason find_hold(const struct br_retained_facts *facts,
				const struct br_retained *retained, const struct look *item)
{
	/* what cannot be read may be a mark that protects it */
	if (item->pinned != BR_MARK_ABSENT)
		return BR_REASON_PINNED;
	/* for deletion, one that holds others is made writable first */
	if (!item->is_read_only && item->id != facts->deleting &&
	    retained->kind != BR_RETAINED_PARKED)
		return BR_REASON_WRITABLE;
	if (item->id == facts->default_id)
		return BR_REASON_DEFAULT;
	if (retained->kind == BR_RETAINED_ARCHIVE && facts->requested &&
	    strcmp(item->name, facts->requested) == 0)
		return BR_REASON_REQUESTED;
	return is_mounted(facts, retained->dir, item->name) ? BR_REASON_MOUNTED : BR_REASON_NONE;
}

/* --- what is in a directory --- */

/* A directory, as the table knows it. */
struct place {
	uint64_t subvol, inode;
};

/* Returns 0 with a descriptor of -1 when it does not exist. */
static int open_place(const struct br_retained_facts *facts, const char *dir, int *fd_ret,
		      struct place *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int fd = -1;
	struct stat st;
	int r = br_open_beneath(facts->top, dir, O_RDONLY | O_DIRECTORY, 0, &fd, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	if (fstat(fd, &st) != 0 || btrfs_util_subvolume_id_fd(fd, &ret->subvol) != BTRFS_UTIL_OK)
		return br_error_set(err, BR_ERR_STAT, errno, dir, NULL);
	ret->inode = st.st_ino;
	*fd_ret = br_take_fd(&fd);
	return 0;
}

static bool is_there(const struct br_subvol_row *row, const struct place *place)
{
	return row->parent_dir == place->inode && row->parent_id == place->subvol && row->name > 0;
}

int br_retained_visit_names(const struct br_retained_facts *facts, const char *dir,
			    br_retained_visitor visit, void *data, struct br_error *err)
{
	const struct br_subvol_table *table = &facts->table;
	BR_AUTO_CLOSE int fd = -1;
	struct place place;
	int r = open_place(facts, dir, &fd, &place, err);

	for (size_t i = 0; r == 0 && fd >= 0 && i < table->count; i++)
		if (is_there(&table->rows[i], &place))
			r = visit(data, br_subvol_table_name(table, &table->rows[i]), err);
	return r;
}

static size_t find_rows(const struct br_retained_facts *facts, const struct place *place,
			const char *escaped, struct br_marks *list)
{
	const struct br_subvol_table *table = &facts->table;
	size_t count = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct br_subvol_row *row = &table->rows[i];

		if (is_there(row, place) &&
		    br_name_is_archive_of(br_subvol_table_name(table, row), escaped))
			list[count++] = (struct br_marks){ .row = row };
	}
	return count;
}

/* Its name tells too when it was made, but it can be renamed, and the mark is nearer to the truth. */
static void find_time(const struct br_retained *retained, const char *escaped,
		      const struct br_marks *marks, struct br_retention_item *item)
{
	item->has_time = retained->kind != BR_RETAINED_SNAPSHOT && marks->has_retired;
	if (item->has_time)
		item->time = marks->retired;
	else
		item->has_time = br_name_archive_time(item->name, escaped, &item->time);
}

static int add_item(const struct br_retained_facts *facts, struct br_retained *retained,
		    const char *escaped, const struct br_marks *marks, struct br_error *err)
{
	const struct br_subvol_row *row = marks->row;
	struct br_retention_item *item = &retained->items[retained->count];
	const struct look look = {
		.name = br_subvol_table_name(&facts->table, row),
		.id = row->id,
		.is_read_only = row->is_read_only,
		.pinned = marks->is_pinned ? BR_MARK_PRESENT : BR_MARK_ABSENT,
	};

	if (marks->is_gone)
		return 0;
	*item = (struct br_retention_item){
		.id = row->id,
		.name = strdup(look.name),
		.comment = marks->comment,
		.unreadable = marks->unreadable,
		.replaced_by = marks->replaced_by,
		.good = retained->kind == BR_RETAINED_ARCHIVE && marks->is_good,
		.held = marks->unreadable != 0 ? BR_REASON_UNREADABLE
					       : find_hold(facts, retained, &look),
	};
	if (!item->name)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	find_time(retained, escaped, marks, item);
	retained->count++;
	return 0;
}

/* Those that are kept come last; the others are read. */
static int read_marks(const struct br_retained_facts *facts, struct br_marks *list, size_t count,
		      struct br_error *err)
{
	const struct br_subvol_row *failed = NULL;
	size_t missing = 0;
	int r;

	for (size_t i = 0; i < count; i++) {
		const struct br_marks one = list[i];

		if (br_marks_kept_find(&facts->kept, &list[i]))
			continue;
		list[i] = list[missing];
		list[missing++] = one;
	}
	r = br_marks_read(facts->top, list, missing, &failed, err);
	if (r < 0 && failed)
		return br_error_name(err, br_subvol_table_name(&facts->table, failed));
	return r;
}

static int list_in(const struct br_retained_facts *facts, const struct place *place,
		   const char *escaped, struct br_retained *retained, struct br_error *err)
{
	size_t count;
	int r;

	retained->marks = calloc(facts->table.count + 1, sizeof(*retained->marks));
	if (!retained->marks)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	count = retained->marks_count = find_rows(facts, place, escaped, retained->marks);
	retained->items = calloc(count + 1, sizeof(*retained->items));
	if (!retained->items)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	r = read_marks(facts, retained->marks, count, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = add_item(facts, retained, escaped, &retained->marks[i], err);
	if (r < 0)
		return br_error_context(err, "%s", retained->dir);
	br_retention_sort(retained->items, retained->count);
	return 0;
}

static int list(const struct br_retained_facts *facts, struct br_retained *retained,
		struct br_error *err)
{
	BR_AUTO_FREE char *escaped = NULL;
	struct place place;
	int r;

	if ((r = br_name_escape(retained->subvolume, &escaped, err)) < 0 ||
	    (r = open_place(facts, retained->dir, &retained->dirfd, &place, err)) < 0)
		return r;
	return retained->dirfd < 0 ? 0 : list_in(facts, &place, escaped, retained, err);
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

void br_retained_keep(const struct br_retained_facts *facts, const struct br_retained *const *lists,
		      size_t count)
{
	__attribute__((cleanup(br_marks_kept_free))) struct br_marks_kept kept = { 0 };
	BR_AUTO_FREE const struct br_marks **all = NULL;
	BR_AUTO_CLOSE int state = -1;
	struct br_error none = { 0 };
	size_t total = 0, at = 0;

	for (size_t i = 0; i < count; i++)
		total += lists[i]->marks_count;
	all = total < BR_MARKS_KEPT_FEW ? NULL : calloc(total, sizeof(*all));
	if (!all ||
	    br_open_beneath(facts->top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, &none) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < lists[i]->marks_count; j++)
			all[at++] = &lists[i]->marks[j];
	br_marks_kept_read(facts->top, &kept);
	(void)!br_marks_kept_write(state, &kept, all, total, &none);
}

int br_retained_recheck(int top, const char *requested, const struct br_retained *retained,
			const struct br_retention_item *item, enum br_reason *held_ret,
			struct br_error *err)
{
	__attribute__((cleanup(br_retained_facts_free))) struct br_retained_facts facts = { 0 };
	struct look look = { .name = item->name };
	struct br_subvol subvol;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if ((r = read_holds(top, requested, &facts, err)) < 0 ||
	    (r = br_subvol_open(retained->dirfd, item->name, &fd, &subvol, err)) < 0)
		return r;
	if (subvol.id != item->id)
		return br_error_set(err, BR_ERR_LAYOUT, 0, item->name, "was replaced meanwhile");
	look.id = subvol.id;
	look.is_read_only = subvol.read_only;
	look.pinned = br_record_get_mark(fd, BR_XATTR_PINNED);
	*held_ret = find_hold(&facts, retained, &look);
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
