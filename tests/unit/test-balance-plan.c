/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What should be unallocated, and which block groups are moved for it. */
#include "allocation.h"
#include "balance-plan.h"
#include "profile.h"
#include "suite.h"

#include <linux/btrfs_tree.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define GROUPS_MAX 8
#define SINGLE BTRFS_BLOCK_GROUP_DATA
#define DUP (BTRFS_BLOCK_GROUP_METADATA | BTRFS_BLOCK_GROUP_DUP)

static struct br_block_group groups[GROUPS_MAX];
static uint64_t first_device[2] = { 1, 1 };
static struct br_allocation_device devices[3];

static struct br_block_groups list;
static struct br_allocation allocation;

static void reset(void)
{
	list = (struct br_block_groups){ groups, 0 };
	allocation = (struct br_allocation){ .devices = devices };
}

/* Each as long as the address of the next one says. */
static void add_group(uint64_t flags, uint64_t length, uint64_t used)
{
	uint64_t start = GIB;

	if (list.count > 0)
		start = groups[list.count - 1].start + groups[list.count - 1].length;
	groups[list.count++] = (struct br_block_group){
		start,
		length,
		used,
		flags,
		length,
		first_device,
		flags & BTRFS_BLOCK_GROUP_DUP ? 2 : 1,
	};
}

static void add_device(uint64_t size, uint64_t unallocated)
{
	devices[allocation.count] = (struct br_allocation_device){ allocation.count + 1, size,
								   unallocated };
	allocation.count++;
	allocation.size += size;
	allocation.unallocated += unallocated;
}

START_TEST(test_want)
{
	struct br_allocation_want want;

	/* 100 GiB: 2 * 1 GiB of data, 1 GiB of metadata, twice */
	reset();
	add_device(100 * GIB, 0);
	add_group(SINGLE, GIB, 0);
	add_group(DUP, GIB, 0);
	want = br_allocation_want(&allocation, &list, 0, 0);
	ck_assert_uint_eq(want.devices, 1);
	ck_assert_uint_eq(want.bytes, 4 * GIB);
	/* a small one: a tenth, rounded up to 16 MiB, and 256 MiB of metadata */
	reset();
	add_device(3 * GIB, 0);
	add_group(SINGLE, GIB, 0);
	add_group(DUP, GIB, 0);
	want = br_allocation_want(&allocation, &list, 0, 0);
	ck_assert_uint_eq(want.bytes, 2 * 320 * MIB + 2 * 256 * MIB);
	/* smaller ones by sysfs */
	want = br_allocation_want(&allocation, &list, 64 * MIB, 32 * MIB);
	ck_assert_uint_eq(want.bytes, 2 * 64 * MIB + 2 * 32 * MIB);
	/* the newest block group says which profile */
	add_device(3 * GIB, 0);
	add_group(SINGLE | BTRFS_BLOCK_GROUP_RAID1, GIB, 0);
	want = br_allocation_want(&allocation, &list, 64 * MIB, 32 * MIB);
	ck_assert_uint_eq(want.devices, 2);
}
END_TEST

START_TEST(test_enough)
{
	struct br_allocation_want want = { .devices = 2, .bytes = GIB };

	reset();
	add_device(10 * GIB, 5 * GIB);
	add_device(10 * GIB, GIB - 1);
	ck_assert(!br_allocation_is_enough(&allocation, &want));
	devices[1].unallocated = GIB;
	ck_assert(br_allocation_is_enough(&allocation, &want));
	/* in all */
	want = (struct br_allocation_want){ .bytes = allocation.unallocated };
	ck_assert(br_allocation_is_enough(&allocation, &want));
	want.bytes++;
	ck_assert(!br_allocation_is_enough(&allocation, &want));
}
END_TEST

START_TEST(test_next)
{
	struct br_balance_rules rules = { .usage_max = 50 };
	uint64_t left_out[1];

	reset();
	ck_assert_ptr_null(br_balance_next(&list, &rules));
	/* the only one */
	add_group(SINGLE, GIB, 0);
	ck_assert_ptr_null(br_balance_next(&list, &rules));
	add_group(SINGLE, GIB, 300 * MIB);
	add_group(DUP, GIB, 0);
	add_group(DUP, GIB, 0);
	ck_assert_ptr_eq(br_balance_next(&list, &rules), &groups[0]);
	/* used most, least used, and what it is too much of */
	groups[0].used = 900 * MIB;
	ck_assert_ptr_null(br_balance_next(&list, &rules)); /* 124 MiB are free elsewhere */
	groups[0].used = 700 * MIB;
	ck_assert_ptr_eq(br_balance_next(&list, &rules), &groups[1]);
	rules.usage_max = 20;
	ck_assert_ptr_null(br_balance_next(&list, &rules));
	rules.usage_max = 50;
	left_out[0] = groups[1].start;
	rules.left_out = left_out;
	rules.left_out_count = 1;
	ck_assert_ptr_null(br_balance_next(&list, &rules));
	rules.left_out_count = 0;
	rules.made_since = groups[1].start;
	ck_assert_ptr_null(br_balance_next(&list, &rules));
	rules.metadata = true;
	rules.made_since = 0;
	ck_assert_ptr_eq(br_balance_next(&list, &rules), &groups[2]);
}
END_TEST

START_TEST(test_plan)
{
	struct br_balance_rules rules = { .usage_max = 50 };
	struct br_allocation_want want = { .devices = 1, .bytes = 2 * GIB };
	struct br_balance_plan plan;

	reset();
	add_device(10 * GIB, 0);
	for (unsigned i = 0; i < 6; i++)
		add_group(SINGLE, GIB, (i + 1) * 60 * MIB);
	plan = br_balance_plan(&list, &allocation, &want, &rules);
	ck_assert_uint_eq(plan.groups, 2);
	ck_assert(plan.is_enough);
	ck_assert_uint_eq(plan.bytes, 60 * MIB + 120 * MIB);
	ck_assert_uint_eq(plan.unallocated, 2 * GIB);
	/* all that can be had: 1,260 MiB need two of them, whatever is wanted */
	want.bytes = 10 * GIB;
	rules.usage_max = 100;
	plan = br_balance_plan(&list, &allocation, &want, &rules);
	ck_assert(!plan.is_enough);
	ck_assert_uint_eq(plan.unallocated, 4 * GIB);
}
END_TEST

START_TEST(test_profile)
{
	ck_assert_str_eq(br_profile_name(SINGLE), "single");
	ck_assert_str_eq(br_profile_name(DUP), "dup");
	ck_assert_uint_eq(br_profile_data_stripes(DUP, 2), 1);
	ck_assert_uint_eq(br_profile_data_stripes(BTRFS_BLOCK_GROUP_RAID6, 5), 3);
	ck_assert_uint_eq(br_profile_data_stripes(BTRFS_BLOCK_GROUP_RAID10, 4), 2);
	ck_assert_uint_eq(br_profile_data_stripes(BTRFS_BLOCK_GROUP_RAID5, 0), 1);
	ck_assert_uint_eq(br_profile_devices_of(BTRFS_BLOCK_GROUP_RAID0, 5), 5);
	ck_assert_uint_eq(br_profile_devices_of(BTRFS_BLOCK_GROUP_RAID1, 5), 2);
	ck_assert_uint_eq(br_profile_devices_min(UINT64_C(1) << 9), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("balance-plan");
	TCase *tcase = suite_add_case(suite, "balance-plan", NULL, NULL, 60);

	tcase_add_test(tcase, test_want);
	tcase_add_test(tcase, test_enough);
	tcase_add_test(tcase, test_next);
	tcase_add_test(tcase, test_plan);
	tcase_add_test(tcase, test_profile);
	return suite_run(suite, false);
}
