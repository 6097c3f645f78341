/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was in use gets its place among the archives or the snapshots. */
#include "retire.h"

#include "cleanup.h"
#include "name.h"

#include <stdio.h>

int br_retire_rename(int src_dir, const char *src, int dst_dir, const char *escaped, time_t now,
		     char **name_ret, struct br_error *err)
{
	for (unsigned n = 1;; n++) {
		BR_AUTO_FREE char *name = br_name_archive(escaped, now, n);

		if (!name)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
		if (renameat2(src_dir, src, dst_dir, name, RENAME_NOREPLACE) == 0) {
			*name_ret = br_take_ptr(&name);
			return 0;
		}
		if (errno != EEXIST)
			return br_error_set(err, BR_ERR_RENAME, errno, src, NULL);
	}
}
