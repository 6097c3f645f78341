/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The layout of a small server on the top level of an image, and the configuration for it.
 * Subvolumes are made by the btrfs program, not by the library under test. Everything fails the
 * current test when it fails.
 */
#ifndef TEST_LAYOUT_H
#define TEST_LAYOUT_H

#include "image.h"
#include "run.h"

#include <stdbool.h>
#include <stdint.h>

/* dirfd is a directory on the file system in all of these, paths are relative to it. */

/* Create an empty subvolume. */
void subvol_create(int dirfd, const char *path);

/* Snapshot a subvolume. */
void subvol_snapshot(int dirfd, const char *source, const char *path, bool read_only);

/* Delete a subvolume. */
void subvol_delete(int dirfd, const char *path);

/* Is there a subvolume, and not just a directory? */
bool subvol_exists(int dirfd, const char *path);

/* Its id. */
uint64_t subvol_id(int dirfd, const char *path);

/* Set or clear its read-only flag. */
void subvol_set_read_only(int dirfd, const char *path, bool read_only);

/* Is it read-only? */
bool subvol_is_read_only(int dirfd, const char *path);

/*
 * Paths of all subvolumes of the file system from the top level, one a line, sorted. Owned by the
 * caller.
 */
char *subvol_list(int dirfd);

/*
 * Make on an empty top level: root (a small tree of /etc, /usr, /var with the files that servers
 * keep), root-blank (a read-only snapshot of root before it got its state), old_roots (0700), and
 * the persistent subvolumes persist and log with a file each.
 *
 * top  the top level, open
 */
void layout_make(int top);

/*
 * Write a configuration file that makes "root" from "root-blank", archives in "old_roots".
 *
 * persist  the value of the key: "\"/etc/ssh\", \"/etc/machine-id\""; NULL: nothing
 * more     further lines inside the section, for instance path sections; NULL: none
 *
 * Returns the path of the file, owned by the caller; it lies on the tmpfs of image_private_mounts.
 */
char *layout_config(const char *persist, const char *more);

/* What layout_make's server keeps, as a value for layout_config. */
#define LAYOUT_PERSIST "\"/etc/machine-id\", \"/etc/ssh\", \"/var/lib/app\", \"/var/log\""

/*
 * Run the tool on an image: --config, --device of its first device, --cmdline, --report. The top
 * level is unmounted before and mounted again after, if it was mounted.
 *
 * cmdline  instead of the kernel's; NULL: nothing; "noresume" is added: other tests have sleeping
 *          systems on their disks
 *
 * The caller releases result with run_free. Returns the exit code.
 */
int layout_reset(struct image *image, const char *config, const char *cmdline,
		 struct run_result *result);

/* The same without unmounting: somebody else has the top level mounted, as in a running system. */
int layout_reset_mounted(struct image *image, const char *config, const char *cmdline,
			 struct run_result *result);

/*
 * The one archive in old_roots that is not among those named, by its path from the top level; the
 * test fails when there is none or more than one.
 *
 * known  paths, ended by NULL; NULL: none
 *
 * Owned by the caller.
 */
char *layout_archive(int top, const char *const *known);

#endif
