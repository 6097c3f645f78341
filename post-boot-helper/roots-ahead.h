/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The roots of many subvolumes, read from the disk ahead of those who open them one after the other.
 *
 * Of each subvolume two or three blocks are needed before it can be opened and its marks read, wherever on the disk
 * they are. A disk that is asked for one at a time, by somebody who waits for it, is idle most of the time.
 */
#ifndef BLANKROOT_ROOTS_AHEAD_H
#define BLANKROOT_ROOTS_AHEAD_H

#include <stddef.h>

/*
 * Read what is needed of all subvolumes in some directories, several at a time, into the kernel's cache. Where
 * there are few of them nothing is done.
 *
 * top   the top level
 * dirs  the directories, from there; one may be there twice, or not exist
 *
 * Nothing to fail: what could not be read is found by who opens it. Privilege: CAP_SYS_ADMIN.
 */
void roots_ahead_read(int top, const char *const *dirs, size_t count);

#endif
