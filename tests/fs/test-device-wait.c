/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a device, and for all members of a file system on several. */
#include "cleanup.h"
#include "device.h"
#include "disk.h"
#include "image.h"
#include "run.h"
#include "suite.h"
#include "toplevel.h"

#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#define DISK_SIZE (128ULL << 20)
#define LONG 60 /* seconds; how long is waited when it should not take so long */
#define SOON 30 /* what it may take on a busy machine, and less than that */

static struct disk ext4;

static void make_disks(void)
{
	disk_create(&ext4, DISK_SIZE);
	run_ok(0, "mkfs.ext4", "-qF", ext4.device);
}

static void free_disks(void)
{
	disk_free(&ext4);
}

static struct timespec moment(void)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return ts;
}

static double seconds_since(struct timespec begin)
{
	struct timespec end = moment();

	return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

static char *uuid_spec(const char *device)
{
	BR_AUTO_FREE char *uuid = disk_value(device, "UUID");
	char *spec = NULL;

	ck_assert_int_gt(asprintf(&spec, "UUID=%s", uuid), 0);
	return spec;
}

/* It is found within the seconds. The caller releases what it returns. */
static struct br_device find(const char *spec, unsigned seconds, uint64_t members)
{
	struct br_device device = { 0 };
	struct br_error err = { 0 };
	int r = br_device_find(spec, seconds, &device, &err);

	ck_assert_msg(r == 0, "%s: %s", spec, err.text);
	ck_assert_uint_eq(device.members, members);
	return device;
}

START_TEST(test_waits_as_long_as_told)
{
	struct timespec begin = moment(), cpu;
	struct br_device device;
	struct br_error err;

	disk_private_dev();
	ck_assert_int_eq(br_device_find("UUID=x", 1, &device, &err), BR_ERR_DEVICE_MISSING);
	ck_assert_double_ge(seconds_since(begin), 1);
	ck_assert_double_lt(seconds_since(begin), SOON);
	ck_assert_msg(strstr(err.text, "after 1 second."), "%s", err.text);
	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu), 0);
	ck_assert_msg(cpu.tv_sec == 0 && cpu.tv_nsec < 200000000, "it was busy while it waited");
}
END_TEST

/* Bytes that this process has read so far. */
static unsigned long long bytes_read(void)
{
	BR_AUTO_FILE FILE *file = fopen("/proc/self/io", "re");
	unsigned long long bytes = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "rchar: %llu", &bytes), 1);
	return bytes;
}

static unsigned long long bytes_read_for(unsigned seconds)
{
	unsigned long long before = bytes_read();
	struct br_device device;
	struct br_error err;

	ck_assert_int_eq(br_device_find("UUID=x", seconds, &device, &err), BR_ERR_DEVICE_MISSING);
	return bytes_read() - before;
}

/* A server has many disks: they are read in the first look and the last, not in those between. */
START_TEST(test_remembers_what_it_saw)
{
	struct disk disk;

	disk_create(&disk, DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", disk.device);
	disk_private_dev();
	disk_show(disk.device);
	ck_assert_uint_lt(bytes_read_for(2), 3 * bytes_read_for(0));
	disk_free(&disk);
}
END_TEST

/* What holds something else does not become a btrfs, nor a regular file a device. */
START_TEST(test_does_not_wait_in_vain)
{
	struct timespec begin = moment();
	struct br_device device;
	struct br_error err;

	disk_private_dev();
	disk_show(ext4.device);
	ck_assert_int_eq(br_device_find(ext4.device, LONG, &device, &err), BR_ERR_DEVICE_PROBE);
	ck_assert_int_eq(br_device_find(ext4.file, LONG, &device, &err), BR_ERR_DEVICE_PROBE);
	ck_assert_double_lt(seconds_since(begin), SOON);
}
END_TEST

/* Named by UUID, and by path. */
START_TEST(test_device_appears)
{
	BR_AUTO_FREE char *spec = NULL;
	struct br_device device;
	struct timespec begin;
	struct disk late;

	disk_create(&late, DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", late.device);
	spec = uuid_spec(late.device);
	disk_detach(&late);
	disk_private_dev();
	begin = moment();
	pid_t pid = disk_attach_later(&late, 500, "late");
	device = find(_i == 0 ? spec : "/dev/late", LONG, 1);
	ck_assert_str_eq(device.path, "/dev/late");
	ck_assert_double_ge(seconds_since(begin), 0.5);
	ck_assert_double_lt(seconds_since(begin), SOON);
	br_device_free(&device);
	disk_end_attachment(pid);
	disk_free(&late);
}
END_TEST

/* Make a file system with this label a little later, in the background. */
static pid_t mkfs_later(const struct disk *disk, const char *label)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	usleep(400000);
	run_ok(0, "mkfs.btrfs", "-qKf", "-L", label, disk->device);
	_exit(0);
}

/*
 * The node is there before its content, as with a device that somebody is still putting together.
 * Named by path, it is seen at once; by label, in the last look.
 */
START_TEST(test_content_appears)
{
	struct timespec begin = moment();
	struct br_device device;
	struct disk late;
	int status;

	disk_create(&late, DISK_SIZE);
	disk_private_dev();
	disk_show(late.device);
	pid_t pid = mkfs_later(&late, "late");
	device = find(_i == 0 ? late.device : "LABEL=late", _i == 0 ? LONG : 5, 1);
	ck_assert_double_lt(seconds_since(begin), SOON);
	ck_assert_str_eq(device.path, late.device);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	br_device_free(&device);
	disk_free(&late);
}
END_TEST

static void set_content(const struct disk *disk, const char *file)
{
	run_ok(0, "cp", "--sparse=always", file, disk->file);
	ck_assert_int_eq(ioctl(disk->fd, LOOP_SET_CAPACITY, 0), 0);
}

static void set_content_later(const struct disk *disk, const char *file)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return;
	usleep(400000);
	set_content(disk, file);
	_exit(0);
}

/* The device is there, but empty: an array before it runs, a drive without a medium. */
START_TEST(test_size_appears)
{
	struct disk late, content;
	struct br_device device;
	struct br_error err;

	disk_create(&content, DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", "-L", "late", content.device);
	disk_copy(&late, &content);
	set_content(&late, "/dev/null");
	disk_private_dev();
	disk_show(late.device);
	ck_assert_int_eq(br_device_find(late.device, 0, &device, &err), BR_ERR_DEVICE_PROBE);
	ck_assert_msg(strstr(err.text, "it is empty"), "%s", err.text);
	struct timespec begin = moment();
	set_content_later(&late, content.file);
	device = find("LABEL=late", LONG, 1);
	ck_assert_double_lt(seconds_since(begin), SOON);
	br_device_free(&device);
	disk_free(&late);
	disk_free(&content);
}
END_TEST

static void free_disks_of(struct disk *disks, int count)
{
	for (int i = 0; i < count; i++)
		disk_free(&disks[i]);
}

/* A mirror on two disks that the kernel does not know. Returns its name, owned by the caller. */
static char *make_mirror(struct disk disks[2])
{
	for (int i = 0; i < 2; i++)
		disk_create(&disks[i], DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", "-draid1", "-mraid1", disks[0].device, disks[1].device);
	for (int i = 0; i < 2; i++)
		run_ok(0, "btrfs", "device", "scan", "--forget", disks[i].device);
	return uuid_spec(disks[0].device);
}

/* The kernel can mount it by one of its devices: it knows the others. */
static void check_mountable(const struct br_device *device)
{
	BR_AUTO_CLOSE int top = -1;
	struct br_error err = { 0 };

	ck_assert_msg(br_toplevel_mount(device->path, BR_TOPLEVEL_READ_ONLY, &top, &err) == 0, "%s",
		      err.text);
}

START_TEST(test_mirror)
{
	struct disk disks[2];
	BR_AUTO_FREE char *spec = make_mirror(disks);
	struct br_device device;

	disk_private_dev();
	disk_show(disks[0].device);
	disk_show(disks[1].device);
	device = find(spec, 0, 2);
	check_mountable(&device);
	br_device_free(&device);
	device = find(disks[1].device, 0, 2);
	ck_assert_str_eq(device.path, disks[1].device);
	br_device_free(&device);
	/* the same while it is mounted, as in a running system */
	BR_AUTO_CLOSE int top = -1;
	struct br_error err;
	ck_assert_int_eq(br_toplevel_mount(disks[0].device, 0, &top, &err), 0);
	device = find(spec, 0, 2);
	check_mountable(&device);
	br_device_free(&device);
	ck_assert_int_eq(close(br_take_fd(&top)), 0);
	free_disks_of(disks, 2);
}
END_TEST

START_TEST(test_member_missing)
{
	struct disk disks[2];
	BR_AUTO_FREE char *spec = make_mirror(disks);
	struct br_device device = { .members = 77 };
	struct br_error err = { 0 };

	disk_detach(&disks[0]);
	disk_private_dev();
	disk_show(disks[1].device);
	ck_assert_int_eq(br_device_find(spec, 1, &device, &err), BR_ERR_DEVICE_INCOMPLETE);
	ck_assert_msg(strstr(err.text, "1 of the 2 members"), "%s", err.text);
	ck_assert_msg(strstr(err.text, "after 1 second"), "%s", err.text);
	ck_assert_msg(strstr(err.text, disks[1].device), "%s", err.text);
	ck_assert_msg(strstr(err.text, "(devid 2)"), "%s", err.text);
	ck_assert_uint_eq(device.members, 77);
	free_disks_of(disks, 2);
}
END_TEST

START_TEST(test_member_appears)
{
	struct disk disks[2];
	BR_AUTO_FREE char *spec = make_mirror(disks);
	struct br_device device;
	struct timespec begin;

	disk_detach(&disks[1]);
	disk_private_dev();
	disk_show(disks[0].device);
	begin = moment();
	pid_t pid = disk_attach_later(&disks[1], 1000, NULL);
	device = find(spec, LONG, 2);
	ck_assert_double_ge(seconds_since(begin), 1);
	ck_assert_double_lt(seconds_since(begin), SOON);
	check_mountable(&device);
	br_device_free(&device);
	disk_end_attachment(pid);
	free_disks_of(disks, 2);
}
END_TEST

/* Registering needs it; a file system on one device does not. */
START_TEST(test_no_control_device)
{
	struct disk disks[3] = { 0 };
	BR_AUTO_FREE char *spec = make_mirror(disks);
	struct br_device device = { 0 };
	struct br_error err = { 0 };

	disk_create(&disks[2], DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", disks[2].device);
	disk_private_dev();
	for (int i = 0; i < 3; i++)
		disk_show(disks[i].device);
	ck_assert_int_eq(unlink("/dev/btrfs-control"), 0);
	ck_assert_int_eq(br_device_find(spec, 0, &device, &err), BR_ERR_DEVICE_PROBE);
	ck_assert_str_eq(err.path, "/dev/btrfs-control");
	ck_assert_int_eq(err.sys_errno, ENOENT);
	device = find(disks[2].device, 0, 1);
	check_mountable(&device);
	br_device_free(&device);
	free_disks_of(disks, 3);
}
END_TEST

/* Two copies of one member do not make up for the other one. */
START_TEST(test_copy_of_member)
{
	struct disk disks[3];
	BR_AUTO_FREE char *spec = make_mirror(disks);
	struct br_device device;
	struct br_error err = { 0 };

	disk_copy(&disks[2], &disks[0]);
	disk_private_dev();
	disk_show(disks[0].device);
	disk_show(disks[2].device);
	ck_assert_int_eq(br_device_find(spec, 0, &device, &err), BR_ERR_LAYOUT);
	ck_assert_msg(strstr(err.path, disks[0].device) || strstr(err.text, disks[0].device), "%s",
		      err.text);
	ck_assert_msg(strstr(err.path, disks[2].device) || strstr(err.text, disks[2].device), "%s",
		      err.text);
	free_disks_of(disks, 3);
}
END_TEST

/* Three members; one is removed, and what it was appears again beside those that stayed. */
static void make_with_stale_member(struct disk disks[4])
{
	for (int i = 0; i < 3; i++)
		disk_create(&disks[i], 2 * DISK_SIZE);
	run_ok(0, "mkfs.btrfs", "-qKf", "-draid1", "-mraid1", disks[0].device, disks[1].device,
	       disks[2].device);
	disk_copy(&disks[3], &disks[2]);
	image_private_mounts();
	BR_AUTO_FREE char *dir = image_scratch_dir();
	run_ok(0, "mount", disks[0].device, dir);
	run_ok(0, "btrfs", "device", "remove", disks[2].device, dir);
	run_ok(0, "umount", dir);
	for (int i = 0; i < 3; i++)
		run_ok(0, "btrfs", "device", "scan", "--forget", disks[i].device);
}

START_TEST(test_stale_member_in_the_kernel)
{
	struct disk disks[4];
	struct br_device device;
	struct br_error err = { 0 };

	make_with_stale_member(disks);
	BR_AUTO_FREE char *spec = uuid_spec(disks[0].device);
	run_ok(0, "btrfs", "device", "scan", disks[3].device);
	disk_private_dev();
	disk_show(disks[0].device);
	disk_show(disks[1].device);
	ck_assert_int_eq(br_device_find(spec, 0, &device, &err), BR_ERR_DEVICE_INCOMPLETE);
	ck_assert_msg(strstr(err.text, "the kernel does not regard"), "%s", err.text);
	disk_show(disks[3].device);
	run_ok(0, "btrfs", "device", "scan", "--forget", disks[3].device);
	ck_assert_int_eq(unlink(disks[3].device), 0);
	device = find(spec, 0, 2);
	br_device_free(&device);
	free_disks_of(disks, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device-wait");
	TCase *tcase = suite_add_case(suite, "wait", make_disks, free_disks, 120);

	tcase_add_test(tcase, test_waits_as_long_as_told);
	tcase_add_test(tcase, test_remembers_what_it_saw);
	tcase_add_test(tcase, test_does_not_wait_in_vain);
	tcase_add_loop_test(tcase, test_device_appears, 0, 2);
	tcase_add_loop_test(tcase, test_content_appears, 0, 2);
	tcase_add_test(tcase, test_size_appears);
	tcase = suite_add_case(suite, "members", NULL, NULL, 120);
	tcase_add_test(tcase, test_mirror);
	tcase_add_test(tcase, test_member_missing);
	tcase_add_test(tcase, test_member_appears);
	tcase_add_test(tcase, test_no_control_device);
	tcase_add_test(tcase, test_copy_of_member);
	tcase_add_test(tcase, test_stale_member_in_the_kernel);
	return suite_run(suite, true);
}
