/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "words.h"

#include <check.h>

void words_add(struct words *words, const char *const *more)
{
	for (; *more; more++) {
		ck_assert(words->count + 1 < sizeof(words->word) / sizeof(words->word[0]));
		words->word[words->count++] = *more;
	}
	words->word[words->count] = NULL;
}
