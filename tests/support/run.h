/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Running programs from a test. Everything here fails the current test (ck_abort_msg) when the
 * machinery itself fails: a program that cannot be started is no result.
 */
#ifndef TEST_RUN_H
#define TEST_RUN_H

#include <stdbool.h>
#include <stddef.h>

#define RUN_TIMEOUT_DEFAULT 120 /* seconds */

struct run_options {
	const char *const *argv; /* ended by NULL; looked up in PATH */
	int cwd;                 /* directory to run in; 0 or negative: the current one */
	const void *input;       /* standard input; NULL: /dev/null */
	size_t input_size;
	unsigned timeout; /* seconds; 0: RUN_TIMEOUT_DEFAULT */
};

struct run_result {
	int code;       /* exit status; 128 + n when signal n ended it */
	bool timed_out; /* it was killed because time was up; code is 137 then */
	char *out;      /* standard output, NUL-terminated behind out_size bytes */
	size_t out_size;
	char *err; /* standard error, likewise */
	size_t err_size;
};

/*
 * Run a program to its end and capture what it writes. It has a process group of its own, which is
 * killed when time is up, and it dies with the calling process.
 *
 * result  filled; the caller releases it with run_free
 */
void run(const struct run_options *options, struct run_result *result);

/* Release what a result holds and clear it. Safe on a zeroed one. */
void run_free(struct run_result *result);

/*
 * Run a program that must succeed; the test fails with its messages when it does not.
 *
 * cwd  directory to run in; 0 or negative: the current one
 *
 * Returns its standard output, owned by the caller.
 */
char *run_checked(int cwd, const char *const *argv);

/*
 * run_checked with the arguments in place, output thrown away: run_ok(dirfd, "chattr", "+i",
 * "file");
 */
#define run_ok(cwd, ...) run_and_drop((cwd), (const char *const[]){ __VA_ARGS__, NULL })
void run_and_drop(int cwd, const char *const *argv);

/*
 * Run "sh -euc line" that must succeed. Returns its standard output, owned by the caller.
 */
char *run_shell(int cwd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Run the blankroot-initrd under test: $BLANKROOT_INITRD, or build/blankroot-initrd.
 *
 * args  arguments without the program's name, ended by NULL
 */
void run_tool(const char *const *args, struct run_result *result);

/*
 * The same, and tell the peak of its resident memory in KiB as its own: rusage of a child would
 * include what its parent held when it forked.
 */
void run_tool_measured(const char *const *args, struct run_result *result, long *peak_kib_ret);

/* Is the program under test built with a sanitizer? Its memory is not its own then. */
bool run_tool_is_sanitized(void);

/* Path of the program under test. */
const char *run_tool_path(void);

/* Path of the other one: $BLANKROOT, or build/blankroot. */
const char *run_helper_path(void);

/* Is there such a program in PATH? Outside of tests too. */
bool run_exists(const char *program);

#endif
