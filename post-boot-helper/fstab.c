/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Subvolumes that fstab(5) mounts by their ids. */
#include "fstab.h"

#include "cleanup.h"
#include "device.h"

#include <errno.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION "subvolid"

/* How the id is written; NULL: there is none. */
static const char *find_subvolid(const struct mntent *entry)
{
	const char *option = hasmntopt(entry, OPTION);

	return option && option[strlen(OPTION)] == '=' ? option + strlen(OPTION "=") : NULL;
}

static bool is_on(const struct mntent *entry, const char *filesystem)
{
	struct br_device device;
	struct br_error none;
	bool is_same;

	if (!br_device_spec_is_valid(entry->mnt_fsname) ||
	    br_device_find(entry->mnt_fsname, 0, &device, &none) < 0)
		return false;
	is_same = strcmp(device.fsid, filesystem) == 0;
	br_device_free(&device);
	return is_same;
}

int fstab_visit_subvolids(FILE *table, const char *filesystem, fstab_visitor visit, void *data)
{
	const struct mntent *entry;

	while ((entry = getmntent(table))) {
		const char *option = find_subvolid(entry);
		char written[32];
		int r;

		if (!option || strcmp(entry->mnt_type, "btrfs") != 0 || !is_on(entry, filesystem))
			continue;
		(void)snprintf(written, sizeof(written), "%.*s", (int)strcspn(option, ","), option);
		/* the kernel reads it in any base: 0x101 is 257 */
		r = visit(data, entry->mnt_dir, strtoull(option, NULL, 0), written);
		if (r != 0)
			return r;
	}
	return 0;
}

struct wanted {
	uint64_t id;
	char *where;
	struct br_error *err;
};

static int find_id(void *data, const char *where, uint64_t id, const char *written)
{
	struct wanted *wanted = data;

	(void)written;
	if (id != wanted->id)
		return 0;
	wanted->where = strdup(where);
	return wanted->where ? 1 : br_error_set(wanted->err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

int fstab_find_subvolid(const char *filesystem, uint64_t id, char **where_ret, struct br_error *err)
{
	BR_AUTO_FILE FILE *table = fopen(FSTAB_PATH, "re");
	struct wanted wanted = { .id = id, .err = err };
	int r;

	*where_ret = NULL;
	if (!table)
		return errno == ENOENT ? 0
				       : br_error_set(err, BR_ERR_READ, errno, FSTAB_PATH, NULL);
	r = fstab_visit_subvolids(table, filesystem, find_id, &wanted);
	*where_ret = wanted.where;
	return r < 0 ? r : 0;
}
