/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What archives and snapshots hold, kept for a while. */
#include "metrics-overhead.h"

#include "cleanup.h"
#include "fields.h"
#include "file.h"
#include "json.h"
#include "overhead-all.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CACHE "overhead.json"
#define CACHE_MAX ((size_t)16 << 10)
#define CACHE_VERSION 1

#define AGE_MAX 3600      /* seconds that it is good for, however fast it was counted */
#define COST_FACTOR 100   /* and at least so many times as long as it took */
#define COUNT_SECONDS 120 /* what is not counted by then is left out */

struct cached {
	const char *filesystem;
	struct metrics_overhead overhead;
};

#define NUMBER(key, member)                                                         \
	{                                                                           \
		(key), FIELD_NUMBER, offsetof(struct cached, overhead.member), true \
	}

static const struct field fields[] = {
	{ "filesystem", FIELD_STRING, offsetof(struct cached, filesystem), true },
	NUMBER("counted", counted),
	NUMBER("duration_us", duration_us),
	NUMBER("used", used),
	NUMBER("total", total),
	NUMBER("archives", kinds[BR_RETAINED_ARCHIVE]),
	NUMBER("parked", kinds[BR_RETAINED_PARKED]),
	NUMBER("snapshots", kinds[BR_RETAINED_SNAPSHOT]),
	{ "is_complete", FIELD_BOOLEAN, offsetof(struct cached, overhead.is_complete), true },
	{ 0 },
};

/* What a clock that was set back makes young for ever is counted anew. */
static bool is_fresh(const struct metrics_overhead *overhead, uint64_t now)
{
	uint64_t worth = overhead->duration_us / (1000 * 1000 / COST_FACTOR);

	return overhead->counted <= now &&
	       now - overhead->counted < (worth > AGE_MAX ? worth : AGE_MAX);
}

static bool take(const json_t *json, const char *fsid, uint64_t now, struct metrics_overhead *ret)
{
	struct br_error ignored;
	const struct field_reader reader = { .file = CACHE, .err = &ignored };
	struct cached cached = { 0 };

	if (!json_is_object(json) || fields_read(&reader, json, "", fields, &cached) < 0 ||
	    strcmp(cached.filesystem, fsid) != 0 || !is_fresh(&cached.overhead, now))
		return false;
	*ret = cached.overhead;
	return true;
}

static bool read_cache(const char *dir, const char *fsid, uint64_t now,
		       struct metrics_overhead *ret)
{
	BR_AUTO_CLOSE int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored;
	json_t *json;
	bool found;

	if (fd < 0 || br_file_read(fd, CACHE, CACHE_MAX, &text, NULL, &ignored) < 0)
		return false;
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	found = take(json, fsid, now, ret);
	json_decref(json);
	return found;
}

static void put(FILE *out, const void *data)
{
	const struct cached *cached = data;
	const struct metrics_overhead *overhead = &cached->overhead;
	struct br_json json = br_json_start(out);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", CACHE_VERSION);
	br_json_string(&json, "filesystem", cached->filesystem);
	br_json_number(&json, "counted", overhead->counted);
	br_json_number(&json, "duration_us", overhead->duration_us);
	br_json_number(&json, "used", overhead->used);
	br_json_number(&json, "total", overhead->total);
	br_json_number(&json, "archives", overhead->kinds[BR_RETAINED_ARCHIVE]);
	br_json_number(&json, "parked", overhead->kinds[BR_RETAINED_PARKED]);
	br_json_number(&json, "snapshots", overhead->kinds[BR_RETAINED_SNAPSHOT]);
	br_json_bool(&json, "is_complete", overhead->is_complete);
	br_json_close_object(&json);
}

/* What cannot be kept is counted again: that is no failure. */
static void write_cache(const char *dir, const char *fsid, const struct metrics_overhead *overhead)
{
	const struct cached cached = { fsid, *overhead };
	BR_AUTO_FREE char *text = br_text_make(put, &cached);
	BR_AUTO_CLOSE int fd = -1;
	struct br_error ignored;
	int r;

	(void)mkdir(dir, 0755);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !text)
		return;
	r = br_file_replace(fd, CACHE, text, strlen(text), 0644, &ignored);
	(void)r;
}

static uint64_t now_usec(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* there is one everywhere */
	return (uint64_t)now.tv_sec * 1000 * 1000 + (uint64_t)now.tv_nsec / 1000;
}

static int count(const struct retained_all *all, uint64_t used, struct metrics_overhead *ret,
		 struct br_error *err)
{
	uint64_t since = now_usec();
	struct overhead_all overhead;
	int r = overhead_all_count(all->facts.top, all, COUNT_SECONDS, &overhead, err);

	if (r < 0)
		return r;
	*ret = (struct metrics_overhead){ .counted = (uint64_t)time(NULL),
					  .duration_us = now_usec() - since,
					  .used = used,
					  .total = overhead.counted.total,
					  .is_complete = overhead.counted.is_complete };
	for (size_t i = 0; i < METRICS_KINDS; i++)
		ret->kinds[i] = overhead.counted.groups[i];
	overhead_all_free(&overhead);
	return 0;
}

int metrics_overhead_get(const struct retained_all *all, const char *fsid, uint64_t used,
			 const char *dir, struct metrics_overhead *ret, struct br_error *err)
{
	int r;

	if (read_cache(dir, fsid, (uint64_t)time(NULL), ret))
		return 0;
	r = count(all, used, ret, err);
	if (r == 0)
		write_cache(dir, fsid, ret);
	return r;
}

double metrics_overhead_share(const struct metrics_overhead *overhead)
{
	return overhead->used
		       ? (double)overhead->kinds[BR_RETAINED_ARCHIVE] / (double)overhead->used
		       : 0;
}
