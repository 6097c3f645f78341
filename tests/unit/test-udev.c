/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What udev knows of the members of a file system: a directory like its own, and a child that does its part. */
#include "cleanup.h"
#include "fail-alloc.h"
#include "suite.h"
#include "tmpdir.h"
#include "udev.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define FSID "57377a52-f6e3-44a8-9ad6-0f09b1c36693"
#define OTHER "67377a52-f6e3-44a8-9ad6-0f09b1c36693"
#define DEVICE "7:0" /* the first loop device, which is there before anybody uses it */
#define UEVENT "/sys/dev/block/" DEVICE "/uevent"

static struct tmpdir dir;

static void make_dir(void)
{
	tmpdir_make(&dir);
	ck_assert_int_eq(mkdirat(dir.fd, "data", 0755), 0);
	tmpdir_write_text(&dir, "control", "");
}

static void drop_dir(void)
{
	tmpdir_remove(&dir);
}

static void write_record(const char *device, const char *fsid, const char *ready)
{
	BR_AUTO_FREE char *name = NULL;
	BR_AUTO_FREE char *text = NULL;

	ck_assert_int_gt(asprintf(&name, "data/b%s", device), 0);
	ck_assert_int_gt(
		asprintf(&text,
			 "S:disk/by-uuid/x\nE:ID_FS_UUID=%s\nE:ID_FS_TYPE=btrfs\n%sG:systemd\n",
			 fsid, ready),
		0);
	tmpdir_write_text(&dir, name, text);
}

static int settle(unsigned seconds)
{
	struct br_error err;
	int r = br_udev_settle(dir.path, FSID, seconds, &err);

	ck_assert(r >= 0 || err.code == r);
	return r;
}

static double seconds_since(const struct timespec *begin)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin->tv_sec) + (double)(now.tv_nsec - begin->tv_nsec) / 1e9;
}

/* Do something in a child after a moment, while the parent waits for it. */
static pid_t later(void (*act)(void))
{
	const struct timespec moment = { .tv_nsec = 200 * 1000 * 1000 };
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child > 0)
		return child;
	(void)nanosleep(&moment, NULL);
	act();
	_exit(0);
}

static void expect_end(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(test_nobody)
{
	struct br_error err;

	write_record("999:0", FSID, "E:ID_BTRFS_READY=0\n");
	ck_assert_int_eq(unlinkat(dir.fd, "control", 0), 0);
	ck_assert_int_eq(settle(5), 0);
	ck_assert_int_eq(br_udev_settle("/nonexistent", FSID, 5, &err), 0);
}
END_TEST

/* Others wait for their own, and no line is taken for another one that begins or ends like it. */
START_TEST(test_ready)
{
	write_record("999:1", FSID, "E:ID_BTRFS_READY=1\n");
	write_record("999:2", OTHER, "E:ID_BTRFS_READY=0\n");
	write_record("999:3", FSID, "");
	write_record("999:4", FSID, "E:ID_BTRFS_READY=01\nXE:ID_BTRFS_READY=0\n");
	tmpdir_write_text(&dir, "data/c1:3", "E:ID_FS_UUID=" FSID "\nE:ID_BTRFS_READY=0\n");
	ck_assert_int_eq(settle(5), 0);
	ck_assert_int_eq(unlinkat(dir.fd, "data/b999:1", 0), 0);
}
END_TEST

START_TEST(test_no_records)
{
	ck_assert_int_eq(unlinkat(dir.fd, "data", AT_REMOVEDIR), 0);
	ck_assert_int_eq(settle(5), 0);
}
END_TEST

static void end_queue(void)
{
	(void)unlinkat(dir.fd, "queue", 0);
}

START_TEST(test_queue)
{
	pid_t child;

	tmpdir_write_text(&dir, "queue", "");
	child = later(end_queue);
	ck_assert_int_eq(settle(20), 1);
	ck_assert_int_ne(faccessat(dir.fd, "queue", F_OK, 0), 0);
	expect_end(child);
}
END_TEST

START_TEST(test_time_is_up)
{
	struct timespec begin;

	tmpdir_write_text(&dir, "queue", "");
	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	ck_assert_int_eq(settle(1), BR_ERR_DEVICE_INCOMPLETE);
	ck_assert(seconds_since(&begin) >= 1);
}
END_TEST

/* What cannot be announced is an error, not a wait. */
START_TEST(test_gone)
{
	write_record("999:0", FSID, "E:ID_BTRFS_READY=0\n");
	ck_assert_int_eq(settle(20), BR_ERR_OPEN);
}
END_TEST

/* Of several runs of this test one at a time, as long as the descriptor is open; -1: it cannot be written to. */
static int hold_device(void)
{
	int fd = open(UEVENT, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	return fd;
}

/* Records that cannot be read say nothing of the members: an error, and which. */
START_TEST(test_unreadable)
{
	struct tmpdir other;
	BR_AUTO_FREE char *path = NULL;
	struct br_error err;

	ck_assert_int_eq(mkdirat(dir.fd, "data/b7:0", 0755), 0);
	ck_assert_int_eq(settle(5), BR_ERR_TYPE);
	tmpdir_make(&other);
	tmpdir_write_text(&other, "control", "");
	tmpdir_write_text(&other, "data", "");
	ck_assert_int_eq(br_udev_settle(other.path, FSID, 5, &err), BR_ERR_OPEN);
	path = tmpdir_path(&other, "control");
	ck_assert_int_eq(br_udev_settle(path, FSID, 5, &err), BR_ERR_OPEN);
	tmpdir_remove(&other);
}
END_TEST

static int settle_at_once(void)
{
	struct br_error err;

	return br_udev_settle(dir.path, FSID, 0, &err);
}

START_TEST(test_no_memory)
{
	write_record("999:1", FSID, "E:ID_BTRFS_READY=1\n");
	assert_survives_no_memory(settle_at_once());
}
END_TEST

static int listen_for_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	return -1;
}

/* How often somebody had the kernel announce a change of the device; what others do with it is left out. */
static unsigned count_uevents(int fd)
{
	static const char asked[] = "SYNTH_UUID=0";
	char message[4096];
	unsigned count = 0;
	ssize_t n;

	while ((n = recv(fd, message, sizeof(message) - 1, 0)) > 0) {
		message[n] = '\0';
		count += strncmp(message, "change@", 7) == 0 && strstr(message, "/loop0") &&
			 memmem(message, (size_t)n, asked, sizeof(asked));
	}
	return count;
}

static void make_ready(void)
{
	write_record(DEVICE, FSID, "E:ID_BTRFS_READY=1\n");
}

/* Announced once, however long it takes until udev has looked. */
START_TEST(test_announce)
{
	BR_AUTO_CLOSE int held = hold_device();
	BR_AUTO_CLOSE int uevents = listen_for_uevents();
	pid_t child;

	if (held < 0 || uevents < 0)
		return; /* tests/boot shows it as well */
	write_record(DEVICE, FSID, "E:ID_BTRFS_READY=0\n");
	child = later(make_ready);
	ck_assert_int_eq(settle(20), 1);
	expect_end(child);
	ck_assert_uint_eq(count_uevents(uevents), 1);
}
END_TEST

static void find_late(void)
{
	write_record(DEVICE, FSID, "E:ID_BTRFS_READY=0\n");
	end_queue();
	(void)nanosleep(&(struct timespec){ .tv_nsec = 200 * 1000 * 1000 }, NULL);
	make_ready();
}

/* Its record is not there before udev is idle. */
START_TEST(test_late)
{
	BR_AUTO_CLOSE int held = hold_device();
	BR_AUTO_CLOSE int uevents = listen_for_uevents();
	pid_t child;

	if (held < 0 || uevents < 0)
		return;
	tmpdir_write_text(&dir, "queue", "");
	child = later(find_late);
	ck_assert_int_eq(settle(20), 1);
	expect_end(child);
	ck_assert_uint_eq(count_uevents(uevents), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("udev");
	TCase *tcase = suite_add_case(suite, "settle", NULL, NULL, 60);

	tcase_add_checked_fixture(tcase, make_dir, drop_dir);
	tcase_add_test(tcase, test_nobody);
	tcase_add_test(tcase, test_ready);
	tcase_add_test(tcase, test_no_records);
	tcase_add_test(tcase, test_queue);
	tcase_add_test(tcase, test_time_is_up);
	tcase_add_test(tcase, test_gone);
	tcase_add_test(tcase, test_unreadable);
	tcase_add_test(tcase, test_no_memory);
	tcase_add_test(tcase, test_announce);
	tcase_add_test(tcase, test_late);
	return suite_run(suite, false);
}
