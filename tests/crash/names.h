/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lists of names, one a line, as text. Texts that are returned are owned by the caller. Everything
 * fails the current test when it fails.
 */
#ifndef CRASH_NAMES_H
#define CRASH_NAMES_H

#include <stdbool.h>

/* Names in a directory, in the order of bytes. */
char *names_in(int dirfd, const char *path);

/* The same, in the order of their subvolumes' ids: the first is the oldest. All are subvolumes. */
char *names_by_id(int dirfd, const char *path);

/* The first and the last of a list that has some. */
char *names_first(const char *list);
char *names_last(const char *list);

/* Is it in the list? */
bool names_contain(const char *list, const char *name);

/* Are all of another list in it? */
bool names_contain_all(const char *list, const char *others);

/*
 * Are those of the list that are still in now the newest ones, at least one? Others may be there
 * besides.
 */
bool names_keep_newest(const char *list, const char *now);

/*
 * A fingerprint without what it says of a directory and everything below.
 *
 * path  NULL: a copy of all
 */
char *names_without(const char *text, const char *path);

#endif
