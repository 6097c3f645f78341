/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clocks that are wrong: 1970, 2099, back and forth between boots. The whole reset, in this process,
 * where time(2) says what the test wants.
 */
#include "cleanup.h"
#include "record.h"
#include "reset.h"
#include "room.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <string.h>
#include <sys/xattr.h>
#include <time.h>

#define BOOTS (sizeof(clocks) / sizeof(clocks[0]))

/* What the clock says, boot after boot, and the archive that the old root becomes. */
static const struct {
	long long now;
	const char *archive;
} clocks[] = {
	{ 1795460701, "root.20261123T190501Z" },
	{ 0, "root.19700101T000000Z" },
	{ 3, "root.19700101T000003Z" },
	{ 4092599349, "root.20990909T010909Z" },
	{ 1795460701, "root.20261123T190501Z-2" }, /* this second has been before */
	{ 1795460701, "root.20261123T190501Z-3" },
	{ -86400, "root.19700101T000000Z-2" }, /* before the epoch */
	{ 253402300800, "root.99991231T235959Z" },
	{ 1795460702, "root.20261123T190502Z" },
};

static long long now;

time_t __wrap_time(time_t *out);

time_t __wrap_time(time_t *out)
{
	if (out)
		*out = (time_t)now;
	return (time_t)now;
}

static void make_server(void)
{
	server_make(128 << 20, NULL);
}

static void boot(struct image *image, const char *config, long long clock)
{
	const struct br_reset_input input = { .config_path = config,
					      .device = image->device[0],
					      .cmdline = "noresume" };
	struct br_reset reset;

	image_unmount(image);
	now = clock;
	ck_assert_msg(br_reset_run(&input, &reset) == BR_OUTCOME_RESET, "%lld: %s: %s", clock,
		      reset.error.path, reset.error.text);
	ck_assert_int_eq(reset.started, clock);
	br_reset_free(&reset);
	(void)image_mount(image, NULL);
}

static char *archive_of(size_t i)
{
	char *path = NULL;

	ck_assert(asprintf(&path, "old_roots/%s", clocks[i].archive) > 0);
	return path;
}

/* Each old root becomes an archive of its own, and says when it was retired as the clock had it. */
static void boot_all(struct image *image, const char *config)
{
	for (size_t i = 0; i < BOOTS; i++) {
		BR_AUTO_FREE char *path = archive_of(i);
		char text[32] = "";
		BR_AUTO_CLOSE int fd = -1;

		uint64_t id = subvol_id(image->top, "root");
		tree_write(image->top, "root/etc/ssh/boot", clocks[i].archive);
		boot(image, config, clocks[i].now);
		ck_assert_uint_eq(subvol_id(image->top, path), id);
		ck_assert(subvol_is_read_only(image->top, path));
		fd = tree_open(image->top, path, false);
		ck_assert_int_gt(fgetxattr(fd, BR_XATTR_RETIRED, text, sizeof(text) - 1), 0);
		ck_assert_int_eq(atoll(text), clocks[i].now);
		BR_AUTO_FREE char *kept = tree_read(image->top, "root/etc/ssh/boot");
		ck_assert_str_eq(kept, clocks[i].archive);
	}
}

START_TEST(test_any_clock)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config("\"/etc/ssh\"", NULL);

	boot_all(image, config);
	BR_AUTO_FREE char *count = run_shell(image->top, "ls old_roots | wc -l");
	ck_assert_uint_eq((size_t)atoi(count), BOOTS);
}
END_TEST

/* What goes first when space runs out is what was retired first, whatever the clocks said. */
START_TEST(test_order_of_deletion)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *path = layout_config("\"/etc/ssh\"", NULL);
	struct br_config config;
	struct br_error err = { 0 };

	boot_all(image, path);
	ck_assert_int_eq(br_config_load(path, &config, &err), 0);
	config.archives.keep_min = 2;
	for (size_t i = 0; i < BOOTS - 2; i++) {
		BR_AUTO_FREE char *expected = archive_of(i);
		BR_AUTO_FREE char *dropped = NULL;

		ck_assert_msg(br_room_make(image->top, &config, NULL, &dropped, &err) == 0, "%s",
			      err.text);
		ck_assert_ptr_nonnull(dropped);
		ck_assert_str_eq(dropped, expected);
	}
	char *none = NULL;
	ck_assert_int_eq(br_room_make(image->top, &config, NULL, &none, &err), 0);
	ck_assert_ptr_null(none);
	br_config_free(&config);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tcase = suite_add_case(suite, "clock", make_server, server_drop, 120);

	tcase_add_test(tcase, test_any_clock);
	tcase_add_test(tcase, test_order_of_deletion);
	return suite_run(suite, true);
}
