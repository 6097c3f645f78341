/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last scrub, from the file of btrfs-progs. */
#include "scrub-record.h"

#include "cleanup.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>

#define FIRST_LINE "scrub status:1"
#define RECORD_MAX (1U << 20) /* a line for each device */

/* Counters that are errors; those that were repaired count among the others too. */
static const char *const error_keys[] = { "read_errors", "csum_errors", "verify_errors",
					  "super_errors" };

/* Value of a key in the line of a device; otherwise when it is not there. */
static uint64_t get(const char *line, const char *key, uint64_t otherwise)
{
	size_t length = strlen(key);

	for (const char *at = strchr(line, '|'); at; at = strchr(at, '|')) {
		at++;
		if (strncmp(at, key, length) == 0 && at[length] == ':')
			return strtoull(at + length + 1, NULL, 10);
	}
	return otherwise;
}

static void add_device(const char *line, struct scrub_record *record)
{
	uint64_t started = get(line, "t_start", 0);

	if (started > record->started)
		record->started = started;
	for (size_t i = 0; i < sizeof(error_keys) / sizeof(error_keys[0]); i++)
		record->errors += get(line, error_keys[i], 0);
	record->repaired += get(line, "corrected_errors", 0);
	record->is_finished &= get(line, "finished", 0) == 1 && get(line, "canceled", 1) == 0;
}

static int parse(char *text, const char *fsid, struct scrub_record *ret)
{
	struct scrub_record record = { .is_finished = true };
	char *rest = NULL;
	const char *line = strtok_r(text, "\n", &rest);

	if (!line || strcmp(line, FIRST_LINE) != 0)
		return -1;
	while ((line = strtok_r(NULL, "\n", &rest))) {
		if (strncmp(line, fsid, strlen(fsid)) != 0 || line[strlen(fsid)] != ':')
			return -1;
		add_device(line, &record);
		record.exists = true;
	}
	*ret = record;
	return 0;
}

int scrub_record_read(const char *dir, const char *fsid, struct scrub_record *ret,
		      struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *text = NULL;
	int r;

	*ret = (struct scrub_record){ 0 };
	if (asprintf(&path, "%s/scrub.status.%s", dir, fsid) < 0) {
		path = NULL;
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	}
	r = br_file_read(AT_FDCWD, path, RECORD_MAX, &text, NULL, err);
	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	if (parse(text, fsid, ret) < 0)
		return br_error_set(err, BR_ERR_READ, 0, path, "not the record of a scrub");
	return 0;
}
