/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot tune can set: names and values. */
#include "knob.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(test_names)
{
	for (const struct br_knob *knob = br_knobs; knob->name; knob++) {
		ck_assert_ptr_eq(br_knob_find(knob->name), knob); /* so none is there twice */
		ck_assert(!knob->words == (knob->max > 0));
		ck_assert_uint_le(knob->min, knob->max);
	}
	ck_assert_ptr_null(br_knob_find("vm"));
	ck_assert_ptr_null(br_knob_find(""));
}
END_TEST

static const struct {
	const char *text, *knob, *value;
} good[] = {
	{ "vm.swappiness=0", "vm.swappiness", "0" },
	{ "vm.swappiness=200", "vm.swappiness", "200" },
	{ "vm.swappiness=keep", "vm.swappiness", "keep" },
	{ "vm.dirty_bytes=8192", "vm.dirty_bytes", "8192" },
	{ "vm.dirty_bytes=18446744073709551615", "vm.dirty_bytes", "18446744073709551615" },
	{ "vm.dirty_ratio=100", "vm.dirty_bytes", "100%" },
	{ "vm.dirty_bytes=0%", "vm.dirty_bytes", "0%" },
	{ "vm.dirty_background_ratio=5", "vm.dirty_background_bytes", "5%" },
	{ "vm.dirty_background_ratio=keep", "vm.dirty_background_bytes", "keep" },
	{ "mount.compress=no", "mount.compress", "no" },
	{ "mount.compress=zstd", "mount.compress", "zstd" },
	{ "mount.compress=zstd:15", "mount.compress", "zstd:15" },
	{ "mount.compress=zlib:9", "mount.compress", "zlib:9" },
	{ "mount.commit=300", "mount.commit", "300" },
	{ "queue.scheduler=mq-deadline", "queue.scheduler", "mq-deadline" },
	{ "btrfs.bg_reclaim_threshold=100", "btrfs.bg_reclaim_threshold", "100" },
};

START_TEST(test_good)
{
	struct br_knob_setting setting;

	for (size_t i = 0; i < COUNT(good); i++) {
		ck_assert_ptr_null(br_knob_parse(good[i].text, &setting));
		ck_assert_str_eq(setting.knob->name, good[i].knob);
		ck_assert_str_eq(setting.value, good[i].value);
	}
}
END_TEST

static const char *const bad[] = {
	"",
	"=",
	"=1",
	"vm.swappiness",
	"vm.swappiness=",
	"vm.swappiness=201",
	"vm.swappiness=-1",
	"vm.swappiness=+1",
	"vm.swappiness= 1",
	"vm.swappiness=1 ",
	"vm.swappiness=0x10",
	"vm.swappiness=10%",
	"vm.swappiness=18446744073709551616",
	"vm.swappiness=99999999999999999999999999999999999999999999",
	"vm.swappines=1",
	"vm.dirty_ratio=101",
	"vm.dirty_ratio=1%",
	"vm.dirty_ratio=",
	"vm.dirty_bytes=%",
	"vm.dirty_bytes=101%",
	"vm.dirty_bytes=8191",
	"vm.min_free_ratio=1",
	"_ratio=1",
	"mount.compress=zst",
	"mount.compress=zstd:",
	"mount.compress=zstd:0",
	"mount.compress=zstd:16",
	"mount.compress=zstd:-1",
	"mount.compress=zlib:10",
	"mount.compress=lzo:1",
	"mount.compress=no:1",
	"mount.compress=nothing",
	"mount.commit=0",
	"mount.commit=301",
	"mount.ssd=1",
	"directory.compress=zstd:3",
	"queue.scheduler=noop",
	"queue.scheduler=[none]",
	"btrfs.bg_reclaim_threshold=101",
	"btrfs.read_policy=latency",
	"a.name.that.is.longer.than.any.that.there.is.and.than.the.room.for.one.in.here=1",
};

START_TEST(test_bad)
{
	struct br_knob_setting setting;

	for (size_t i = 0; i < COUNT(bad); i++)
		ck_assert_msg(br_knob_parse(bad[i], &setting), "taken: %s", bad[i]);
}
END_TEST

START_TEST(test_reversed)
{
	ck_assert(br_knob_dirty_is_reversed("11%", "10%"));
	ck_assert(br_knob_dirty_is_reversed("8193", "8192"));
	ck_assert(!br_knob_dirty_is_reversed("10%", "10%"));
	ck_assert(!br_knob_dirty_is_reversed("8192", "8193"));
	ck_assert(!br_knob_dirty_is_reversed("50%", "8192"));
	ck_assert(!br_knob_dirty_is_reversed("1000000", "1%"));
	ck_assert(!br_knob_dirty_is_reversed("keep", "1%"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("knob");
	TCase *tcase = suite_add_case(suite, "knob", NULL, NULL, 60);

	tcase_add_test(tcase, test_names);
	tcase_add_test(tcase, test_good);
	tcase_add_test(tcase, test_bad);
	tcase_add_test(tcase, test_reversed);
	return suite_run(suite, false);
}
