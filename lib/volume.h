/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices of a mounted btrfs, and the space on them. */
#ifndef BR_VOLUME_H
#define BR_VOLUME_H

#include "error.h"

#include <stdint.h>

struct br_volume {
	uint64_t devices; /* that belong to the file system */
	uint64_t missing; /* of them, not there */
	/* Bytes on all devices; what is allocated to no block group, so free for any use. */
	uint64_t size, unallocated;
	/* Bytes as df(1) counts them: with two copies of all data half of what is on the devices. */
	uint64_t total, used, available;
	/*
	 * Since the counters were reset (btrfs device stats --reset): reads, writes and flushes that
	 * failed, blocks whose checksum or transaction was wrong.
	 */
	uint64_t errors;
};

/*
 * Read them.
 *
 * fd  anything on the file system, open for reading
 *
 * Returns 0 with *ret filled, untouched otherwise. BR_ERR_DEVICE_PROBE. Needs no privilege, but for the
 * error counters CAP_SYS_ADMIN in Linux before 3.9.
 */
BR_MUST_CHECK int br_volume_read(int fd, struct br_volume *ret, struct br_error *err);

/*
 * Bytes that can still become metadata: what is free in its block groups, and what could be allocated to new ones,
 * without the reserve that the kernel keeps for itself. Of several devices an estimate.
 *
 * fd  as above
 *
 * Returns 0 with *ret, untouched otherwise. BR_ERR_DEVICE_PROBE, BR_ERR_NOMEM. Needs no privilege.
 */
BR_MUST_CHECK int br_volume_metadata_room(int fd, uint64_t *ret, struct br_error *err);

#endif
