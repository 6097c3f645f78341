/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the modes want. Every value is justified in docs/performance-modes.md, by measurement or by a source, and
 * what is not there is not here.
 */
#include "tune.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MIB (UINT64_C(1024) * 1024)

static const char *const names[] = { [BR_PERFORMANCE_NONE] = "none",
				     [BR_PERFORMANCE_BALANCED] = "balanced",
				     [BR_PERFORMANCE_IO] = "io-optimized",
				     [BR_PERFORMANCE_SPACE] = "space-optimized" };

#define MODE_COUNT (sizeof(names) / sizeof(names[0]))

const char *tune_mode_name(enum br_performance mode)
{
	return names[mode];
}

bool tune_mode_find(const char *name, enum br_performance *ret)
{
	for (size_t i = 0; i < MODE_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*ret = (enum br_performance)i;
			return true;
		}
	return false;
}

/* --- what all disks have in common --- */

static bool all_disks(const struct tune_facts *facts, bool (*is)(const struct tune_disk *disk))
{
	for (size_t i = 0; i < facts->disk_count; i++)
		if (!is(&facts->disks[i]))
			return false;
	return facts->disk_count > 0;
}

static bool is_solid(const struct tune_disk *disk)
{
	return !disk->is_rotational;
}

static bool is_real_and_solid(const struct tune_disk *disk)
{
	return !disk->is_rotational && !disk->is_virtual;
}

static bool has_discard(const struct tune_disk *disk)
{
	return disk->has_discard;
}

/* A mirror is as slow as its slowest. */
static uint64_t speed_of(const struct tune_facts *facts)
{
	uint64_t speed = facts->disk_count > 0 ? UINT64_MAX : 128 * MIB;

	for (size_t i = 0; i < facts->disk_count; i++)
		if (facts->disks[i].speed < speed)
			speed = facts->disks[i].speed;
	return speed;
}

/* --- amounts of memory --- */

static uint64_t at_most(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whole mebibytes, so that it can be read. */
static const char *put_amount(uint64_t bytes, char buf[32])
{
	(void)snprintf(buf, 32, "%" PRIu64, (bytes > MIB ? bytes / MIB : 1) * MIB);
	return buf;
}

/* What the disk takes in so many seconds, but no more than a share of memory. */
static const char *put_dirty(const struct tune_facts *facts, unsigned seconds, unsigned percent,
			     char buf[32])
{
	return put_amount(at_most(seconds * speed_of(facts), facts->memory / 100 * percent), buf);
}

/* A 256th of memory, 128 MiB at most. */
static const char *put_reserve(const struct tune_facts *facts, char buf[32])
{
	uint64_t kib = at_most(facts->memory / 256, 128 * MIB) / 1024;

	(void)snprintf(buf, 32, "%" PRIu64, kib);
	return buf;
}

/* --- by kind --- */

static const char *value_of_mount(enum br_performance mode, const char *option,
				  const struct tune_facts *facts)
{
	if (strcmp(option, "atime") == 0)
		return "noatime";
	if (strcmp(option, "space_cache") == 0)
		return "v2";
	if (strcmp(option, "discard") == 0)
		return all_disks(facts, has_discard) ? "async" : NULL;
	if (strcmp(option, "ssd") == 0)
		return all_disks(facts, is_real_and_solid) ? "yes" : NULL;
	if (strcmp(option, "compress") != 0)
		return NULL;
	if (mode == BR_PERFORMANCE_SPACE)
		return "zstd:3";
	/* a disk that turns is slower than a processor compresses */
	if (!all_disks(facts, is_solid))
		return mode == BR_PERFORMANCE_BALANCED ? "zstd:1" : NULL;
	return mode == BR_PERFORMANCE_IO ? "no" : NULL;
}

static const char *value_of_sysctl(enum br_performance mode, const char *name,
				   const struct tune_facts *facts, char buf[32])
{
	bool is_io = mode == BR_PERFORMANCE_IO;

	if (strcmp(name, "vm.dirty_bytes") == 0)
		return is_io ? put_dirty(facts, 16, 40, buf) : put_dirty(facts, 4, 20, buf);
	if (strcmp(name, "vm.dirty_background_bytes") == 0)
		return is_io ? put_dirty(facts, 4, 10, buf) : put_dirty(facts, 1, 5, buf);
	if (!is_io)
		return NULL;
	if (strcmp(name, "vm.vfs_cache_pressure") == 0)
		return "50";
	if (strcmp(name, "vm.swappiness") == 0)
		return "10";
	return strcmp(name, "vm.min_free_kbytes") == 0 ? put_reserve(facts, buf) : NULL;
}

static const char *value_of_queue(enum br_performance mode, const char *file,
				  const struct tune_disk *disk)
{
	if (strcmp(file, "scheduler") == 0)
		return disk->is_virtual || strncmp(disk->name, "nvme", 4) == 0 ? "none"
									       : "mq-deadline";
	if (strcmp(file, "nr_requests") == 0 && mode == BR_PERFORMANCE_IO && disk->is_rotational)
		return "256";
	return NULL;
}

static const char *value_of_btrfs(enum br_performance mode, const char *name,
				  const struct tune_facts *facts)
{
	bool is_io = mode == BR_PERFORMANCE_IO;

	if (strcmp(name, "btrfs.dynamic_reclaim") == 0)
		return is_io ? NULL : "1";
	if (strcmp(name, "btrfs.periodic_reclaim") == 0)
		return mode == BR_PERFORMANCE_SPACE ? "1" : NULL;
	if (strcmp(name, "btrfs.bg_reclaim_threshold") == 0)
		return is_io ? NULL : "30";
	if (strcmp(name, "btrfs.discard_iops_limit") == 0)
		return all_disks(facts, has_discard) ? "1000" : NULL;
	if (strcmp(name, "btrfs.read_policy") == 0)
		return is_io && facts->disk_count > 1 ? "round-robin" : NULL;
	return NULL;
}

const char *tune_mode_value(enum br_performance mode, const struct br_knob *knob,
			    const struct tune_facts *facts, const struct tune_disk *disk,
			    char buf[32])
{
	if (mode == BR_PERFORMANCE_NONE)
		return NULL;
	switch (knob->kind) {
	case BR_KNOB_MOUNT:
		return value_of_mount(mode, knob->file, facts);
	case BR_KNOB_SYSCTL:
		return value_of_sysctl(mode, knob->name, facts, buf);
	case BR_KNOB_QUEUE:
		return value_of_queue(mode, knob->file, disk);
	case BR_KNOB_BTRFS:
		return value_of_btrfs(mode, knob->name, facts);
	default:
		return NULL; /* directories: below */
	}
}

const char *const *tune_mode_directories(enum br_performance mode, const struct br_knob *knob)
{
	/* databases and images of disks, which are written to in place and have checks of their own */
	static const char *const rewritten[] = { "/var/lib/postgresql",
						 "/var/lib/mysql",
						 "/var/lib/mongodb",
						 "/var/lib/libvirt/images",
						 "/var/lib/containers/storage/volumes",
						 "/var/lib/docker/volumes",
						 NULL };
	static const char *const text[] = { "/var/log", NULL };
	static const char *const nothing[] = { NULL };

	if (strcmp(knob->name, "directory.nodatacow") == 0)
		return mode == BR_PERFORMANCE_IO ? rewritten : nothing;
	return mode == BR_PERFORMANCE_BALANCED ? text : nothing;
}
