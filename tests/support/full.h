/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file system without space left, and archives that could give some back. Everything fails the
 * current test when it fails.
 */
#ifndef TEST_FULL_H
#define TEST_FULL_H

/* A size that keeps tests short, for image_options and server_make. */
#define FULL_IMAGE_SIZE (256ULL << 20)

/*
 * Make many files that take no data space, but metadata.
 *
 * dir   new directory below dirfd
 * size  bytes in all; 0: as many as there is space for
 */
void full_make_tiny_files(int dirfd, const char *dir, unsigned long long size);

/*
 * Allocate all space for file data, down to the last block, to files in a new directory below
 * dirfd.
 */
void full_take_data(int dirfd, const char *dir);

/*
 * Make a file that cannot be shared, because it has no checksums and what is made of it has: it
 * must be copied.
 *
 * top  the top directory of the mount
 */
void full_make_unshareable(int top, const char *path, unsigned long long size);

#define FULL_ARCHIVES 5
#define FULL_ARCHIVE_DATA (8ULL << 20)     /* bytes of each that no other has */
#define FULL_ARCHIVE_METADATA (2ULL << 20) /* likewise */

/*
 * Make archives in old_roots, the first one is the one that was retired first. Their names and
 * times say the contrary: the clock was wrong.
 */
void full_make_archives(int top);

/* Name of one of them, counted from 0, in old_roots. */
const char *full_archive(unsigned n);

/*
 * Make what stands in old_roots, is no archive, and looks older than any: a directory, a file, a
 * writable subvolume, a read-only one with a name of its own; data in each.
 */
void full_make_bystanders(int top);

#endif
