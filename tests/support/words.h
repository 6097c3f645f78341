/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A command line that grows. */
#ifndef TEST_WORDS_H
#define TEST_WORDS_H

#include <stddef.h>

struct words {
	const char *word[96]; /* ended by NULL; the caller's strings */
	size_t count;
};

/* Append, to the first NULL. More than there is place for fails the test. */
void words_add(struct words *words, const char *const *more);

#define WORDS_ADD(words, ...) words_add((words), (const char *const[]){ __VA_ARGS__, NULL })

#endif
