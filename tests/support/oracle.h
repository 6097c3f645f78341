/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Are two trees the same? Answered by programs that know nothing of this project: find, getfattr,
 * lsattr, stat, filefrag, btrfs and rsync.
 *
 * Differences come back as text, one per line, every line beginning with the path (escaped) it is
 * about; "" when there are none. The caller frees it. A program that fails fails the test.
 */
#ifndef TEST_ORACLE_H
#define TEST_ORACLE_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum oracle_flags {
	ORACLE_ALL = 0,
	ORACLE_NO_EXTENTS =
		1,           /* not where file data lies on the disk: for copies that share none */
	ORACLE_NO_ATIME = 2, /* not access times */
	ORACLE_CTIME = 4,    /* inode number and change time too: is one tree untouched? */
	ORACLE_CONTENT =
		8, /* digest of each file: for facts that are compared over time, without rsync */
};

struct oracle_options {
	enum oracle_flags flags;
	const char *const
		*skip; /* paths that are left out with all below, ended by NULL; NULL: none */
	const char *
		only; /* this path with all below instead of the whole tree; NULL: the whole tree */
};

/* What the programs say about a tree: sorted lines. */
struct facts {
	char **line;
	size_t count, room;
};

/*
 * Ask find, getfattr, lsattr, stat, filefrag and btrfs about a tree.
 *
 * dirfd    its top directory, open; the top itself is "."
 * options  NULL: defaults
 *
 * Returns the facts; the caller releases them with facts_free.
 */
struct facts *oracle_facts(int dirfd, const struct oracle_options *options);

/* Release. NULL-safe. */
void facts_free(struct facts *facts);

/* Compare what was said at two times, or about two trees. Lines of a are marked "-", of b "+". */
char *oracle_diff(const struct facts *a, const struct facts *b);

/*
 * What rsync would do to make b like a, with content compared by checksum: one line per change.
 * skip as above.
 */
char *oracle_rsync(int a, int b, const char *const *skip);

/* Both: facts of a and b, and rsync, which knows no "only". The texts one after the other. */
char *oracle_compare(int a, int b, const struct oracle_options *options);

/*
 * Compare trees too deep for those programs, with openat(2) and an own small walk: names, types,
 * modes, owners, sizes, times, content of files, link targets. Does not look at extended
 * attributes.
 *
 * a, b  directories, open
 */
char *oracle_walk(int a, int b);

/*
 * Assert that a text of differences is exactly that, and free it. The message shows its beginning.
 */
#define assert_differences(text, expected)                                                     \
	do {                                                                                   \
		char *differences_ = (text);                                                   \
		ck_assert_msg(strcmp(differences_, (expected)) == 0, "not the same:\n%.4000s", \
			      differences_);                                                   \
		free(differences_);                                                            \
	} while (0)

/* Assert that there is none, and free the text. */
#define assert_same(text) assert_differences((text), "")

#endif
