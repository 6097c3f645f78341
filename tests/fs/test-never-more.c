/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What must never happen: items 7 to 10 of docs/design.md, section 7. "Watches" names the safeguard
 * whose removal a test notices.
 */
#include "cleanup.h"
#include "fingerprint.h"
#include "full.h"
#include "server.h"
#include "stepper.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void make_more(int top)
{
	full_make_unshareable(top, "root/var/lib/app/big", 2 << 20);
}

static void make_server(void)
{
	server_make(256 << 20, make_more);
}

struct use {
	const char *path; /* that is mounted; NULL: none */
	const char *cmdline;
	const char *says;
};

static const struct use uses[] = {
	{ "root", "", "\"root\"" },
	{ "root/var/log", "", "\"root/var/log\"" },
	{ ".blankroot/staging-root", "", "\".blankroot/staging-root\"" },
	{ NULL, "rootflags=subvolid=256", "rootflags=subvol=root" },
	{ NULL, "rootflags=noatime,subvolid=0x100,compress=zstd", "rootflags=subvol=root" },
};

/* Mount a subvolume, or a directory, somewhere else. Returns the mount point. */
static char *mount_path(struct image *image, const char *path)
{
	BR_AUTO_FREE char *source = NULL;
	char *dir;

	if (subvol_exists(image->top, path))
		return image_mount_subvolume(image, path, NULL);
	dir = image_scratch_dir();
	ck_assert(asprintf(&source, "%s/%s", image->mountpoint, path) > 0);
	run_ok(0, "mount", "-i", "-n", "--bind", source, dir);
	return dir;
}

/*
 * 7. The running system living in an archive that retention then deletes. Watches: what is mounted
 * is not swapped, nor is a root that the kernel command line pins by id. The default subvolume:
 * test-reset-several.c.
 */
START_TEST(never_7_running_in_an_archive)
{
	const struct use *use = &uses[_i];
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const struct reset reset = { .config = config,
				     .cmdline = use->cmdline,
				     .stay_mounted = true };
	struct reset_result result;
	char *mounted = NULL;

	ck_assert_uint_eq(subvol_id(image->top, "root"), 256);
	(void)close(tree_mkdir(image->top, ".blankroot"));
	subvol_snapshot(image->top, "root", ".blankroot/staging-root", false);
	if (use->path)
		mounted = mount_path(image, use->path);
	BR_AUTO_FREE char *before = server_fingerprint(image);
	ck_assert_msg(server_reset(image, &reset, &result) == 3, "exit %d: %s", result.code,
		      result.run.err);
	BR_AUTO_FREE char *after = server_fingerprint(image);
	assert_same_fingerprint(before, after, "the file system");
	ck_assert(subvol_exists(image->top, ".blankroot/staging-root"));
	assert_says(result.run.err, use->says);
	if (mounted) {
		assert_says(result.run.err, mounted);
		image_unmount_path(mounted);
		server_reset_ok(image, config);
	}
	reset_free(&result);
}
END_TEST

struct cut {
	const struct image *image;
	struct state state;
	bool has_exchanged;
};

/*
 * The moment after the exchange: it has reached the disk with the transaction, and nothing else is
 * written.
 */
static bool cut_after_exchange(void *data, const struct stepper_call *call)
{
	struct cut *cut = data;

	if (!cut->has_exchanged) {
		cut->has_exchanged = strcmp(call->name, "renameat2") == 0;
		return true;
	}
	ck_assert(stepper_commit(call->pid));
	state_save(&cut->state, cut->image);
	return false;
}

/*
 * 8. A persistent file empty or half-written after a power cut shortly after boot. Watches: file
 * data that had to be copied is written (syncfs) before the exchange, not only the metadata. Power
 * cuts at other moments: test-leftovers.c.
 */
START_TEST(never_8_kept_file_half_written)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	struct cut cut = { .image = image };
	const struct stepper stepper = { .argv = argv,
					 .before_call = cut_after_exchange,
					 .data = &cut };
	struct run_result result;

	BR_AUTO_FREE char *kept = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					      NULL);
	image_unmount(image);
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 137, "exit %d: %s", result.code, result.err);
	run_free(&result);
	state_restore(&cut.state, image);
	state_free(&cut.state);
	(void)image_mount(image, NULL);
	ck_assert_msg(!tree_exists(image->top, "root/usr/bin/drift"),
		      "the cut came before the exchange");
	BR_AUTO_FREE char *after = fingerprint(image->top, "root/var/lib/app", FINGERPRINT_CONTENT,
					       NULL);
	assert_same_fingerprint(kept, after, "what is kept");
}
END_TEST

/* Offset of the last line that has this text, among the first so many bytes; -1: none. */
static long find_last(const char *trace, size_t size, const char *text)
{
	long found = -1;

	for (const char *at = strstr(trace, text); at && at < trace + size;
	     at = strstr(at + 1, text))
		found = at - trace;
	return found;
}

/*
 * The same, seen in the order of calls and in what they returned; and the end is not believed, but
 * checked.
 */
START_TEST(never_8_order_of_calls)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	BR_AUTO_FREE char *trace = image_scratch_dir();
	BR_AUTO_FREE char *path = NULL;
	struct reset_result result;

	ck_assert(asprintf(&path, "%s/trace", trace) > 0);
	const struct reset reset = { config, .trace = path,
				     .traced = "pwrite64,syncfs,renameat2,ioctl" };
	ck_assert_int_eq(server_reset(image, &reset, &result), 0);
	BR_AUTO_FREE char *text = run_shell(0, "sed 's/^[0-9]* *//' '%s'", path);
	const char *exchange = strstr(text, "RENAME_EXCHANGE) = 0");
	ck_assert_ptr_nonnull(exchange);
	size_t before = (size_t)(exchange - text);
	ck_assert_int_ge(find_last(text, before, "pwrite64("), 0);
	ck_assert_int_gt(find_last(text, before, "syncfs("), find_last(text, before, "pwrite64("));
	ck_assert_int_gt(find_last(text, before, "BTRFS_IOC_WAIT_SYNC"),
			 find_last(text, before, "syncfs("));
	ck_assert_ptr_null(strstr(exchange, "pwrite64("));
	ck_assert_int_gt(find_last(text, SIZE_MAX / 2, "syncfs("),
			 find_last(text, SIZE_MAX / 2, "SUBVOL_SETFLAGS"));
	ck_assert_int_gt(find_last(text, SIZE_MAX / 2, "BTRFS_IOC_WAIT_SYNC"),
			 find_last(text, SIZE_MAX / 2, "syncfs("));
	BR_AUTO_FREE char *failed = run_shell(
		0, "grep -e ^syncfs -e _SYNC '%s' | grep -v ' = 0$' || :", path);
	ck_assert_str_eq(failed, "");
	reset_free(&result);
}
END_TEST

static bool is_open_to_others(int top, const char *path)
{
	struct stat st;

	return fstatat(top, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_uid != 0 || (st.st_mode & 077) != 0);
}

/* What is prepared or archived must not be reachable for a moment. */
static bool watch_directories(void *data, const struct stepper_call *call)
{
	BR_AUTO_CLOSE int top = stepper_open_btrfs(call->pid, "root-blank");
	unsigned *seen = data;
	struct stat st;

	if (top < 0)
		return true;
	if (tree_exists(top, ".blankroot/staging-root")) {
		++*seen;
		ck_assert_msg(!is_open_to_others(top, ".blankroot"), "before call %u, %s",
			      call->number, call->name);
	}
	/* the size of a directory grows with its names */
	if (fstatat(top, "old_roots", &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size > 0) {
		++*seen;
		ck_assert_msg(!is_open_to_others(top, "old_roots"), "before call %u, %s",
			      call->number, call->name);
	}
	return true;
}

static const char *const openings[] = {
	":",
	"chmod 755 old_roots; mkdir -m 777 .blankroot",
	"rmdir old_roots",
	"chown 1000:1000 old_roots; chmod 700 old_roots",
};

/*
 * 9. A setuid program or a secret in an archive readable by an ordinary user. Watches: directories
 * of ours are made with mode 0700, or closed before anything is put there.
 */
START_TEST(never_9_archive_readable)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const char *const argv[] = { run_tool_path(),  "--config",  config, "--device",
				     image->device[0], "--cmdline", "",     NULL };
	unsigned seen = 0;
	const struct stepper stepper = { .argv = argv,
					 .before_call = watch_directories,
					 .data = &seen };
	struct run_result result;

	free(run_shell(image->top, "%s", openings[_i]));
	image_unmount(image);
	(void)umask(0);
	(void)stepper_run(&stepper, &result);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	ck_assert_uint_gt(seen, 30);
	run_free(&result);
	(void)image_mount(image, NULL);
	/* the sources may lie where others have no access: what is tested is the image alone */
	ck_assert(mount(image->mountpoint, "/mnt", NULL, MS_BIND, NULL) == 0);
	BR_AUTO_FREE char *archive = layout_archive(image->top, NULL);
	BR_AUTO_FREE char *reached = run_shell(
		image->top,
		"cd %s; for f in usr/bin/program etc/passwd; do [ -e $f ]; "
		"setpriv --reuid 65534 --regid 65534 --clear-groups cat /mnt/%s/$f && echo "
		"reached; "
		"setpriv --reuid 1000 --regid 1000 --clear-groups cat /mnt/%s/$f && echo reached; "
		"done 2>/dev/null || :",
		archive, archive, archive);
	ck_assert_str_eq(reached, "");
	BR_AUTO_FREE char *open = run_shell(
		image->top,
		"setpriv --reuid 65534 --regid 65534 --clear-groups cat /mnt/root/etc/passwd");
	ck_assert_str_ne(open, "");
}
END_TEST

static const char *const hidings[] = { "copy", "subvolume" };

/*
 * 10. A kept path that hides data. Watches: the first boot with a newly declared path carries what
 * the old root has there, whatever the blank has at that path.
 */
START_TEST(never_10_data_hidden)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *plain = layout_config("\"/etc/ssh\"", NULL);
	BR_AUTO_FREE char *section = NULL;

	/* a boot without the path, then data in it, then the path is declared */
	server_reset_ok(image, plain);
	subvol_set_read_only(image->top, "root-blank", false);
	free(run_shell(
		image->top,
		"for r in root root-blank; do mkdir -p $r/srv/www; echo $r >$r/srv/www/index; "
		"done; "
		"touch root/srv/www/data root-blank/srv/www/of-the-blank"));
	subvol_set_read_only(image->top, "root-blank", true);
	BR_AUTO_FREE char *before = run_shell(
		image->top, "cd root/srv/www; stat -c '%%n %%a %%u %%Y' . *; cat index");
	ck_assert(asprintf(&section,
			   "\tpath \"/srv/www\" {\n\t\tmethod = %s\n\t\tcreate = directory\n\t}\n",
			   hidings[_i]) > 0);
	BR_AUTO_FREE char *config = layout_config("\"/etc/ssh\"", section);
	for (int boot = 0; boot < 2; boot++) {
		server_reset_ok(image, config);
		BR_AUTO_FREE char *after = run_shell(
			image->top, "cd root/srv/www; stat -c '%%n %%a %%u %%Y' . *; cat index");
		ck_assert_str_eq(after, before);
	}
}
END_TEST

static Suite *make_suite(void)
{
	Suite *suite = suite_create("never-more");
	TCase *tcase = suite_add_case(suite, "never", make_server, server_drop, 120);

	tcase_add_loop_test(tcase, never_7_running_in_an_archive, 0,
			    sizeof(uses) / sizeof(uses[0]));
	tcase_add_test(tcase, never_8_kept_file_half_written);
	tcase_add_test(tcase, never_8_order_of_calls);
	tcase_add_loop_test(tcase, never_9_archive_readable, 0,
			    sizeof(openings) / sizeof(openings[0]));
	tcase_add_loop_test(tcase, never_10_data_hidden, 0, 2);
	return suite;
}

int main(void)
{
	return suite_run(make_suite(), true);
}
