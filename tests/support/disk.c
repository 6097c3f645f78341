/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks without a file system, and a /dev that shows only what a test puts there. */
#include "disk.h"

#include "cleanup.h"
#include "image.h"
#include "run.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* The mount namespace with the whole /dev, and that /dev; -1: we are in it. */
static int outside_mounts = -1;
static int outside_dev = -1;

static char *new_file(void)
{
	BR_AUTO_FREE char *dir = realpath(image_build_dir(), NULL);
	char *path = NULL;
	int fd;

	ck_assert_ptr_nonnull(dir);
	ck_assert(asprintf(&path, "%s/disk-XXXXXX", dir) > 0);
	fd = mkostemp(path, O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(close(fd), 0);
	return path;
}

void disk_attach(struct disk *disk)
{
	BR_AUTO_FREE char *device = run_shell(0, "losetup --find --show '%s'", disk->file);

	device[strcspn(device, "\n")] = '\0';
	ck_assert_uint_lt(strlen(device), sizeof(disk->device));
	strcpy(disk->device, device);
	disk->fd = open(device, O_RDWR | O_CLOEXEC);
	ck_assert_msg(disk->fd >= 0, "%s: %s", device, strerror(errno));
	/* while somebody has it open, this only asks for a detachment by the last close */
	run_ok(0, "losetup", "--detach", device);
}

void disk_create(struct disk *disk, uint64_t size)
{
	disk->file = new_file();
	ck_assert_int_eq(truncate(disk->file, (off_t)size), 0);
	disk_attach(disk);
}

void disk_copy(struct disk *copy, const struct disk *disk)
{
	ck_assert_int_eq(fsync(disk->fd), 0);
	copy->file = new_file();
	run_ok(0, "cp", "--sparse=always", disk->file, copy->file);
	disk_attach(copy);
}

void disk_detach(struct disk *disk)
{
	BR_AUTO_CLOSE int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	struct btrfs_ioctl_vol_args args = { 0 };

	if (disk->fd < 0)
		return;
	snprintf(args.name, sizeof(args.name), "%s", disk->device);
	if (control >= 0)
		(void)ioctl(control, BTRFS_IOC_FORGET_DEV,
			    &args); /* fails when it knew nothing: fine */
	ck_assert_int_eq(close(disk->fd), 0);
	disk->fd = -1;
}

void disk_free(struct disk *disk)
{
	if (!disk->file)
		return;
	disk_detach(disk);
	(void)unlink(disk->file);
	free(disk->file);
	disk->file = NULL;
}

void disk_write(const struct disk *disk, uint64_t offset, const void *bytes, size_t size)
{
	ck_assert_int_eq(pwrite(disk->fd, bytes, size, (off_t)offset), size);
	ck_assert_int_eq(fsync(disk->fd), 0);
}

char *disk_value(const char *device, const char *name)
{
	char *value = run_shell(0, "blkid --probe --match-tag %s --output value %s", name, device);

	value[strcspn(value, "\n")] = '\0';
	ck_assert_str_ne(value, "");
	return value;
}

static void make_node(const char *path, mode_t type, dev_t number)
{
	ck_assert_msg(mknod(path, type | 0600, number) == 0, "mknod %s: %s", path, strerror(errno));
}

void disk_private_dev(void)
{
	struct stat control;

	ck_assert_int_eq(stat("/dev/btrfs-control", &control), 0);
	outside_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	outside_dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert(outside_mounts >= 0 && outside_dev >= 0);
	image_private_mounts();
	ck_assert_msg(mount("tmpfs", "/dev", "tmpfs", 0, "mode=0755") == 0, "tmpfs on /dev: %s",
		      strerror(errno));
	make_node("/dev/null", S_IFCHR, makedev(1, 3));
	make_node("/dev/btrfs-control", S_IFCHR, control.st_rdev);
}

void disk_show_as(const char *device, const char *path)
{
	struct stat st;

	ck_assert_int_eq(strncmp(device, "/dev/", 5), 0);
	ck_assert_int_eq(fstatat(outside_dev, device + 5, &st, 0), 0);
	make_node(path, S_IFBLK, st.st_rdev);
}

void disk_show(const char *device)
{
	disk_show_as(device, device);
}

/* In a process of its own. dev: the /dev where the node is to appear */
static void attach_later(struct disk disk, unsigned milliseconds, int dev, const char *name)
{
	struct stat st;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || usleep(milliseconds * 1000) != 0 ||
	    setns(outside_mounts, CLONE_NEWNS) != 0)
		return;
	disk_attach(&disk);
	if (fstat(disk.fd, &st) != 0 ||
	    mknodat(dev, name ? name : disk.device + 5, S_IFBLK | 0600, st.st_rdev) != 0)
		return;
	for (;;)
		(void)pause();
}

pid_t disk_attach_later(const struct disk *disk, unsigned milliseconds, const char *name)
{
	BR_AUTO_CLOSE int dev = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = fork();

	ck_assert(dev >= 0 && pid >= 0);
	if (pid > 0)
		return pid;
	attach_later(*disk, milliseconds, dev, name);
	_exit(1);
}

void disk_end_attachment(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "could not attach");
}
