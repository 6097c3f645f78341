/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk whose writes are recorded. */
#include "recorded-disk.h"

#include "cleanup.h"
#include "run.h"
#include "suite.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

enum { LOOP_MAJOR = 7, MISC_MAJOR = 10, FUSE_MINOR = 229, LOOP_CONTROL_MINOR = 237 };

#define TRIES 2000 /* of a millisecond and more */

/* Opening the device loads the module. */
static bool has_fuse(void)
{
	BR_AUTO_CLOSE int device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	BR_AUTO_FILE FILE *file = fopen("/proc/filesystems", "re");
	char line[128];

	while (device >= 0 && file && fgets(line, sizeof(line), file)) {
		if (strstr(line, "fusectl"))
			return true;
	}
	return false;
}

int recorded_disk_suite_run(Suite *suite)
{
	if (image_missing() || has_fuse())
		return suite_run(suite, true);
	printf("skipped: no FUSE\n");
	srunner_free(srunner_create(suite));
	return SUITE_SKIPPED;
}

static void show_node(const char *path, mode_t type, dev_t number)
{
	ck_assert_msg(mknod(path, type | 0600, number) == 0 || errno == EEXIST, "mknod %s: %s",
		      path, strerror(errno));
}

/* The recorder stands beside the test program. */
static char *recorder_path(void)
{
	char self[4096] = "";
	char *path = NULL;

	ck_assert(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	ck_assert(asprintf(&path, "%s/recorder", self) > 0);
	return path;
}

/* Nothing kills it with the client: what is still mounted then is to be unmounted. */
static void become_recorder(const struct recorded_disk *disk, int file, pid_t client,
			    unsigned seconds)
{
	BR_AUTO_FREE char *program = recorder_path();
	char file_path[64], log_path[64], client_number[16], seconds_number[16];

	snprintf(file_path, sizeof(file_path), "/proc/%d/fd/%d", (int)client, file);
	snprintf(log_path, sizeof(log_path), "/proc/%d/fd/%d", (int)client, disk->log);
	snprintf(client_number, sizeof(client_number), "%d", (int)client);
	snprintf(seconds_number, sizeof(seconds_number), "%u", seconds);
	execv(program, (char *const[]){ program, file_path, log_path, disk->dir, client_number,
					seconds_number, NULL });
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

/* Returns the file in the mounted file system, open. */
static int wait_for_file(const struct recorded_disk *disk)
{
	BR_AUTO_FREE char *path = NULL;
	int status;

	ck_assert(asprintf(&path, "%s/disk", disk->dir) > 0);
	for (unsigned tries = 0; tries < TRIES; tries++) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		if (fd >= 0)
			return fd;
		ck_assert_msg(waitpid(disk->recorder, &status, WNOHANG) == 0,
			      "the recorder ended: %x", (unsigned)status);
		(void)usleep(1000);
	}
	ck_abort_msg("the recorder serves no disk");
}

/*
 * A device whose limit of discards somebody has set to 0 stays without, whatever is attached to it: the kernel (6.18) then
 * takes no other limit. Only a new one of that number has them again.
 */
static bool takes_discards(int number)
{
	BR_AUTO_FREE char *limit = run_shell(
		AT_FDCWD, "cat /sys/block/loop%d/queue/discard_max_bytes", number);

	return strcmp(limit, "0\n") != 0;
}

/* Others look for free devices at the same time. */
int device_attach(int file, char device[24])
{
	show_node("/dev/loop-control", S_IFCHR, makedev(MISC_MAJOR, LOOP_CONTROL_MINOR));
	BR_AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	const struct loop_config config = {
		.fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO
	};

	ck_assert_msg(control >= 0, "/dev/loop-control: %s", strerror(errno));
	for (unsigned tries = 0; tries < TRIES; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		ck_assert_msg(number >= 0, "LOOP_CTL_GET_FREE: %s", strerror(errno));
		snprintf(device, 24, "/dev/loop%d", number);
		show_node(device, S_IFBLK, makedev(LOOP_MAJOR, (unsigned)number));
		int loop = open(device, O_RDWR | O_CLOEXEC);
		bool is_ours = loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0;
		if (is_ours && takes_discards(number))
			return loop;
		ck_assert_msg(is_ours || errno == EBUSY || errno == ENXIO, "%s: %s", device,
			      strerror(errno));
		if (loop >= 0)
			(void)close(loop);
		if (is_ours)
			(void)ioctl(control, LOOP_CTL_REMOVE, number);
		(void)unlink(device);
		(void)usleep(1000);
	}
	ck_abort_msg("no free loop device");
}

/* Else the end of the recorder could unmount what is mounted here, and would wait for itself. */
static void check_apart(const struct recorded_disk *disk)
{
	BR_AUTO_FREE char *path = NULL;
	struct stat ours, its;

	ck_assert(asprintf(&path, "/proc/%d/ns/mnt", (int)disk->recorder) > 0);
	ck_assert(stat(path, &its) == 0 && stat("/proc/self/ns/mnt", &ours) == 0);
	ck_assert_msg(its.st_ino != ours.st_ino, "the recorder shares our mounts");
}

void recorded_disk_start(struct recorded_disk *disk, const struct image *image, unsigned seconds)
{
	pid_t parent = getpid();

	*disk = (struct recorded_disk){ .dir = image_scratch_dir() };
	show_node("/dev/fuse", S_IFCHR, makedev(MISC_MAJOR, FUSE_MINOR));
	disk->log = memfd_create("log", MFD_CLOEXEC);
	ck_assert_msg(disk->log >= 0, "memfd_create: %s", strerror(errno));
	disk->recorder = fork();
	ck_assert_msg(disk->recorder >= 0, "fork: %s", strerror(errno));
	if (disk->recorder == 0)
		become_recorder(disk, image->file[0], parent, seconds);
	BR_AUTO_CLOSE int file = wait_for_file(disk);
	check_apart(disk);
	disk->loop = device_attach(file, disk->device);
}

uint64_t recorded_disk_log_size(const struct recorded_disk *disk)
{
	struct stat st;

	ck_assert_int_eq(fstat(disk->log, &st), 0);
	return (uint64_t)st.st_size;
}

static void forget(const char *device)
{
	BR_AUTO_CLOSE int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	struct btrfs_ioctl_vol_args args = { 0 };

	snprintf(args.name, sizeof(args.name), "%s", device);
	if (control >= 0)
		(void)ioctl(control, BTRFS_IOC_FORGET_DEV,
			    &args); /* fails when it knew nothing: fine */
}

void device_wait_unused(const char *device)
{
	for (unsigned tries = 0; tries < TRIES; tries++) {
		BR_AUTO_CLOSE int fd = open(device, O_RDONLY | O_EXCL | O_CLOEXEC);

		if (fd >= 0)
			return;
		ck_assert_msg(errno == EBUSY, "%s: %s", device, strerror(errno));
		(void)usleep(1000);
	}
	ck_abort_msg("%s stays mounted", device);
}

void recorded_disk_stop(struct recorded_disk *disk)
{
	int status, tries = 0;

	device_wait_unused(disk->device);
	forget(disk->device);
	ck_assert_int_eq(close(disk->loop), 0); /* the last user's close detaches */
	ck_assert_int_eq(unlink(disk->device), 0);
	while (umount2(disk->dir, 0) != 0) {
		ck_assert_msg(errno == EBUSY && tries++ < TRIES, "umount %s: %s", disk->dir,
			      strerror(errno));
		(void)usleep(1000);
	}
	ck_assert(waitpid(disk->recorder, &status, 0) == disk->recorder);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the recorder failed: %x",
		      (unsigned)status);
	free(disk->dir);
}
