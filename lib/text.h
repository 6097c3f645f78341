/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts of any length, written like a file. */
#ifndef BR_TEXT_H
#define BR_TEXT_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

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

/* Write a string of a configuration: in double quotes, with nothing in it that would mean something. */
void br_text_put_quoted(FILE *out, const char *text);

/* Write a word of fstab(5), where blanks are \040 and the like. */
void br_text_put_fstab(FILE *out, const char *word);

/* Write a count with its thousands apart: "1,234,567". */
void br_text_put_count(FILE *out, uint64_t count);

/* Write a number of bytes: "33 B", "1.5 MiB". */
void br_text_put_size(FILE *out, uint64_t bytes);

/* Write seconds in the largest unit that leaves no more than a rounding: "45 days", "36 hours". */
void br_text_put_length(FILE *out, uint64_t seconds);

/* Write a time in UTC: "2026-11-23T19:05:01Z". */
void br_text_put_utc(FILE *out, time_t time);

/* Write microseconds as seconds: "0.036 s". */
void br_text_put_duration(FILE *out, uint64_t usec);

#endif
