/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The block devices of a machine as possible members of a btrfs, and the members of one file
 * system. What was found on a device is remembered from one look to the next, so that looking often
 * is cheap.
 */
#ifndef BR_DEVICE_MEMBERS_H
#define BR_DEVICE_MEMBERS_H

#include "blockdev.h"
#include "device-spec.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct br_member {
	char *path;
	dev_t number;
	uint64_t size;    /* bytes; 0: no medium, nothing attached */
	int sys_errno;    /* why it could not be read; 0: it could */
	bool has_super;   /* there is a superblock of btrfs, perhaps an old one */
	uint8_t fsid[16]; /* of it; and its label */
	char label[257];
	bool is_probed;            /* libblkid was asked what that means */
	bool is_btrfs;             /* what follows is filled */
	struct br_content content; /* its uuid is common to the members */
	uint64_t devid;
	uint64_t generation;
	uint64_t total; /* members that the file system has, says this one */
};

struct br_member_table {
	struct br_member *members; /* all block devices, in order of their paths */
	size_t count;
};

/*
 * Look at all block devices. One that was looked at before is looked at again only when its size
 * has changed or it could not be read. libblkid, which reads a lot, is asked about those alone that
 * may be what is wanted, and about the other members of that file system: the cost does not grow with
 * the number of other file systems.
 *
 * table   zeroed at first; of the last look otherwise
 * wanted  what is looked for. A path may be anywhere, and is always looked at again
 * fresh   look at everything again, and ask libblkid about every btrfs
 *
 * BR_ERR_OPEN, BR_ERR_READ, BR_ERR_NOMEM; the table is as before then. Privilege: to read block
 * devices.
 */
BR_MUST_CHECK int br_member_table_refresh(struct br_member_table *table,
					  const struct br_device_spec *wanted, bool fresh,
					  struct br_error *err);

/* Release. Safe on a zeroed one. */
void br_member_table_free(struct br_member_table *table);

/* The members of one file system. */
struct br_member_group {
	const struct br_member **members; /* into the table */
	size_t count;
	const struct br_member *newest; /* the one with the highest generation; no target of a
					   replacement, if there is another one */
	uint64_t total;                 /* members that the file system has, says the newest one */
};

/*
 * Collect the members of the file system with this UUID. A device that is a part of another one
 * with the same member id (multipath) is left out.
 *
 * Returns 0 with *ret owned by the caller (br_member_group_free) and valid as long as the table is.
 * BR_ERR_LAYOUT when two devices have the same member id, naming both; BR_ERR_NOMEM.
 */
BR_MUST_CHECK int br_member_group_collect(const struct br_member_table *table, const char *uuid,
					  struct br_member_group *ret, struct br_error *err);

/* Is there the target of a replacement, one that was not finished or was given up? */
bool br_member_group_is_being_replaced(const struct br_member_group *group);

/* How many members are missing. The target of an unfinished replacement (member id 0) is none. */
uint64_t br_member_group_missing(const struct br_member_group *group);

/*
 * Register the members with the kernel (BTRFS_IOC_SCAN_DEV) and ask whether it regards the file
 * system as complete.
 *
 * ready_ret  its answer (BTRFS_IOC_DEVICES_READY); true also while a member is being replaced, when it never
 *            says yes
 *
 * BR_ERR_DEVICE_PROBE. What was registered stays so. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_member_group_register(const struct br_member_group *group, bool *ready_ret,
					   struct br_error *err);

/* Release. Safe on a zeroed one. */
void br_member_group_free(struct br_member_group *group);

#endif
