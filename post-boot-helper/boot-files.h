/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files for booting, and what became of them while a program ran that may have changed them. */
#ifndef BLANKROOT_BOOT_FILES_H
#define BLANKROOT_BOOT_FILES_H

#include "error.h"

#include <stddef.h>
#include <sys/stat.h>

struct boot_file {
	char *path; /* in the directory */
	off_t size;
	struct timespec changed; /* its content */
};

struct boot_files {
	struct boot_file *list; /* sorted by path */
	size_t count, room;
};

/*
 * List the regular files in a directory, and in those in it, over mounts too.
 *
 * dir  -1: there is none
 *
 * Returns 0 with *ret for boot_files_free. BR_ERR_READ, BR_ERR_NOMEM.
 */
BR_MUST_CHECK int boot_files_list(int dir, struct boot_files *ret, struct br_error *err);

/* Those that are new, changed or gone. A negative result ends the visit and is returned. */
typedef int (*boot_files_visitor)(void *data, const char *path, struct br_error *err);
BR_MUST_CHECK int boot_files_compare(const struct boot_files *before,
				     const struct boot_files *after, boot_files_visitor visit,
				     void *data, struct br_error *err);

/*
 * Replace a text in a file of a boot loader's configuration, wherever it is in it, atomically and durably. What is no
 * text, or too large to be one, is left alone.
 *
 * Returns 1 when it was replaced, 0 when it is not in the file. BR_ERR_READ, BR_ERR_NOMEM, those of br_file_replace.
 */
BR_MUST_CHECK int boot_files_mend(int dir, const char *path, const char *wrong, const char *right,
				  struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void boot_files_free(struct boot_files *files);

#endif
