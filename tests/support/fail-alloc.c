/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Allocation functions that fail when told to; the linker puts them in the place of the real ones. */
#include "fail-alloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Allocations until the one that fails; 0: none is to fail. */
static unsigned countdown;
static bool has_failed;

void fail_alloc_at(unsigned number)
{
	countdown = number;
	has_failed = false;
}

bool fail_alloc_stop(void)
{
	countdown = 0;
	return has_failed;
}

static bool fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	has_failed = true;
	errno = ENOMEM;
	return true;
}

/* What the linker renames, and what it calls instead. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
FILE *__real_open_memstream(char **text, size_t *size);
__attribute__((format(printf, 2, 0))) int __real_vasprintf(char **text, const char *fmt,
							   va_list args);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
FILE *__wrap_open_memstream(char **text, size_t *size);
__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **text, const char *fmt,
							   va_list args);
__attribute__((format(printf, 3, 0))) int __wrap___vasprintf_chk(char **text, int flag,
								 const char *fmt, va_list args);
__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **text, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) int __wrap___asprintf_chk(char **text, int flag,
								const char *fmt, ...);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, count, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

FILE *__wrap_open_memstream(char **text, size_t *size)
{
	return fails() ? NULL : __real_open_memstream(text, size);
}

__attribute__((format(printf, 2, 0))) static int print(char **text, const char *fmt, va_list args)
{
	static char garbage;

	if (!fails())
		return __real_vasprintf(text, fmt, args);
	*text = &garbage; /* documented: undefined after a failure */
	return -1;
}

int __wrap_asprintf(char **text, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	int r = print(text, fmt, args);
	va_end(args);
	return r;
}

/* What asprintf is under _FORTIFY_SOURCE. */
int __wrap___asprintf_chk(char **text, int flag, const char *fmt, ...)
{
	va_list args;

	(void)flag;
	va_start(args, fmt);
	int r = print(text, fmt, args);
	va_end(args);
	return r;
}

/* libblkid relies on what glibc does when this one fails: the text stays as it was. */
int __wrap_vasprintf(char **text, const char *fmt, va_list args)
{
	return fails() ? -1 : __real_vasprintf(text, fmt, args);
}

int __wrap___vasprintf_chk(char **text, int flag, const char *fmt, va_list args)
{
	(void)flag;
	return fails() ? -1 : __real_vasprintf(text, fmt, args);
}
