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
#define SUPER_MAGIC_AT 0x40
#define SUPER_GENERATION_AT 0x48
#define SUPER_NUM_DEVICES_AT 0x88
#define SUPER_DEVID_AT 0xc9
#define SUPER_MAGIC "_BHRfS_M"

#define CONTROL "/dev/btrfs-control"

static uint64_t get_le64(const unsigned char *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}

/*
 * One read tells most devices that are no members from those that may be; libblkid reads a disk in
 * 50 places. It has the last word: an md member with its metadata at the end has a btrfs superblock
 * too.
 */
static int read_member(int fd, struct br_member *member)
{
	unsigned char super[SUPER_SIZE];
	ssize_t n = pread(fd, super, sizeof(super), SUPER_OFFSET);

	if (n < 0)
		return -1;
	if (n < SUPER_SIZE ||
	    memcmp(super + SUPER_MAGIC_AT, SUPER_MAGIC, sizeof(SUPER_MAGIC) - 1) != 0)
		return 0;
	if (br_content_probe(fd, BR_PROBE_BTRFS, &member->content) != 0)
		return -1;
	member->is_btrfs = strcmp(member->content.type, "btrfs") == 0;
	member->generation = get_le64(super + SUPER_GENERATION_AT);
	member->total = get_le64(super + SUPER_NUM_DEVICES_AT);
	member->devid = get_le64(super + SUPER_DEVID_AT);
	return 0;
}

/* Fill a zeroed member. known: what was found last time, or NULL. */
static int look_at(const struct br_blockdev *device, const struct br_member *known,
		   struct br_member *ret)
{
	uint64_t size = 0;
	BR_AUTO_CLOSE int fd = br_blockdev_open(device->path, &size);

	if (fd >= 0 && known && known->size == size && !known->sys_errno)
		*ret = *known;
	else if (fd < 0 || (size > 0 && read_member(fd, ret) != 0))
		ret->sys_errno = errno;
	ret->number = device->number;
	ret->size = size;
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

static int look_at_all(const struct br_blockdev_list *list, const struct br_member_table *known,
		       dev_t named, struct br_member_table *ret)
{
	ret->members = calloc(list->count + 1, sizeof(*ret->members));
	if (!ret->members)
		return -1;
	for (size_t i = 0; i < list->count; i++) {
		const struct br_blockdev *device = &list->devices[i];

		if (look_at(device, find(known, device->number, named), &ret->members[i]) != 0)
			return -1;
		ret->count++;
	}
	return 0;
}

int br_member_table_refresh(struct br_member_table *table, const char *extra, bool fresh,
			    struct br_error *err)
{
	struct br_member_table now = { NULL, 0 };
	struct br_blockdev_list list;
	struct stat st;
	dev_t named = extra && stat(extra, &st) == 0 ? st.st_rdev : 0; /* no block device is 0 */
	int r = br_blockdev_list(extra, &list, err);

	if (r != 0)
		return r;
	r = look_at_all(&list, fresh ? NULL : table, named, &now);
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
	if (!group->newest || member->generation > group->newest->generation) {
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

uint64_t br_member_group_missing(const struct br_member_group *group)
{
	uint64_t present = group->count - (find_devid(group, BTRFS_DEV_REPLACE_DEVID) ? 1 : 0);

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
		if (ask_kernel(control, BTRFS_IOC_SCAN_DEV, group->members[i]->path) < 0)
			return br_error_set(
				err, BR_ERR_DEVICE_PROBE, errno, group->members[i]->path,
				"the kernel does not accept it as a member of the file system %s",
				group->members[i]->content.uuid);
	answer = ask_kernel(control, BTRFS_IOC_DEVICES_READY, group->newest->path);
	if (answer < 0)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, group->newest->path,
				    "the kernel does not tell whether the file system is complete");
	*ready_ret = answer == 0;
	return 0;
}

void br_member_group_free(struct br_member_group *group)
{
	free(group->members);
	*group = (struct br_member_group){ .members = NULL };
}
