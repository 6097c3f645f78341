/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of any length, written like a file. */
#ifndef BR_TEXT_H
#define BR_TEXT_H

#include <stdio.h>

/*
 * Make a text.
 *
 * write  writes it to out, without checking each call: a failure shows in ferror(3), which is
 * looked at here data   passed on to it
 *
 * Returns the text, owned by the caller; NULL when there was not enough memory.
 */
char *br_text_make(void (*write)(FILE *out, const void *data), const void *data);

/* Write a name that may hold any byte: br_escape. */
void br_text_put_name(FILE *out, const char *name);

#endif
