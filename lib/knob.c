/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot tune can set: names, places and values. */
#include "knob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define RATIO "_ratio"
#define BYTES "_bytes"

static const char *const scheduler_words[] = { "none", "mq-deadline", "kyber", "bfq", NULL };
static const char *const policy_words[] = { "pid", "round-robin", NULL };
static const char *const atime_words[] = { "noatime", "relatime", "strictatime", NULL };
static const char *const compress_words[] = { "no", "lzo", "zlib", "zstd", NULL };
static const char *const discard_words[] = { "no", "async", "sync", NULL };
static const char *const yes_words[] = { "no", "yes", NULL };
static const char *const cache_words[] = { "v2", NULL };

#define NUMBER(word, of, where, least, most)                                                 \
	{                                                                                    \
		.name = (word), .kind = (of), .file = (where), .min = (least), .max = (most) \
	}
#define SIZE(word, of, where, least, most)                                                    \
	{                                                                                     \
		.name = (word), .kind = (of), .file = (where), .min = (least), .max = (most), \
		.is_size = true                                                               \
	}
#define WORD(word, of, where, list)                                            \
	{                                                                      \
		.name = (word), .kind = (of), .file = (where), .words = (list) \
	}

/* Ranges are those of the kernel, where it has some. */
const struct br_knob br_knobs[] = {
	WORD("mount.atime", BR_KNOB_MOUNT, "atime", atime_words),
	WORD("mount.compress", BR_KNOB_MOUNT, "compress", compress_words),
	WORD("mount.discard", BR_KNOB_MOUNT, "discard", discard_words),
	WORD("mount.ssd", BR_KNOB_MOUNT, "ssd", yes_words),
	WORD("mount.space_cache", BR_KNOB_MOUNT, "space_cache", cache_words),
	NUMBER("mount.commit", BR_KNOB_MOUNT, "commit", 1, 300),
	WORD("directory.nodatacow", BR_KNOB_DIRECTORY, "", yes_words),
	WORD("directory.compress", BR_KNOB_DIRECTORY, "", compress_words),
	SIZE("vm.dirty_bytes", BR_KNOB_SYSCTL, "vm/dirty_bytes", 8192, UINT64_MAX),
	SIZE("vm.dirty_background_bytes", BR_KNOB_SYSCTL, "vm/dirty_background_bytes", 4096,
	     UINT64_MAX),
	NUMBER("vm.dirty_expire_centisecs", BR_KNOB_SYSCTL, "vm/dirty_expire_centisecs", 1,
	       INT32_MAX),
	NUMBER("vm.dirty_writeback_centisecs", BR_KNOB_SYSCTL, "vm/dirty_writeback_centisecs", 0,
	       INT32_MAX),
	NUMBER("vm.vfs_cache_pressure", BR_KNOB_SYSCTL, "vm/vfs_cache_pressure", 0, 10000),
	NUMBER("vm.swappiness", BR_KNOB_SYSCTL, "vm/swappiness", 0, 200),
	NUMBER("vm.min_free_kbytes", BR_KNOB_SYSCTL, "vm/min_free_kbytes", 1, INT32_MAX),
	NUMBER("vm.overcommit_memory", BR_KNOB_SYSCTL, "vm/overcommit_memory", 0, 2),
	WORD("queue.scheduler", BR_KNOB_QUEUE, "scheduler", scheduler_words),
	NUMBER("queue.nr_requests", BR_KNOB_QUEUE, "nr_requests", 4, 65536),
	NUMBER("queue.read_ahead_kb", BR_KNOB_QUEUE, "read_ahead_kb", 0, 1048576),
	NUMBER("btrfs.read_ahead_kb", BR_KNOB_BTRFS, "bdi/read_ahead_kb", 0, 1048576),
	NUMBER("btrfs.dynamic_reclaim", BR_KNOB_BTRFS, "allocation/data/dynamic_reclaim", 0, 1),
	NUMBER("btrfs.periodic_reclaim", BR_KNOB_BTRFS, "allocation/data/periodic_reclaim", 0, 1),
	NUMBER("btrfs.bg_reclaim_threshold", BR_KNOB_BTRFS, "allocation/data/bg_reclaim_threshold",
	       0, 100),
	NUMBER("btrfs.discard_iops_limit", BR_KNOB_BTRFS, "discard/iops_limit", 0, UINT32_MAX),
	NUMBER("btrfs.discard_kbps_limit", BR_KNOB_BTRFS, "discard/kbps_limit", 0, UINT32_MAX),
	SIZE("btrfs.discard_max_size", BR_KNOB_BTRFS, "discard/max_discard_size", 0, UINT64_MAX),
	WORD("btrfs.read_policy", BR_KNOB_BTRFS, "read_policy", policy_words),
	{ 0 },
};

const struct br_knob *br_knob_find(const char *name)
{
	for (const struct br_knob *knob = br_knobs; knob->name; knob++)
		if (strcmp(knob->name, name) == 0)
			return knob;
	return NULL;
}

static bool parse_number(const char *text, size_t length, uint64_t *ret)
{
	char *end;

	if (length == 0 || strspn(text, DIGITS) != length)
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && end == text + length;
}

/* "20%" */
static bool parse_share(const char *text, uint64_t *ret)
{
	size_t length = strlen(text);

	return length > 1 && text[length - 1] == '%' && parse_number(text, length - 1, ret);
}

static bool has_share(const struct br_knob *knob)
{
	return strncmp(knob->name, "vm.dirty_", strlen("vm.dirty_")) == 0 && knob->is_size;
}

static const char *level_problem(const char *word, const char *level)
{
	uint64_t most = strcmp(word, "zstd") == 0 ? 15 : strcmp(word, "zlib") == 0 ? 9 : 0;
	uint64_t number;

	if (!*level)
		return NULL;
	if (*level != ':' || most == 0)
		return "is not one of its words";
	if (!parse_number(level + 1, strlen(level + 1), &number) || number < 1 || number > most)
		return "has a level that there is not: zstd has 1 to 15, zlib 1 to 9, lzo none";
	return NULL;
}

static const char *word_problem(const struct br_knob *knob, const char *value)
{
	bool has_level = strcmp(knob->name, "mount.compress") == 0;

	for (size_t i = 0; knob->words[i]; i++) {
		size_t length = strlen(knob->words[i]);

		if (strncmp(knob->words[i], value, length) != 0)
			continue;
		if (has_level)
			return level_problem(knob->words[i], value + length);
		if (value[length] == '\0')
			return NULL;
	}
	return "is not one of its words";
}

const char *br_knob_value_problem(const struct br_knob *knob, const char *value)
{
	uint64_t number;

	if (strcmp(value, BR_KNOB_KEEP) == 0)
		return NULL;
	if (knob->words)
		return word_problem(knob, value);
	if (has_share(knob) && parse_share(value, &number))
		return number > 100 ? "is more than 100 percent" : NULL;
	if (!parse_number(value, strlen(value), &number))
		return "is not a whole number";
	if (number < knob->min)
		return "is less than the kernel takes";
	return number > knob->max ? "is more than the kernel takes" : NULL;
}

/* The knob that a ratio is a share of; NULL: it is none. */
static const struct br_knob *find_of_ratio(const char *name)
{
	char bytes[64];
	size_t length = strlen(name);

	if (length < strlen(RATIO) || length >= sizeof(bytes) ||
	    strcmp(name + length - strlen(RATIO), RATIO) != 0)
		return NULL;
	(void)snprintf(bytes, sizeof(bytes), "%.*s" BYTES, (int)(length - strlen(RATIO)), name);
	return br_knob_find(bytes);
}

const char *br_knob_parse(const char *text, struct br_knob_setting *ret)
{
	struct br_knob_setting setting = { 0 };
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : 0;
	bool is_ratio;
	char name[64];

	if (length == 0 || length >= sizeof(name))
		return "must be NAME=VALUE, such as vm.swappiness=10";
	memcpy(name, text, length);
	name[length] = '\0';
	setting.knob = br_knob_find(name);
	is_ratio = !setting.knob && (setting.knob = find_of_ratio(name));
	if (!setting.knob)
		return "is nothing that blankroot tune can set: 'blankroot tune' lists what is";
	length = strlen(equals + 1);
	if (length + 2 > sizeof(setting.value))
		return "has too long a value";
	memcpy(setting.value, equals + 1, length + 1);
	if (is_ratio && strcmp(setting.value, BR_KNOB_KEEP) != 0) {
		setting.value[length] = '%';
		setting.value[length + 1] = '\0';
	}
	*ret = setting;
	return br_knob_value_problem(setting.knob, setting.value);
}

bool br_knob_dirty_is_reversed(const char *background, const char *limit)
{
	uint64_t low, high;

	if (parse_share(background, &low) && parse_share(limit, &high))
		return low > high;
	return parse_number(background, strlen(background), &low) &&
	       parse_number(limit, strlen(limit), &high) && low > high;
}
