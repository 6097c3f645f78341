/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding the btrfs to work on, and waiting for it. */
#include "device.h"

#include "cleanup.h"
#include "deadline.h"
#include "device-explain.h"
#include "device-members.h"
#include "device-spec.h"

#include <string.h>
#include <sys/stat.h>

#define PAUSE_MIN (20 * BR_NSEC_PER_MSEC)
#define PAUSE_MAX (250 * BR_NSEC_PER_MSEC)

struct search {
	struct br_device_wanted wanted;
	struct br_member_table table;
	bool last;     /* this is the last look */
	bool degraded; /* members may be missing */
};

static int missing(const struct search *search, struct br_error *err)
{
	/* the explanation costs a probe of every device: only when somebody will read it */
	if (search->last)
		return br_device_explain_missing(&search->wanted, &search->table, err);
	return br_error_set(err, BR_ERR_DEVICE_MISSING, 0, search->wanted.text, NULL);
}

static const char *not_a_device(mode_t mode)
{
	if (S_ISREG(mode))
		return "a regular file, not a block device: attach it to a loop device (losetup)";
	return S_ISDIR(mode) ? "a directory, not a block device" : "not a block device";
}

/* Links are followed. final: waiting is of no use. */
static int stat_path(const struct search *search, dev_t *number_ret, bool *final,
		     struct br_error *err)
{
	const char *path = search->wanted.spec.value;
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return missing(search, err);
		*final = true;
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, path, NULL);
	}
	if (!S_ISBLK(st.st_mode)) {
		*final = true;
		return br_error_set(err, BR_ERR_DEVICE_PROBE, 0, path, "%s",
				    not_a_device(st.st_mode));
	}
	*number_ret = st.st_rdev;
	return 0;
}

static int find_by_path(const struct search *search, const struct br_member **ret, bool *final,
			struct br_error *err)
{
	const struct br_member_table *table = &search->table;
	dev_t number = 0;
	int r = stat_path(search, &number, final, err);

	if (r != 0)
		return r;
	for (size_t i = 0; i < table->count; i++) {
		if (table->members[i].number != number)
			continue;
		if (!table->members[i].is_btrfs)
			return br_device_explain_other(&search->wanted, &table->members[i], final,
						       err);
		*ret = &table->members[i];
		return 0;
	}
	return missing(search, err); /* came after the table was made */
}

static int refuse_two(const struct search *search, const struct br_member *one,
		      const struct br_member *other, struct br_error *err)
{
	return br_error_set(err, BR_ERR_LAYOUT, 0, search->wanted.text,
			    "two file systems have it: %s (UUID=%s) and %s (UUID=%s). Name the one "
			    "that is meant by its UUID",
			    one->path, one->content.uuid, other->path, other->content.uuid);
}

static int find_by_tag(const struct search *search, const struct br_member **ret, bool *final,
		       struct br_error *err)
{
	const struct br_member *found = NULL;

	for (size_t i = 0; i < search->table.count; i++) {
		const struct br_member *member = &search->table.members[i];

		if (!member->is_btrfs ||
		    !br_device_spec_matches(&search->wanted.spec, &member->content))
			continue;
		if (found && strcmp(found->content.uuid, member->content.uuid) != 0) {
			*final = true;
			return refuse_two(search, found, member, err);
		}
		found = found ? found : member;
	}
	if (!found)
		return missing(search, err);
	*ret = found;
	return 0;
}

/* Are all members there, or as many as are needed, and does the kernel know them? */
static int complete(const struct search *search, const struct br_member_group *group,
		    struct br_error *err)
{
	uint64_t missing_members = br_member_group_missing(group);
	bool ready = false;
	int r;

	if (missing_members > 0 && !search->degraded)
		return br_device_explain_incomplete(&search->wanted, group, err);
	if (group->total <= 1 && !br_member_group_is_being_replaced(group))
		return 0; /* mounting registers the one that it is given */
	r = br_member_group_register(group, &ready, err);
	if (r == 0 && !ready && missing_members == 0)
		r = br_device_explain_incomplete(&search->wanted, group, err);
	return r;
}

/* The member that was named by path, unless it is a part of another device; else the newest. */
static const struct br_member *choose(const struct search *search, const struct br_member *found,
				      const struct br_member_group *group)
{
	for (size_t i = 0; search->wanted.spec.tag == BR_TAG_PATH && i < group->count; i++)
		if (group->members[i] == found)
			return found;
	return group->newest;
}

static int fill(const struct br_member *member, const struct br_member_group *group,
		struct br_device *ret, struct br_error *err)
{
	struct br_device device = { .path = strdup(member->path),
				    .members = group->total,
				    .missing = br_member_group_missing(group) };

	if (!device.path)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	(void)snprintf(device.fsid, sizeof(device.fsid), "%.36s",
		       member->content.uuid); /* always 36 characters */
	*ret = device;
	return 0;
}

/* final: waiting is of no use */
static int look(struct search *search, struct br_device *ret, bool *final, struct br_error *err)
{
	bool by_path = search->wanted.spec.tag == BR_TAG_PATH;
	struct br_member_group group;
	const struct br_member *found = NULL;
	int r;

	*final = false;
	r = br_member_table_refresh(&search->table, &search->wanted.spec, search->last, err);
	if (r != 0)
		return r;
	r = by_path ? find_by_path(search, &found, final, err)
		    : find_by_tag(search, &found, final, err);
	if (r != 0)
		return r;
	r = br_member_group_collect(&search->table, found->content.uuid, &group, err);
	if (r != 0) {
		*final = true;
		return r;
	}
	r = complete(search, &group, err);
	if (r == 0)
		r = fill(choose(search, found, &group), &group, ret, err);
	br_member_group_free(&group);
	return r;
}

int br_device_find(const char *spec, unsigned seconds, struct br_device *device_ret,
		   struct br_error *err)
{
	struct search search = { .wanted = { .text = spec, .seconds = seconds } };
	struct br_deadline deadline = br_deadline_in(seconds);
	uint64_t pause = PAUSE_MIN;
	bool final = false;
	int r = br_device_spec_parse(spec, &search.wanted.spec, err);

	if (r != 0)
		return r;
	for (;;) {
		search.last = br_deadline_left(deadline) == 0;
		r = look(&search, device_ret, &final, err);
		if (r == 0 || final || search.last)
			break;
		(void)br_deadline_pause(deadline, pause);
		pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
	}
	br_member_table_free(&search.table);
	br_device_spec_free(&search.wanted.spec);
	return r;
}

int br_device_find_degraded(const char *spec, struct br_device *device_ret, struct br_error *err)
{
	struct search search = { .wanted = { .text = spec }, .last = true, .degraded = true };
	bool final = false;
	int r = br_device_spec_parse(spec, &search.wanted.spec, err);

	if (r != 0)
		return r;
	r = look(&search, device_ret, &final, err);
	br_member_table_free(&search.table);
	br_device_spec_free(&search.wanted.spec);
	return r;
}

void br_device_free(struct br_device *device)
{
	if (!device)
		return;
	free(device->path);
	*device = (struct br_device){ .path = NULL };
}
