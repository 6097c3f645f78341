/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a file system was not found, for a person at a console. */
#include "device-explain.h"

#include "cleanup.h"

#include <stdarg.h>
#include <string.h>

#define LOCKED_TYPE "crypto_LUKS"

/* A text that grows. What is too long for an error is cut there, so lists come last. */
struct text {
	char buf[BR_ERROR_TEXT_MAX + 1];
	size_t used;
};

BR_PRINTF(2, 3)
static void append(struct text *text, const char *fmt, ...)
{
	size_t room = sizeof(text->buf) - text->used;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text->buf + text->used, room, fmt, args);
	va_end(args);
	if (n > 0)
		text->used += (size_t)n < room ? (size_t)n : room - 1;
}

static void append_wait(struct text *text, const struct br_device_wanted *wanted)
{
	if (wanted->seconds)
		append(text, " after %u second%s", wanted->seconds,
		       wanted->seconds == 1 ? "" : "s");
}

/* What a person should do about a device that holds something else than btrfs. */
static const char *advice(const char *type)
{
	static const struct {
		const char *type, *advice;
	} table[] = {
		{ LOCKED_TYPE,
		  ": is it unlocked? The file system is on the device that unlocking it makes" },
		{ "LVM2_member", ": is its volume group active? Name the logical volume" },
		{ "linux_raid_member", ": is the array assembled? Name the array" },
		{ BR_CONTENT_AMBIVALENT,
		  " (btrfs may be one): \"wipefs\" lists them and can erase the stale ones" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(type, table[i].type) == 0)
			return table[i].advice;
	return ", not btrfs";
}

/* Returns false when it cannot be read or has no content. */
static bool probe(const struct br_member *member, struct br_content *content)
{
	uint64_t size = 0;
	BR_AUTO_CLOSE int fd = br_blockdev_open(member->path, &size);

	return fd >= 0 && size > 0 && br_content_probe(fd, BR_PROBE_ALL, content) == 0;
}

int br_device_explain_other(const struct br_device_wanted *wanted, const struct br_member *member,
			    bool *lasting_ret, struct br_error *err)
{
	struct br_content content = { .type = "" };
	struct text text = { .used = 0 };

	*lasting_ret = false;
	if (member->sys_errno)
		return br_error_set(err, BR_ERR_DEVICE_PROBE, member->sys_errno, member->path,
				    "cannot be read");
	if (member->size > 0 && !probe(member, &content))
		return br_error_set(err, BR_ERR_DEVICE_PROBE, errno, member->path,
				    "cannot be read");
	if (strcmp(content.type, "btrfs") == 0)
		return br_error_set(
			err, BR_ERR_DEVICE_PROBE, 0, member->path,
			"the btrfs on it is just being made, or is on a zoned disk, which is "
			"not supported");
	if (content.type[0]) {
		*lasting_ret = true;
		return br_error_set(err, BR_ERR_DEVICE_PROBE, 0, member->path, "holds %s%s",
				    content.type, advice(content.type));
	}
	if (content.part_table[0]) {
		*lasting_ret = true;
		return br_error_set(err, BR_ERR_DEVICE_PROBE, 0, member->path,
				    "holds a partition table (%s): name one of its partitions",
				    content.part_table);
	}
	append(&text, member->size > 0 ? "nothing recognised on it"
				       : "it is empty: no medium, or nothing attached");
	append_wait(&text, wanted);
	append(&text,
	       ". Check that it is the device that was meant: \"blkid\" lists what is where");
	return br_error_set(err, BR_ERR_DEVICE_PROBE, 0, member->path, "%s", text.buf);
}

static void append_missing(struct text *text, const struct br_device_wanted *wanted)
{
	enum br_device_tag tag = wanted->spec.tag;
	bool by_partition = tag == BR_TAG_PARTUUID || tag == BR_TAG_PARTLABEL;

	append(text, tag == BR_TAG_PATH ? "does not exist" : "no btrfs has it");
	append_wait(text, wanted);
	append(text, ". Check that the name is right, that the disk is connected, and that the "
		     "initramfs has its driver");
	if (by_partition && access("/sys/dev/block", F_OK) != 0)
		append(text, ". /sys is not mounted: without it partitions have no names");
}

static bool has_name(const struct br_device_spec *spec, const struct br_content *content)
{
	return content->type[0] && br_device_spec_matches(spec, content);
}

/* Returns true when one that is no btrfs has the name that was looked for. */
static bool append_locked(struct text *text, const struct br_device_wanted *wanted,
			  const struct br_member_table *table, struct br_error *err)
{
	const char *before = ". Locked (" LOCKED_TYPE "): ";

	for (size_t i = 0; i < table->count; i++) {
		const struct br_member *member = &table->members[i];
		struct br_content content;

		if (member->is_btrfs || !probe(member, &content))
			continue;
		if (has_name(&wanted->spec, &content)) {
			br_error_set(err, BR_ERR_DEVICE_PROBE, 0, wanted->text,
				     "is %s, which holds %s%s", member->path, content.type,
				     advice(content.type));
			return true;
		}
		if (strcmp(content.type, LOCKED_TYPE) != 0 || br_blockdev_is_held(member->number))
			continue;
		append(text, "%s%s", before, member->path);
		before = ", ";
	}
	return false;
}

static void append_btrfs(struct text *text, const struct br_member_table *table)
{
	const char *before = ". Btrfs found: ";

	for (size_t i = 0; i < table->count; i++) {
		const struct br_content *content = &table->members[i].content;

		if (!table->members[i].is_btrfs)
			continue;
		append(text, "%s%s (UUID=%s%s%s)", before, table->members[i].path, content->uuid,
		       content->label[0] ? " LABEL=" : "", content->label);
		before = ", ";
	}
}

int br_device_explain_missing(const struct br_device_wanted *wanted,
			      const struct br_member_table *table, struct br_error *err)
{
	struct text text = { .used = 0 };

	append_missing(&text, wanted);
	if (append_locked(&text, wanted, table, err))
		return BR_ERR_DEVICE_PROBE;
	append_btrfs(&text, table);
	return br_error_set(err, BR_ERR_DEVICE_MISSING, 0, wanted->text, "%s", text.buf);
}

static void append_members(struct text *text, const struct br_member_group *group)
{
	const char *before = " Found: ";

	for (size_t i = 0; i < group->count; i++) {
		append(text, "%s%s (devid %llu)", before, group->members[i]->path,
		       (unsigned long long)group->members[i]->devid);
		before = ", ";
	}
}

int br_device_explain_incomplete(const struct br_device_wanted *wanted,
				 const struct br_member_group *group, struct br_error *err)
{
	unsigned long long missing = br_member_group_missing(group), total = group->total;
	const char *uuid = group->newest->content.uuid;
	struct text text = { .used = 0 };

	if (missing > 0)
		append(&text, "%llu of the %llu members of the btrfs %s %s missing", missing, total,
		       uuid, missing == 1 ? "is" : "are");
	else
		append(&text,
		       "the kernel does not regard the btrfs %s as complete, though all of its "
		       "%llu members are there",
		       uuid, total);
	append_wait(&text, wanted);
	if (missing > 0)
		append(&text, ". Check that all disks are connected, that the initramfs has their "
			      "drivers, and that encrypted ones are unlocked; \"degraded = yes\" "
			      "in the configuration goes on without.");
	else
		append(&text, ". Check with \"btrfs filesystem show\" and \"btrfs device scan "
			      "--forget\".");
	append_members(&text, group);
	return br_error_set(err, BR_ERR_DEVICE_INCOMPLETE, 0, wanted->text, "%s", text.buf);
}
