/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main of test programs. */
#include "suite.h"

#include "image.h"

#include <stdio.h>

int suite_run(Suite *suite, bool needs_images)
{
	const char *missing = needs_images ? image_missing() : NULL;
	SRunner *runner = srunner_create(suite);
	int failed = 0;

	if (missing)
		printf("skipped: %s\n", missing);
	else
		srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (missing)
		return SUITE_SKIPPED;
	return failed ? 1 : 0;
}

TCase *suite_add_case(Suite *suite, const char *name, SFun setup, SFun teardown, double timeout)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, timeout);
	if (setup || teardown)
		tcase_add_unchecked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}
