/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is documented as NULL-safe is. */
#include "blockdev.h"
#include "cmdline.h"
#include "config.h"
#include "device-spec.h"
#include "device.h"
#include "facts.h"
#include "mountinfo.h"
#include "plan.h"
#include "record.h"
#include "request.h"
#include "reset.h"
#include "retained.h"
#include "snapshot-take.h"
#include "suite.h"

START_TEST(test_null)
{
	br_blockdev_list_free(NULL);
	br_cmdline_free(NULL);
	br_config_free(NULL);
	br_device_spec_free(NULL);
	br_device_free(NULL);
	br_facts_free(NULL);
	br_mountinfo_free(NULL);
	br_plan_free(NULL);
	br_record_free(NULL);
	br_request_free(NULL);
	br_reset_free(NULL);
	br_retained_facts_free(NULL);
	br_retained_free(NULL);
	br_snapshot_source_close(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("null");
	TCase *tcase = suite_add_case(suite, "null", NULL, NULL, 10);

	tcase_add_test(tcase, test_null);
	return suite_run(suite, false);
}
