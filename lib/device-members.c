/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The members of a btrfs, among the block devices of the machine. */
#include "device-members.h"

#include "cleanup.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* The first superblock of a btrfs (struct btrfs_super_block) and what of it matters here. */
#define SUPER_OFFSET 65536
#define SUPER_SIZE 4096
#define SUPER_FSID_AT 0x20
#define SUPER_MAGIC_AT 0x40
#define SUPER_GENERATION_AT 0x48
#define SUPER_NUM_DEVICES_AT 0x88
#define SUPER_DEVID_AT 0xc9
#define SUPER_LABEL_AT 0x12b
#define SUPER_MAGIC "_BHRfS_M"

#define CONTROL "/dev/btrfs-control"

static uint64_t get_le64(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

/* One read tells most devices that are no members from those that may be. */
static int read_super(int fd, struct br_member *member)
{
	unsigned char super[SUPER_SIZE];
	ssize_t n = pread(fd, super, sizeof(super), SUPER_OFFSET);

	if (n < 0)
		return -1;
	if (n < SUPER_SIZE ||
	    memcmp(super + SUPER_MAGIC_AT, SUPER_MAGIC, sizeof(SUPER_MAGIC) - 1) != 0)
		return 0;
	member->has_super = true;
	memcpy(member->fsid, super + SUPER_FSID_AT, sizeof(member->fsid));
	memcpy(member->label, super + SUPER_LABEL_AT, sizeof(member->label) - 1);
	member->generation = get_le64(super + SUPER_GENERATION_AT);
	member->total = get_le64(super + SUPER_NUM_DEVICES_AT);
	member->devid = get_le64(super + SUPER_DEVID_AT);
	return 0;
}

/* What is looked for. */
struct wish {
	const struct br_device_spec *spec;
	dev_t named; /* by its path; 0: none, no block device is that */
	bool all;
};

/* Could this be it? By what its superblock says alone, when that can tell. */
static bool may_be_wanted(const struct br_member *member, const struct wish *wish)
{
	const char *value = wish->spec->value;
	char uuid[2 * sizeof(member->fsid) + 5], *end = uuid;

	switch (wish->spec->tag) {
	case BR_TAG_PATH:
		return wish->all || member->number == wish->named;
	case BR_TAG_UUID:
		for (size_t i = 0; i < sizeof(member->fsid); i++)
			end += sprintf(end, "%s%02x", i >= 4 && i <= 10 && i % 2 == 0 ? "-" : "",
				       member->fsid[i]);
		return wish->all || strcasecmp(uuid, value) == 0;
	case BR_TAG_LABEL: /* libblkid leaves out blanks at its end */
		return wish->all || strncmp(member->label, value, strlen(value)) == 0;
	default:
		return true;
	}
}

/* libblkid has the last word: an md member with its metadata at the end has a superblock, too. */
static int probe(int fd, struct br_member *member)
{
	if (br_content_probe(fd, BR_PROBE_BTRFS, &member->content) != 0)
		return -1;
	member->is_probed = true;
	member->is_btrfs = strcmp(member->content.type, "btrfs") == 0;
	return 0;
}

/* Fill a zeroed member. known: what was found last time, or NULL. */
static int look_at(const struct br_blockdev *device, const struct br_member *known,
		   const struct wish *wish, struct br_member *ret)
{
	uint64_t size = 0;
	BR_AUTO_CLOSE int fd = br_blockdev_open(device->path, &size);
	bool keep = fd >= 0 && known && known->size == size && !known->sys_errno;

	if (keep)
		*ret = *known;
	ret->number = device->number;
	ret->size = size;
	if (fd < 0 || (!keep && size > 0 && read_super(fd, ret) != 0) ||
	    (ret->has_super && !ret->is_probed && may_be_wanted(ret, wish) && probe(fd, ret) != 0))
		ret->sys_errno = errno;
	ret->path = strdup(device->path);
	return ret->path ? 0 : -1;
}

/* What is known of a device. named: is always looked at again, for it may be getting its content */
static const struct br_member *find(const struct br_member_table *table, dev_t number, dev_t named)
{
	if (!table || number == named)
		return NULL;
	for (size_t i = 0; i < table->count; i++)
		if (table->members[i].number == number)
			return &table->members[i];
	return NULL;
}

/* With one of a file system named by its path, the others are those with the same superblock. */
static void probe_siblings(struct br_member_table *table, dev_t named)
{
	const struct br_member *one = find(table, named, 0);

	for (size_t i = 0; one && one->is_btrfs && i < table->count; i++) {
		struct br_member *other = &table->members[i];
		BR_AUTO_CLOSE int fd = -1;
		uint64_t size;

		if (!other->has_super || other->is_probed || other->sys_errno ||
		    memcmp(other->fsid, one->fsid, sizeof(one->fsid)) != 0)
			continue;
		fd = br_blockdev_open(other->path, &size);
		if (fd < 0 || probe(fd, other) != 0)
			other->sys_errno = errno;
	}
}

static int look_at_all(const struct br_blockdev_list *list, const struct br_member_table *known,
		       const struct wish *wish, struct br_member_table *ret)
{
	ret->members = calloc(list->count + 1, sizeof(*ret->members));
	if (!ret->members)
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		const struct br_blockdev *device = &list->devices[i];

		if (look_at(device, find(known, device->number, wish->named), wish,
			    &ret->members[i]) != 0)
			return -1;
		ret->count++;
	}
	if (wish->named)
		probe_siblings(ret, wish->named);
	return 0;
}

int br_member_table_refresh(struct br_member_table *table, const struct br_device_spec *wanted,
			    bool fresh, struct br_error *err)
{
	const char *path = wanted->tag == BR_TAG_PATH ? wanted->value : NULL;
	struct br_member_table now = { NULL, 0 };
	struct wish wish = { .spec = wanted, .all = fresh };
	struct br_blockdev_list list;
	struct stat st;
	int r = br_blockdev_list(path, &list, err);

	if (r != 0)
		return r;
	if (path && stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		wish.named = st.st_rdev;
	r = look_at_all(&list, fresh ? NULL : table, &wish, &now);
	br_blockdev_list_free(&list);
	if (r != 0) {
		br_member_table_free(&now);
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	br_member_table_free(table);
	*table = now;
	return 0;
}

void br_member_table_free(struct br_member_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->members[i].path);
	free(table->members);
	*table = (struct br_member_table){ NULL, 0 };
}

static bool is_of(const struct br_member *member, const char *uuid)
{
	return member->is_btrfs && strcmp(member->content.uuid, uuid) == 0;
}

/* Is this device only a part of another one, through which the same member is seen? */
static bool is_shadowed(const struct br_member_table *table, const struct br_member *member)
{
	if (!br_blockdev_is_held(member->number))
		return false;
	for (size_t i = 0; i < table->count; i++) {
		const struct br_member *other = &table->members[i];

		if (other != member && is_of(other, member->content.uuid) &&
		    other->devid == member->devid && !br_blockdev_is_held(other->number))
			return true;
	}
	return false;
}

static const struct br_member *find_devid(const struct br_member_group *group, uint64_t devid)
{
	for (size_t i = 0; i < group->count; i++)
		if (group->members[i]->devid == devid)
			return group->members[i];
	return NULL;
}

/* The target of a replacement is not complete before its end. */
static bool is_better(const struct br_member *member, const struct br_member *newest)
{
	bool is_target = member->devid == BTRFS_DEV_REPLACE_DEVID;

	if (is_target != (newest->devid == BTRFS_DEV_REPLACE_DEVID))
		return !is_target;
	return member->generation > newest->generation;
}

static int add_member(struct br_member_group *group, const struct br_member *member,
		      struct br_error *err)
{
	const struct br_member *twin = find_devid(group, member->devid);

	if (twin)
		return br_error_set(
			err, BR_ERR_LAYOUT, 0, member->path,
			"is a copy of %s: both are member %llu of the btrfs %s. Writing "
			"to the file system could mix them up: detach one of them, or give "
			"the copy a UUID of its own (btrfstune -u)",
			twin->path, (unsigned long long)member->devid, member->content.uuid);
	group->members[group->count++] = member;
	if (!group->newest || is_better(member, group->newest)) {
		group->newest = member;
		group->total = member->total;
	}
	return 0;
}

int br_member_group_collect(const struct br_member_table *table, const char *uuid,
			    struct br_member_group *ret, struct br_error *err)
{
	struct br_member_group group = { .members = calloc(table->count + 1,
							   sizeof(*group.members)) };
	int r = 0;

	if (!group.members)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	for (size_t i = 0; r == 0 && i < table->count; i++) {
		const struct br_member *member = &table->members[i];

		if (is_of(member, uuid) && !is_shadowed(table, member))
			r = add_member(&group, member, err);
	}
	if (r != 0) {
		br_member_group_free(&group);
		return r;
	}
	*ret = group;
	return 0;
}

bool br_member_group_is_being_replaced(const struct br_member_group *group)
{
	return find_devid(group, BTRFS_DEV_REPLACE_DEVID) != NULL;
}

uint64_t br_member_group_missing(const struct br_member_group *group)
{
	uint64_t present = group->count - (br_member_group_is_being_replaced(group) ? 1 : 0);

	return present < group->total ? group->total - present : 0;
}

/* Returns what the ioctl returned, which is -1 with errno when it failed. */
static int ask_kernel(int control, unsigned long request, const char *path)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	size_t length = strlen(path);

	if (length >= sizeof(args.name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(args.name, path, length);
	return ioctl(control, request, &args);
}

int br_member_group_register(const struct br_member_group *group, bool *ready_ret,
			     struct br_error *err)
{
	BR_AUTO_CLOSE int control = open(CONTROL, O_RDWR | O_CLOEXEC);
	int answer;

	if (control < 0)
		return br_error_set(
			err, BR_ERR_DEVICE_PROBE, errno, CONTROL,
			"needed to register the members of a file system on several devices");
	for (size_t i = 0; i < group->count; i++)
		/* a target that was given up meanwhile is none any more; else the mount fails */
		if (ask_kernel(control, BTRFS_IOC_SCAN_DEV, group->members[i]->path) < 0 &&
		    group->members[i]->devid != BTRFS_DEV_REPLACE_DEVID)
			return br_error_set(
				err, BR_ERR_DEVICE_PROBE, errno, group->members[i]->path,
				"the kernel does not accept it as a member of the file system %s",
				group->members[i]->content.uuid);
	answer = ask_kernel(control, BTRFS_IOC_DEVICES_READY, group->newest->path);
	if (answer < 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, group->newest->path,
				    "the kernel does not tell whether the file system is complete");
	/* it compares the number of devices with that of members, but the target is among the devices only */
	*ready_ret = answer == 0 || br_member_group_is_being_replaced(group);
	return 0;
}

void br_member_group_free(struct br_member_group *group)
{
	free(group->members);
	*group = (struct br_member_group){ .members = NULL };
}
