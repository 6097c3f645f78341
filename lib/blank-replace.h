/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making an archive the new blank. A crash at any moment leaves one complete blank, the old one or the
 * new one, under its name; the old one is kept as an archive.
 */
#ifndef BR_BLANK_REPLACE_H
#define BR_BLANK_REPLACE_H

#include "config.h"
#include "error.h"

#include <time.h>

/*
 * Replace a blank by a read-only snapshot of an archive, with all subvolumes nested in it. On return
 * it is on the disk, and noted as what the next reset has to expect.
 *
 * top        the top level, open, writable and locked: br_toplevel_lock
 * config     all ephemeral subvolumes: several may have that blank
 * ephemeral  of them, the one whose archive it is; it has an archive directory
 * archive    name of the archive there
 * now        when, for the name of the old blank
 * kept_ret   its name in the archive directory, owned by the caller
 *
 * Finishes first what an interruption left: br_blank_replace_finish. Returns 0; BR_ERR_IN_USE when the
 * blank is mounted; BR_ERR_LAYOUT when it is not a read-only subvolume, and the errors of the steps:
 * after BR_ERR_SNAPSHOT, BR_ERR_XATTR, BR_ERR_SUBVOLUME and BR_ERR_EXCHANGE the old one is still in
 * place. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int br_blank_replace(int top, const struct br_config *config,
				   const struct br_ephemeral *ephemeral, const char *archive,
				   time_t now, char **kept_ret, struct br_error *err);

/*
 * Finish what an interrupted br_blank_replace left: delete a new blank that is not in place, or archive
 * the old one that is not any more. Nothing to do is fine.
 *
 * kept_ret  name of the archive that was made, owned by the caller; NULL in it: none
 */
BR_MUST_CHECK int br_blank_replace_finish(int top, const struct br_ephemeral *ephemeral, time_t now,
					  char **kept_ret, struct br_error *err);

#endif
