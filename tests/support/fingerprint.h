/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A tree as text, for comparing it with itself at another time or on another image: faster than
 * oracle.h, for tests that do so hundreds of times. Asks the kernel alone. Everything fails the
 * current test when it fails.
 */
#ifndef TEST_FINGERPRINT_H
#define TEST_FINGERPRINT_H

enum fingerprint_flags {
	FINGERPRINT_CONTENT = 0,
	FINGERPRINT_IDENTITY = 1, /* inode numbers, access and change times too: is it untouched? */
	FINGERPRINT_NO_TOP = 2,   /* not the times and attributes of the top directory itself */
};

/*
 * One line for each object: path, type, mode, owner, size, modification time, inode flags, extended
 * attributes, digest of the content or target; of a subvolume also that it is one, and whether
 * read-only.
 *
 * path   below dirfd; "." for itself
 * skip   a name in that directory that is left out; NULL: none
 *
 * Owned by the caller.
 */
char *fingerprint(int dirfd, const char *path, enum fingerprint_flags flags, const char *skip);

/* Assert that two are the same; the message shows the first line that is not. */
void assert_same_fingerprint(const char *expected, const char *actual, const char *what);

#endif
