/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last scrub, in the file of btrfs-progs and in a copy of it. */
#include "scrub-record.h"

#include "beneath.h"
#include "cleanup.h"
#include "file.h"
#include "name.h"
#include "private-dir.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_LINE "scrub status:1"
#define RECORD_MAX (1U << 20) /* a line for each device */

/* The counters, in the order in which btrfs-progs writes them. */
static const struct {
	const char *key;
	size_t offset;
} counters[] = {
#define COUNTER(name)                                              \
	{                                                          \
#name, offsetof(struct btrfs_scrub_progress, name) \
	}
	COUNTER(data_extents_scrubbed), COUNTER(tree_extents_scrubbed),
	COUNTER(data_bytes_scrubbed),   COUNTER(tree_bytes_scrubbed),
	COUNTER(read_errors),           COUNTER(csum_errors),
	COUNTER(verify_errors),         COUNTER(no_csum),
	COUNTER(csum_discards),         COUNTER(super_errors),
	COUNTER(malloc_errors),         COUNTER(uncorrectable_errors),
	COUNTER(corrected_errors),      COUNTER(last_physical),
#undef COUNTER
};

#define COUNTER_COUNT (sizeof(counters) / sizeof(counters[0]))

bool scrub_device_record_is_unfinished(const struct scrub_device_record *device)
{
	return device->is_canceled || !device->is_ended;
}

uint64_t scrub_device_record_errors(const struct scrub_device_record *device)
{
	const struct btrfs_scrub_progress *progress = &device->progress;

	return progress->read_errors + progress->csum_errors + progress->verify_errors +
	       progress->super_errors;
}

const struct scrub_device_record *scrub_record_find(const struct scrub_record *record,
						    uint64_t devid)
{
	for (size_t i = 0; i < record->count; i++)
		if (record->devices[i].devid == devid)
			return &record->devices[i];
	return NULL;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The duration is that of all parts: of one that was resumed, the last part is somewhere in it. */
static uint64_t last_active(const struct scrub_device_record *device)
{
	return device->started ? greater(device->started + device->duration, device->resumed) : 0;
}

/* The one that was scrubbed first, of those that were not at its end before that time. NULL: none. */
static const struct scrub_device_record *next_after(const struct scrub_record *record,
						    uint64_t time)
{
	const struct scrub_device_record *next = NULL;

	for (size_t i = 0; i < record->count; i++) {
		const struct scrub_device_record *device = &record->devices[i];

		if (device->started + device->duration > time &&
		    (!next || device->started < next->started))
			next = device;
	}
	return next;
}

/* For how long one or more of them were scrubbed: at once, or one after another. */
static uint64_t duration_of_all(const struct scrub_record *record)
{
	const struct scrub_device_record *device;
	uint64_t sum = 0, until = 0;

	while ((device = next_after(record, until))) {
		sum += device->started + device->duration - greater(device->started, until);
		until = device->started + device->duration;
	}
	return sum;
}

void scrub_record_sum_up(struct scrub_record *record)
{
	struct scrub_record sum = { .exists = record->count > 0,
				    .is_finished = record->count > 0,
				    .duration = duration_of_all(record),
				    .devices = record->devices,
				    .count = record->count };

	for (size_t i = 0; i < record->count; i++) {
		const struct scrub_device_record *device = &record->devices[i];
		const struct btrfs_scrub_progress *progress = &device->progress;

		sum.started = greater(sum.started, device->started);
		sum.last_active = greater(sum.last_active, last_active(device));
		sum.errors += scrub_device_record_errors(device);
		sum.repaired += progress->corrected_errors;
		sum.uncorrectable += progress->uncorrectable_errors;
		sum.scrubbed += progress->data_bytes_scrubbed + progress->tree_bytes_scrubbed;
		sum.is_finished &= !scrub_device_record_is_unfinished(device);
	}
	*record = sum;
}

/* --- reading --- */

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

static struct scrub_device_record parse_device(const char *line, size_t fsid_length)
{
	struct scrub_device_record device = {
		.devid = strtoull(line + fsid_length + 1, NULL, 10),
		.started = get(line, "t_start", 0),
		.resumed = get(line, "t_resumed", 0),
		.duration = get(line, "duration", 0),
		.is_canceled = get(line, "canceled", 1) != 0,
		.is_ended = get(line, "finished", 0) != 0,
	};

	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		__u64 value = get(line, counters[i].key, 0);

		memcpy((char *)&device.progress + counters[i].offset, &value, sizeof(value));
	}
	return device;
}

/* BR_ERR_READ, without a text, when it is something else. */
static int parse(char *text, const char *fsid, struct scrub_record *record, struct br_error *err)
{
	size_t length = strlen(fsid);
	char *rest = NULL;
	const char *line = strtok_r(text, "\n", &rest);

	if (!line || strcmp(line, FIRST_LINE) != 0)
		return br_error_set(err, BR_ERR_READ, 0, NULL, NULL);
	while ((line = strtok_r(NULL, "\n", &rest))) {
		struct scrub_device_record *grown;

		if (strncmp(line, fsid, length) != 0 || line[length] != ':')
			return br_error_set(err, BR_ERR_READ, 0, NULL, NULL);
		grown = reallocarray(record->devices, record->count + 1, sizeof(*grown));
		if (!grown)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		record->devices = grown;
		grown[record->count++] = parse_device(line, length);
	}
	scrub_record_sum_up(record);
	return 0;
}

static int read_one(int dirfd, const char *path, const char *fsid, struct scrub_record *ret,
		    struct br_error *err)
{
	BR_AUTO_FREE char *text = NULL;
	struct scrub_record record = { 0 };
	int r = br_file_read(dirfd, path, RECORD_MAX, &text, NULL, err);

	if (r < 0)
		return err->sys_errno == ENOENT ? 0 : r;
	r = parse(text, fsid, &record, err);
	if (r < 0) {
		scrub_record_free(&record);
		return r == BR_ERR_READ ? br_error_set(err, r, 0, path, "not the record of a scrub")
					: r;
	}
	*ret = record;
	return 0;
}

static int make_path(const char *dir, const char *fsid, char **path_ret, struct br_error *err)
{
	if (asprintf(path_ret, "%s/scrub.status.%s", dir, fsid) >= 0)
		return 0;
	*path_ret = NULL;
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int read_copy(int top, const char *fsid, struct scrub_record *ret, struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_open_beneath(top, BR_STATE_DIR, O_RDONLY | O_DIRECTORY, 0, &state, err);

	if (r == 0)
		r = read_one(state, SCRUB_RECORD_COPY, fsid, ret, err);
	return r == BR_ERR_NOMEM ? r : 0;
}

/* What btrfs-progs write at the beginning has no times yet: that is of now. */
static bool is_older(const struct scrub_record *record, const struct scrub_record *copy)
{
	return !record->exists ||
	       (record->last_active > 0 && record->last_active < copy->last_active);
}

int scrub_record_read(const char *dir, int top, const char *fsid, struct scrub_record *ret,
		      struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	struct scrub_record record = { 0 }, copy = { 0 };
	int r = 0;

	if (dir && (r = make_path(dir, fsid, &path, err)) == 0)
		r = read_one(AT_FDCWD, path, fsid, &record, err);
	if (r == 0 && top >= 0)
		r = read_copy(top, fsid, &copy, err);
	if (r < 0) {
		scrub_record_free(&record);
		return r;
	}
	if (copy.exists && is_older(&record, &copy)) {
		struct scrub_record older = record;

		record = copy;
		copy = older;
	}
	scrub_record_free(&copy);
	*ret = record;
	return 0;
}

/* --- writing --- */

struct text {
	const char *fsid;
	const struct scrub_record *record;
};

static void put_device(FILE *out, const char *fsid, const struct scrub_device_record *device)
{
	(void)fprintf(out, "%s:%" PRIu64, fsid, device->devid); /* failures show in ferror */
	for (size_t i = 0; i < COUNTER_COUNT; i++) {
		__u64 value;

		memcpy(&value, (const char *)&device->progress + counters[i].offset, sizeof(value));
		(void)fprintf(out, "|%s:%llu", counters[i].key, (unsigned long long)value);
	}
	(void)fprintf(out,
		      "|t_start:%" PRIu64 "|t_resumed:%" PRIu64 "|duration:%" PRIu64
		      "|canceled:%d|finished:%d\n",
		      device->started, device->resumed, device->duration, device->is_canceled,
		      device->is_ended);
}

static void put_record(FILE *out, const void *data)
{
	const struct text *text = data;

	(void)fputs(FIRST_LINE "\n", out);
	for (size_t i = 0; i < text->record->count; i++)
		put_device(out, text->fsid, &text->record->devices[i]);
}

static int write_one(int dirfd, const char *path, const char *fsid,
		     const struct scrub_record *record, struct br_error *err)
{
	BR_AUTO_FREE char *text = br_text_make(put_record, &(struct text){ fsid, record });

	if (!text)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	return br_file_replace(dirfd, path, text, strlen(text), 0600, err);
}

int scrub_record_write(const char *dir, const char *fsid, const struct scrub_record *record,
		       struct br_error *err)
{
	BR_AUTO_FREE char *path = NULL;
	int r;

	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return br_error_set(err, BR_ERR_CREATE, errno, dir, NULL);
	if ((r = make_path(dir, fsid, &path, err)) < 0)
		return r;
	return write_one(AT_FDCWD, path, fsid, record, err);
}

int scrub_record_write_copy(int top, const char *fsid, const struct scrub_record *record,
			    struct br_error *err)
{
	BR_AUTO_CLOSE int state = -1;
	int r = br_private_dir_open(top, BR_STATE_DIR, &state, err);

	if (r == 0)
		r = write_one(state, SCRUB_RECORD_COPY, fsid, record, err);
	return r < 0 ? br_error_prefix_path(err, BR_STATE_DIR) : 0;
}

void scrub_record_free(struct scrub_record *record)
{
	if (!record)
		return;
	free(record->devices);
	*record = (struct scrub_record){ 0 };
}
