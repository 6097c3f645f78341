/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file system that a command works on: its configuration, and its top level, mounted for us alone. */
#ifndef BLANKROOT_FILESYSTEM_H
#define BLANKROOT_FILESYSTEM_H

#include "config.h"
#include "device.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct filesystem_options {
	const char *config; /* path of the configuration */
	const char
		*device; /* --device: specification; NULL: what the system and configuration say */
	uint64_t wait;   /* --wait: seconds until another run must have let the lock go */
	bool read_only;  /* nothing will be changed: no lock is taken */
	/*
	 * Nothing will be changed that anybody else looks at: no lock either; or filesystem_lock is called for it later, by
	 * whoever takes the lock of the jobs first
	 */
	bool shared;
};

struct filesystem {
	struct br_config config;
	struct br_device device;
	int top; /* the top level: toplevel.h */
};

/*
 * Read the configuration, find the file system, mount its top level, and lock it unless read_only or
 * shared; for the lock it waits as lock-wait.h says.
 *
 * Which one: the device of --device; else that of the configuration; else the file system whose
 * ephemeral subvolume is mounted where the configuration says; else root= of the kernel command
 * line. Does not wait for devices: the system is up.
 *
 * Returns 0 with *ret owned by the caller (filesystem_close), untouched otherwise. Errors of
 * br_config_load, br_device_find, br_toplevel_mount; BR_ERR_LOCKED; BR_ERR_USAGE when nothing
 * tells the device. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int filesystem_open(const struct filesystem_options *options, struct filesystem *ret,
				  struct br_error *err);

/*
 * Lock one that was opened as shared, as filesystem_open does it for those that are not. BR_ERR_LOCKED, and what finishing
 * the work of others may fail with.
 */
BR_MUST_CHECK int filesystem_lock(const struct filesystem_options *options,
				  const struct filesystem *filesystem, struct br_error *err);

/* Release. NULL-safe. */
void filesystem_close(struct filesystem *filesystem);

#endif
