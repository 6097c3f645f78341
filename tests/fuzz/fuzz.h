/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. Each is a fuzz-NAME.c with LLVMFuzzerTestOneInput, which asserts what must hold for
 * any input. Linked with libFuzzer it looks for inputs; linked with replay.c it runs those of files.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

/* The target. Always returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Assert in every build: the process ends with SIGABRT, which libFuzzer and the tests see. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

_Noreturn void fuzz_fail(const char *file, int line, const char *what);

/* A copy that ends exactly behind its NUL, so that reading further is seen. The caller frees. */
char *fuzz_text(const uint8_t *data, size_t size);

/*
 * Take an input apart at NUL bytes; the last part has the rest, with further ones cut off. Missing parts are "".
 * The caller frees each.
 */
void fuzz_split(const uint8_t *data, size_t size, char **parts, size_t count);

/* Has the error that code, and a message that a terminal may be shown? */
void fuzz_check_error(const struct br_error *err, int code);

/* No control characters (a newline and a tab are allowed), and valid UTF-8 without those above 0x7f. */
void fuzz_check_printable(const char *text);

/* Fill an output with what no function would write, and see that none did. */
void fuzz_poison(void *out, size_t size);
void fuzz_check_poisoned(const void *out, size_t size);

/* A directory of this process, removed when it ends in order; its path has no odd characters. */
const char *fuzz_dir(void);
int fuzz_dir_fd(void);

/* Write a file below it, in place of an earlier one. name: a literal; not to be removed */
void fuzz_write(const char *name, const void *data, size_t size);

#endif
