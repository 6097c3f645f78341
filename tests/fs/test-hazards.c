/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What else may be going on with a file system that is reset: a hibernated system in a swap file on
 * it, a clone beside it, a seed, quotas, swap files, an active send, thousands of archives. Each in
 * one test through the tool; what is known about a subject in depth is in the test of that subject.
 */
#include "cleanup.h"
#include "disk.h"
#include "server.h"
#include "suite.h"
#include "tree.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SIZE (256ULL << 20)
#define ARCHIVES 10000

#define MAKE_SWAP_FILE                                 \
	"touch swap; chattr +C swap; chmod 600 swap; " \
	"perl -e 'print \"x\" x (4 << 20)' >swap; mkswap -q swap; sync"

static void make_server(void)
{
	server_make(SIZE, NULL);
}

static void run_in(int top, const char *dir, const char *line)
{
	BR_AUTO_CLOSE int fd = tree_open(top, dir, false);

	free(run_shell(fd, "%s", line));
}

/* --- a hibernated system in a swap file on the file system itself --- */

static char *make_sleeping_system(struct image *image)
{
	static const char asleep[] = "S1SUSPEND";
	char *cmdline = NULL;

	run_in(image->top, "persist", MAKE_SWAP_FILE);
	BR_AUTO_FREE char *offset = run_shell(
		image->top, "btrfs inspect-internal map-swapfile -r persist/swap");
	BR_AUTO_CLOSE int fd = tree_open(image->top, "persist/swap", true);
	ck_assert_int_eq(pwrite(fd, asleep, sizeof(asleep), getpagesize() - 10), sizeof(asleep));
	ck_assert_int_eq(fsync(fd), 0);
	offset[strcspn(offset, "\n")] = '\0';
	ck_assert(asprintf(&cmdline, "resume=UUID=%s resume_offset=%s", image->uuid, offset) > 0);
	return cmdline;
}

START_TEST(test_hibernated_into_swap_file)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	BR_AUTO_FREE char *cmdline = make_sleeping_system(image);
	BR_AUTO_FREE char *given_up = NULL;
	struct reset reset = { .config = config, .cmdline = cmdline };
	struct reset_result result;
	struct state before;

	image_unmount(image);
	state_save(&before, image);
	ck_assert_msg(server_reset(image, &reset, &result) == 3, "exit %d: %s", result.code,
		      result.run.err);
	assert_report(&result, ".error.code == \"hibernated\"");
	ck_assert(state_is_on(&before, image));
	reset_free(&result);
	state_free(&before);
	ck_assert(asprintf(&given_up, "%s noresume", cmdline) > 0);
	reset.cmdline = given_up;
	ck_assert_msg(server_reset(image, &reset, &result) == 0, "exit %d: %s", result.code,
		      result.run.err);
	reset_free(&result);
}
END_TEST

/* --- two file systems with the same UUID --- */

START_TEST(test_clone_attached)
{
	struct reset_result result;
	BR_AUTO_FREE char *spec = NULL;
	struct disk clone;

	disk_create(&clone, SIZE);
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	image_unmount(image);
	disk_show(clone.device);
	free(run_shell(0, "cat %s >%s", image->device[0], clone.device));
	ck_assert(asprintf(&spec, "UUID=%s", image->uuid) > 0);
	ck_assert_msg(server_reset(image,
				   &(struct reset){ .config = config,
						    .device = _i ? image->device[0] : spec,
						    .cmdline = "rd.blankroot.timeout=0" },
				   &result) == 3,
		      "exit %d: %s", result.code, result.run.err);
	assert_says(result.run.err, image->device[0]);
	assert_says(result.run.err, clone.device);
	ck_assert(state_is_on(server_state(), image));
	free(run_shell(0, "cmp %s %s", image->device[0], clone.device));
	reset_free(&result);
	ck_assert_int_eq(unlink(clone.device), 0);
	server_reset_ok(image, config);
	disk_free(&clone);
}
END_TEST

/* --- seed devices --- */

START_TEST(test_is_a_seed)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	struct reset_result result;
	struct state before;

	image_unmount(image);
	run_ok(0, "btrfstune", "-S", "1", image->device[0]);
	state_save(&before, image);
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config }, &result) == 4,
		      "exit %d: %s", result.code, result.run.err);
	assert_report(&result, ".error.code == \"mount\"");
	ck_assert(state_is_on(&before, image));
	state_free(&before);
	reset_free(&result);
}
END_TEST

/* The seed counts as a member that is missing, for it has another UUID. */
START_TEST(test_grew_from_a_seed)
{
	static const char *const degraded[] = { "no", "yes" };
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *uuid = NULL;
	struct run_result result;
	struct disk sprout;

	disk_create(&sprout, SIZE);
	struct image *image = server_begin();
	image_unmount(image);
	disk_show(sprout.device);
	run_ok(0, "btrfstune", "-S", "1", image->device[0]);
	(void)image_mount(image, NULL);
	run_ok(image->top, "btrfs", "device", "add", "-f", sprout.device, ".");
	image_unmount(image);
	uuid = disk_value(sprout.device, "UUID");
	ck_assert(asprintf(&text, "device = \"UUID=%s\"\ndegraded = %s\nephemeral root { }\n", uuid,
			   degraded[_i]) > 0);
	BR_AUTO_FREE char *config = server_config(text);
	BR_AUTO_FREE char *seed = run_shell(0, "sha256sum <%s", image->device[0]);
	BR_AUTO_FREE char *before = run_shell(0, "sha256sum <%s", sprout.device);
	run_tool((const char *const[]){ "--config", config, "--cmdline",
					"noresume rd.blankroot.timeout=0", "--report=", NULL },
		 &result);
	ck_assert_msg(result.code == (_i == 0 ? 4 : 0), "exit %d: %s", result.code, result.err);
	assert_says(result.err, "1 of the 2 members of the ");
	BR_AUTO_FREE char *after = run_shell(0, "sha256sum <%s", sprout.device);
	ck_assert((strcmp(before, after) == 0) == (_i == 0));
	BR_AUTO_FREE char *seed_after = run_shell(0, "sha256sum <%s", image->device[0]);
	ck_assert_str_eq(seed, seed_after);
	run_free(&result);
	disk_free(&sprout);
}
END_TEST

/* --- quotas --- */

#define SIMPLE_QUOTA 4 /* BTRFS_QUOTA_CTL_ENABLE_SIMPLE_QUOTA, Linux 6.7 */

static bool enable_quotas(int top, bool simple)
{
	struct btrfs_ioctl_quota_ctl_args args = { .cmd = simple ? SIMPLE_QUOTA
								 : BTRFS_QUOTA_CTL_ENABLE };

	if (ioctl(top, BTRFS_IOC_QUOTA_CTL, &args) == 0)
		return true;
	ck_assert_msg(simple && errno == EINVAL, "BTRFS_IOC_QUOTA_CTL: %s", strerror(errno));
	return false;
}

/* Also with the old root at its limit: that is its own, and does not come along. */
START_TEST(test_quotas)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(
		LAYOUT_PERSIST, "path \"/srv\" { method = subvolume create = directory }");

	if (!enable_quotas(image->top, _i % 2)) {
		fprintf(stderr, "skipped: this kernel has no simple quotas\n");
		return;
	}
	if (_i % 2 == 0)
		run_ok(image->top, "btrfs", "quota", "rescan", "-w", ".");
	if (_i >= 2)
		run_ok(image->top, "btrfs", "qgroup", "limit", "1M", "root");
	for (int run = 0; run < 3; run++) {
		BR_AUTO_FREE char *name = NULL;

		ck_assert(asprintf(&name, "root/etc/ssh/of-run-%d", run) > 0);
		tree_write(image->top, name, "kept\n");
		server_reset_ok(image, config);
		ck_assert(tree_exists(image->top, name));
		ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
	}
	BR_AUTO_FREE char *archives = run_shell(image->top, "ls old_roots | wc -l");
	ck_assert_int_eq(atoi(archives), 3);
}
END_TEST

/* --- a swap file in the old root --- */

START_TEST(test_swap_file_in_old_root)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *kept = layout_config("\"/var/lib/app\"", NULL);
	BR_AUTO_FREE char *left = layout_config(NULL, NULL);
	struct reset_result result;

	run_in(image->top, "root/var/lib/app", MAKE_SWAP_FILE);
	BR_AUTO_FREE char *before = run_shell(image->top, "sha256sum <root/var/lib/app/swap");
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = kept }, &result), 0);
	assert_report(&result, "(.warnings | map(.code)) == [\"swap-file\"]");
	assert_says(result.run.err, "SWAP FILE: root has 1 in its persistent paths");
	reset_free(&result);
	BR_AUTO_FREE char *after = run_shell(image->top, "sha256sum <root/var/lib/app/swap");
	ck_assert_str_eq(before, after);
	BR_AUTO_FREE char *flags = run_shell(image->top, "lsattr root/var/lib/app/swap");
	ck_assert_msg(memchr(flags, 'C', strcspn(flags, " ")), "not nodatacow: %s", flags);
	BR_AUTO_FREE char *first = layout_archive(image->top, NULL);
	ck_assert_int_eq(server_reset(image, &(struct reset){ .config = left }, &result), 0);
	assert_report(&result, ".warnings == []");
	reset_free(&result);
	ck_assert(!tree_exists(image->top, "root/var/lib/app/swap"));
	BR_AUTO_FREE char *second = layout_archive(image->top, (const char *[]){ first, NULL });
	BR_AUTO_FREE char *archived = run_shell(image->top, "sha256sum <%s/var/lib/app/swap",
						second);
	ck_assert_str_eq(before, archived);
}
END_TEST

/* --- an active send --- */

/* A send that waits for its reader, in the middle. Returns its process. */
static pid_t start_send(const struct image *image, const char *subvolume, int *reader_ret)
{
	int ends[2];
	pid_t pid;
	char byte;

	ck_assert(pipe(ends) == 0);
	pid = fork();
	ck_assert(pid >= 0);
	if (pid == 0) {
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		if (fchdir(image->top) == 0)
			execlp("btrfs", "btrfs", "-q", "send", subvolume, NULL);
		_exit(127);
	}
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	*reader_ret = ends[0];
	return pid;
}

static void end_send(pid_t pid, int reader)
{
	(void)close(reader);
	(void)kill(pid, SIGTERM);
	ck_assert(waitpid(pid, NULL, 0) == pid);
}

/* It needs the old root read-only until it is done: refused, and nothing lost. */
START_TEST(test_send_of_old_root)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const struct reset reset = { .config = config, .stay_mounted = true };
	struct reset_result result;
	int reader = -1;

	subvol_set_read_only(image->top, "root", true);
	uint64_t id = subvol_id(image->top, "root");
	pid_t pid = start_send(image, "root", &reader);
	ck_assert_msg(server_reset(image, &reset, &result) == 4, "exit %d: %s", result.code,
		      result.run.err);
	assert_says(result.run.err, "root");
	ck_assert_uint_eq(subvol_id(image->top, "root"), id);
	ck_assert(subvol_is_read_only(image->top, "root"));
	ck_assert(!tree_exists(image->top, ".blankroot/staging-root"));
	reset_free(&result);
	end_send(pid, reader);
	server_reset_ok(image, config);
	ck_assert(subvol_id(image->top, "root") != id);
}
END_TEST

START_TEST(test_send_of_blank)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	struct reset_result result;
	int reader = -1;

	subvol_set_read_only(image->top, "root-blank", false);
	tree_make_many(image->top, "root-blank/many", 3000, 3000, 100);
	subvol_set_read_only(image->top, "root-blank", true);
	pid_t pid = start_send(image, "root-blank", &reader);
	ck_assert_msg(server_reset(image, &(struct reset){ .config = config, .stay_mounted = true },
				   &result) == 0,
		      "exit %d: %s", result.code, result.run.err);
	reset_free(&result);
	end_send(pid, reader);
	ck_assert(!tree_exists(image->top, "root/usr/bin/drift"));
}
END_TEST

/* --- very many archives --- */

static void make_archives(int top)
{
	BR_AUTO_CLOSE int dir = tree_open(top, "old_roots", false);
	struct btrfs_ioctl_vol_args args = { 0 };

	for (unsigned i = 0; i < ARCHIVES; i++) {
		snprintf(args.name, sizeof(args.name), "root.2020%02u%02uT00%02u%02uZ",
			 1 + i / 3600 / 28 % 12, 1 + i / 3600 % 28, i / 60 % 60, i % 60);
		ck_assert_msg(ioctl(dir, BTRFS_IOC_SUBVOL_CREATE, &args) == 0, "%s: %s", args.name,
			      strerror(errno));
	}
}

START_TEST(test_many_archives)
{
	struct image *image = server_begin();
	BR_AUTO_FREE char *config = layout_config(LAYOUT_PERSIST, NULL);
	const char *const args[] = { "--config",  config,     "--device",  image->device[0],
				     "--cmdline", "noresume", "--report=", NULL };
	struct run_result result;
	long peak;

	make_archives(image->top);
	image_unmount(image);
	run_tool_measured(args, &result, &peak);
	ck_assert_msg(result.code == 0, "exit %d: %s", result.code, result.err);
	fprintf(stderr, "%d archives: %s", ARCHIVES, result.err);
	if (!run_tool_is_sanitized())
		ck_assert_int_lt(peak, 8 << 10);
	run_free(&result);
	(void)image_mount(image, NULL);
	BR_AUTO_FREE char *count = run_shell(image->top, "ls old_roots | wc -l");
	ck_assert_int_eq(atoi(count), ARCHIVES + 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hazards");
	TCase *tcase = suite_add_case(suite, "hazards", make_server, server_drop, 120);

	tcase_add_test(tcase, test_hibernated_into_swap_file);
	tcase_add_loop_test(tcase, test_clone_attached, 0, 2);
	tcase_add_test(tcase, test_is_a_seed);
	tcase_add_loop_test(tcase, test_grew_from_a_seed, 0, 2);
	tcase_add_loop_test(tcase, test_quotas, 0, 4);
	tcase_add_test(tcase, test_swap_file_in_old_root);
	tcase_add_test(tcase, test_send_of_old_root);
	tcase_add_test(tcase, test_send_of_blank);
	tcase_add_test(tcase, test_many_archives);
	return suite_run(suite, true);
}
