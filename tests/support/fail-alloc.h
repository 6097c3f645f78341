/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that runs out: allocations of the code under test fail one after another. Only for programs that are
 * linked with the --wrap options of ALLOCATION_FAILURES (tests/tests.mk), so that the C library, check and sanitizers
 * keep their memory.
 */
#ifndef TEST_FAIL_ALLOC_H
#define TEST_FAIL_ALLOC_H

#include "error.h"

#include <check.h>
#include <stdbool.h>

/* From now on the allocation with this number fails, counted from 1; 0: none does. */
void fail_alloc_at(unsigned number);

/* Stop failing. Has an allocation failed since fail_alloc_at? */
bool fail_alloc_stop(void);

/*
 * Call it once for every allocation that it makes, failing that one: it must say BR_ERR_NOMEM. The last call,
 * in which none failed, must succeed.
 *
 * call  returns what the function under test returned, outputs released; no ck_assert in it, for check
 *       allocates memory too
 */
#define assert_survives_no_memory(call)                                                           \
	do {                                                                                      \
		unsigned number_ = 0;                                                             \
		bool failed_;                                                                     \
		do {                                                                              \
			fail_alloc_at(++number_);                                                 \
			int r_ = (call);                                                          \
			failed_ = fail_alloc_stop();                                              \
			ck_assert_msg(r_ == (failed_ ? BR_ERR_NOMEM : 0),                         \
				      "%s: allocation %u %s, but it returned %d", #call, number_, \
				      failed_ ? "failed" : "succeeded", r_);                      \
		} while (failed_);                                                                \
		ck_assert_uint_gt(number_, 1);                                                    \
	} while (0)

#endif
