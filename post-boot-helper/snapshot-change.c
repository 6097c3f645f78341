/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot snapshot delete, pin, unpin: archives, parked subvolumes and snapshots, one by one. */
#include "audit.h"
#include "cleanup.h"
#include "marking.h"
#include "name.h"
#include "retained-all.h"
#include "snapshot.h"
#include "subvol.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

/* One that was named. */
struct named {
	const struct retained_group *group;
	const struct br_retention_item *item;
};

static int find(const struct retained_all *all, const char *name, struct named *ret,
		struct br_error *err)
{
	struct named found = { 0 };

	for (size_t i = 0; i < all->count; i++) {
		const struct br_retained *retained = &all->groups[i].retained;

		for (size_t j = 0; j < retained->count; j++) {
			if (!retained_is_meant(retained, &retained->items[j], name))
				continue;
			if (found.item) {
				(void)br_error_set(err, BR_ERR_USAGE, 0, name,
						   "there are several of that name; say which by "
						   "its path, such as %s/%s",
						   retained->dir, retained->items[j].name);
				return BR_ERR_USAGE;
			}
			found = (struct named){ &all->groups[i], &retained->items[j] };
		}
	}
	if (!found.item) {
		(void)br_error_set(err, BR_ERR_USAGE, 0, name,
				   "there is no archive or snapshot of that name; 'blankroot "
				   "list' has them all");
		return BR_ERR_USAGE;
	}
	*ret = found;
	return 0;
}

static int refuse(const struct named *named, enum br_code code, const char *why,
		  struct br_error *err)
{
	(void)br_error_set(err, code, 0, named->item->name, "%s", why);
	return br_error_prefix_path(err, named->group->retained.dir);
}

static const char *problem_of(enum br_reason held)
{
	switch (held) {
	case BR_REASON_PINNED:
		return "it is pinned; 'blankroot snapshot unpin' takes that off";
	case BR_REASON_WRITABLE:
		return "it is writable: somebody works in it";
	case BR_REASON_DEFAULT:
		return "it is the default subvolume";
	case BR_REASON_REQUESTED:
		return "the next boot is to start from it; 'blankroot rollback --undo' takes that back";
	case BR_REASON_MOUNTED:
		return "it, or something in it, is mounted";
	default:
		return NULL;
	}
}

static bool is_mounted(const struct retained_all *all, const struct named *named)
{
	BR_AUTO_FREE char *path = br_name_join(named->group->retained.dir, named->item->name);

	return !path || br_mountinfo_find_btrfs(&all->facts.mounts, all->facts.top, path);
}

/* Before the first of them is acted on. */
static int check(const struct retained_all *all, const struct named *named,
		 enum snapshot_action action, struct br_error *err)
{
	int r = retained_check_readable(&named->group->retained, named->item, err);

	if (r < 0)
		return r;
	if (action == SNAPSHOT_DELETE)
		return named->item->held
			       ? refuse(named, BR_ERR_DELETE, problem_of(named->item->held), err)
			       : 0;
	/* for the mark it becomes writable for a moment: also where it is mounted */
	if (is_mounted(all, named))
		return refuse(named, BR_ERR_IN_USE,
			      "it, or something in it, is mounted; unmount that first", err);
	return 0;
}

static void tell(const struct named *named, const struct snapshot_options *options)
{
	static const char *const done[] = { [SNAPSHOT_DELETE] = "deleted",
					    [SNAPSHOT_PIN] = "pinned",
					    [SNAPSHOT_UNPIN] = "unpinned" };
	static const char *const planned[] = { [SNAPSHOT_DELETE] = "would delete",
					       [SNAPSHOT_PIN] = "would pin",
					       [SNAPSHOT_UNPIN] = "would unpin" };

	/* lost output is found when it is closed */
	(void)fputs((options->dry_run ? planned : done)[options->action], stdout);
	(void)putchar(' ');
	br_text_put_name(stdout, named->group->retained.dir);
	(void)putchar('/');
	br_text_put_name(stdout, named->item->name);
	(void)putchar('\n');
	(void)fflush(stdout);
}

static int delete_one(const struct retained_all *all, const struct named *named,
		      struct br_error *err)
{
	enum br_reason held;
	int r = br_retained_recheck(all->facts.top, all->facts.requested, &named->group->retained,
				    named->item, &held, err);

	if (r < 0)
		return r;
	if (held != BR_REASON_NONE)
		return refuse(named, BR_ERR_DELETE, problem_of(held), err);
	/* whoever deletes one by hand does not want to wait for the kernel to clean up */
	return br_retained_delete(&all->facts, &named->group->retained, named->item, 0, err);
}

static int pin_one(const struct retained_all *all, const struct named *named, bool pinned,
		   struct br_error *err)
{
	const struct br_retained *retained = &named->group->retained;
	BR_AUTO_CLOSE int fd = -1;
	struct br_subvol subvol;
	int r = br_subvol_open(retained->dirfd, named->item->name, &fd, &subvol, err);

	if (r == 0 && subvol.id != named->item->id)
		r = br_error_set(err, BR_ERR_LAYOUT, 0, named->item->name,
				 "was replaced meanwhile");
	if (r == 0)
		r = br_marking_pin(all->facts.top, fd, pinned, err);
	return r < 0 ? br_error_prefix_path(err, retained->dir) : 0;
}

static int change_one(const struct retained_all *all, const struct named *named,
		      const struct snapshot_options *options, struct br_error *err)
{
	static const char *const operations[] = { [SNAPSHOT_DELETE] = "snapshot-delete",
						  [SNAPSHOT_PIN] = "snapshot-pin",
						  [SNAPSHOT_UNPIN] = "snapshot-unpin" };
	int r = 0;

	if (!options->dry_run && options->action == SNAPSHOT_DELETE)
		r = delete_one(all, named, err);
	else if (!options->dry_run)
		r = pin_one(all, named, options->action == SNAPSHOT_PIN, err);
	if (!options->dry_run)
		audit_result(operations[options->action], named->group->retained.dir,
			     named->item->name, r, err);
	if (r == 0)
		tell(named, options);
	return r;
}

static int change_all(const struct retained_all *all, const struct snapshot_options *options,
		      struct br_error *err)
{
	BR_AUTO_FREE struct named *named = calloc(options->count + 1, sizeof(*named));
	int r = 0;

	if (!named)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; r == 0 && i < options->count; i++) {
		r = find(all, options->names[i], &named[i], err);
		if (r == 0)
			r = check(all, &named[i], options->action, err);
		for (size_t j = 0; r == 0 && j < i; j++)
			if (named[j].item == named[i].item)
				r = br_error_set(err, BR_ERR_USAGE, 0, options->names[i],
						 "is named twice");
	}
	for (size_t i = 0; r == 0 && i < options->count; i++)
		r = change_one(all, &named[i], options, err);
	return r;
}

int snapshot_change(const struct filesystem *filesystem, const struct snapshot_options *options,
		    struct br_error *err)
{
	struct retained_all all;
	int r = retained_all_read(filesystem->top, &filesystem->config, NULL, time(NULL), &all,
				  err);

	if (r < 0)
		return r;
	r = change_all(&all, options, err);
	retained_all_free(&all);
	return r;
}
