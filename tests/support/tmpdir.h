/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scratch directory of its own for a test. Everything fails the current test when it fails. */
#ifndef TEST_TMPDIR_H
#define TEST_TMPDIR_H

#include <stddef.h>

struct tmpdir {
	char *path;
	int fd;
};

/* Make one, below $BLANKROOT_BUILD or /tmp. The caller removes it with tmpdir_remove. */
void tmpdir_make(struct tmpdir *dir);

/* Remove it with all that is in it ($KEEP=1: leave it) and clear the structure. */
void tmpdir_remove(struct tmpdir *dir);

/* Path of something in it, owned by the caller. */
char *tmpdir_path(const struct tmpdir *dir, const char *name);

/* Write a file in it, replacing what is there. */
void tmpdir_write(const struct tmpdir *dir, const char *name, const char *text, size_t size);

/* The same for a text. */
void tmpdir_write_text(const struct tmpdir *dir, const char *name, const char *text);

/* Number of entries of a directory in it, without "." and "..". */
size_t tmpdir_count(const struct tmpdir *dir, const char *name);

#endif
