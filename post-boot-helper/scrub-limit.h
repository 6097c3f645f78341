/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How fast the kernel may scrub: a file in sysfs for each device, which outlives the scrub. What it was before is
 * noted, and restored at the end; after a run that was killed, by the next one.
 */
#ifndef BLANKROOT_SCRUB_LIMIT_H
#define BLANKROOT_SCRUB_LIMIT_H

#include "error.h"
#include "scrub-devices.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Read the argument of --limit: bytes a second, "50M", "1.5GiB"; units of 1,024.
 *
 * Returns false, with *ret untouched, for anything else and for 0.
 */
bool scrub_limit_parse(const char *text, uint64_t *ret);

/*
 * Limit each device that is there.
 *
 * dir    where to note what was before: SCRUB_RECORD_DIR
 * bytes  a second, for each
 *
 * On failure nothing is limited. BR_ERR_OPEN, with ENOENT: this kernel cannot (before 5.14). BR_ERR_READ,
 * BR_ERR_WRITE, BR_ERR_CREATE, BR_ERR_NOMEM. Privilege: root.
 */
BR_MUST_CHECK int scrub_limit_set(const char *dir, const char *fsid,
				  const struct scrub_devices *devices, uint64_t bytes,
				  struct br_error *err);

/*
 * Restore what a run noted, where nobody has changed it since; nothing noted is fine.
 *
 * BR_ERR_READ, BR_ERR_WRITE, BR_ERR_REMOVE, BR_ERR_NOMEM. Privilege: root.
 */
BR_MUST_CHECK int scrub_limit_restore(const char *dir, const char *fsid, struct br_error *err);

#endif
