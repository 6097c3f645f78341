/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the devices of a mounted btrfs hold, each by itself, and for what kinds of data their space is allocated. */
#ifndef BR_USAGE_H
#define BR_USAGE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum br_device_error {
	BR_DEVICE_ERROR_WRITE,
	BR_DEVICE_ERROR_READ,
	BR_DEVICE_ERROR_FLUSH,
	BR_DEVICE_ERROR_CORRUPTION,
	BR_DEVICE_ERROR_GENERATION,
	BR_DEVICE_ERROR_COUNT,
};

struct br_usage_device {
	uint64_t id;
	char path[1025]; /* as the kernel knows it, raw bytes; "" when it is missing */
	bool is_missing;
	uint64_t size,
		allocated; /* bytes; what is not allocated to a block group is free for any use */
	bool has_errors;   /* what follows is known: a device that is missing has no counters */
	uint64_t errors[BR_DEVICE_ERROR_COUNT]; /* since the counters were reset */
};

/* Block groups of one kind. */
struct br_usage_space {
	const char *type;         /* "data", "metadata", "system", "mixed", "reserve" */
	const char *profile;      /* "single", "dup", "raid1" ... */
	uint64_t allocated, used; /* bytes, one copy of each */
};

struct br_usage {
	struct br_usage_device *devices;
	size_t device_count;
	struct br_usage_space *spaces;
	size_t space_count;
};

/*
 * Read them.
 *
 * fd  anything on the file system, open for reading
 *
 * Returns 0 with *ret for br_usage_free, untouched otherwise. BR_ERR_DEVICE_PROBE, BR_ERR_NOMEM. Needs no privilege.
 */
BR_MUST_CHECK int br_usage_read(int fd, struct br_usage *ret, struct br_error *err);

/* The word for a counter: "write", "corruption". */
const char *br_device_error_name(enum br_device_error error);

/* Release. NULL-safe, and safe on a zeroed structure. */
void br_usage_free(struct br_usage *usage);

#endif
