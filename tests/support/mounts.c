/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mounting images where only this process and its children see them. */
#include "cleanup.h"
#include "image.h"
#include "run.h"

#include <check.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/*
 * Where mount points are: a tmpfs that only our mount namespace has. NULL: none yet. Kept over
 * fork, as it.
 */
static char *private_dir;

const char *image_build_dir(void)
{
	const char *dir = getenv("BLANKROOT_BUILD");

	if (!dir || !*dir)
		dir = "build/scratch";
	run_ok(0, "mkdir", "-p", dir);
	return dir;
}

void image_private_mounts(void)
{
	BR_AUTO_FREE char *path = NULL;

	ck_assert_msg(unshare(CLONE_NEWNS) == 0, "unshare: %s", strerror(errno));
	ck_assert_msg(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
		      "private mounts: %s", strerror(errno));
	if (private_dir)
		return;
	ck_assert(asprintf(&path, "%s/mnt", image_build_dir()) > 0);
	run_ok(0, "mkdir", "-p", path);
	ck_assert_msg(mount("tmpfs", path, "tmpfs", MS_NOATIME, "mode=0755") == 0,
		      "tmpfs on %s: %s", path, strerror(errno));
	private_dir = realpath(path, NULL);
	ck_assert_ptr_nonnull(private_dir);
}

char *image_scratch_dir(void)
{
	char *path = NULL;

	if (!private_dir)
		image_private_mounts();
	ck_assert(asprintf(&path, "%s/XXXXXX", private_dir) > 0);
	ck_assert_msg(mkdtemp(path) != NULL, "%s: %s", path, strerror(errno));
	return path;
}

/* Mount with further options behind those wanted. Returns the mount point, owned by the caller. */
static char *mount_image(const struct image *image, const char *options, const char *subvolume)
{
	char *mountpoint = image_scratch_dir();
	BR_AUTO_FREE char *words = NULL;

	ck_assert(asprintf(&words, "%s,%s", options ? options : "noatime", subvolume) > 0);
	for (unsigned i = 0; image->devices > 1 && i < image->devices; i++)
		run_ok(0, "btrfs", "device", "scan", image->device[i]);
	run_ok(0, "mount", "-i", "-n", "-t", "btrfs", "-o", words, image->device[0], mountpoint);
	return mountpoint;
}

int image_mount(struct image *image, const char *options)
{
	ck_assert_msg(!image->mountpoint, "mounted already");
	image->mountpoint = mount_image(image, options, "subvolid=5");
	image->top = open(image->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_msg(image->top >= 0, "%s: %s", image->mountpoint, strerror(errno));
	return image->top;
}

char *image_mount_subvolume(struct image *image, const char *subvolume, const char *options)
{
	BR_AUTO_FREE char *option = NULL;

	ck_assert(asprintf(&option, "subvol=/%s", subvolume) > 0);
	return mount_image(image, options, option);
}

void image_unmount_path(char *mountpoint)
{
	ck_assert_msg(umount2(mountpoint, UMOUNT_NOFOLLOW) == 0, "umount %s: %s", mountpoint,
		      strerror(errno));
	(void)rmdir(mountpoint);
	free(mountpoint);
}

void image_unmount(struct image *image)
{
	if (!image->mountpoint)
		return;
	(void)close(image->top); /* read-only use: nothing to lose */
	image->top = -1;
	image_unmount_path(br_take_ptr(&image->mountpoint));
}
