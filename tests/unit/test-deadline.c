/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments until which something is waited for; what is asserted does not depend on how busy the machine is. */
#include "deadline.h"
#include "suite.h"

#include <stdint.h>

START_TEST(test_left)
{
	struct br_deadline later = br_deadline_in(3600), sooner = br_deadline_in(1800);

	ck_assert_uint_gt(br_deadline_left(later), br_deadline_left(sooner));
	ck_assert_uint_le(br_deadline_left(later), 3600 * BR_NSEC_PER_SEC);
	ck_assert_uint_eq(br_deadline_left(br_deadline_in(0)), 0);
}
END_TEST

/* What does not fit into the clock's numbers has not passed. */
START_TEST(test_for_ever)
{
	static const uint64_t many[] = { UINT64_MAX / BR_NSEC_PER_SEC, UINT64_MAX / 2, UINT64_MAX };

	for (size_t i = 0; i < sizeof(many) / sizeof(many[0]); i++)
		ck_assert_uint_gt(br_deadline_left(br_deadline_in(many[i])), UINT64_C(1) << 62);
}
END_TEST

START_TEST(test_pause)
{
	const uint64_t pause = 20 * BR_NSEC_PER_MSEC;
	struct br_deadline far = br_deadline_in(3600);
	uint64_t before = br_deadline_left(far);

	ck_assert(br_deadline_pause(far, pause));
	ck_assert_uint_ge(before - br_deadline_left(far), pause);
	/* not beyond the moment, else the test is killed for its time */
	ck_assert(!br_deadline_pause(br_deadline_in(1), 3600 * BR_NSEC_PER_SEC));
	ck_assert(!br_deadline_pause(br_deadline_in(0), 3600 * BR_NSEC_PER_SEC));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("deadline");
	TCase *tcase = suite_add_case(suite, "deadline", NULL, NULL, 60);

	tcase_add_test(tcase, test_left);
	tcase_add_test(tcase, test_for_ever);
	tcase_add_test(tcase, test_pause);
	return suite_run(suite, false);
}
