/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Throw-away btrfs file systems on loop devices. */
#include "image.h"

#include "cleanup.h"
#include "run.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#define ATTACH_TRIES 64
#define ROOM_WANTED (2ULL << 30)

/* Where image files without a name live: in memory if there is room, for speed. */
static const char *image_dir(void)
{
	const char *dir = getenv("TMPDIR");
	struct statfs fs;

	if (dir && *dir)
		return dir;
	if (statfs("/dev/shm", &fs) == 0 && fs.f_bavail * (uint64_t)fs.f_bsize >= ROOM_WANTED)
		return "/dev/shm";
	return image_build_dir();
}

static int open_named_file(const char *uuid, unsigned number)
{
	BR_AUTO_FREE char *path = NULL;

	ck_assert(asprintf(&path, "%s/%s-%u.img", image_build_dir(), uuid, number) > 0);
	fprintf(stderr, "image kept: %s\n", path);
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

static int open_file(const char *uuid, unsigned number, uint64_t size)
{
	const char *keep = getenv("KEEP");
	int fd = keep && *keep && strcmp(keep, "0") != 0
			 ? open_named_file(uuid, number)
			 : open(image_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	ck_assert_msg(fd >= 0, "image file in %s: %s", image_dir(), strerror(errno));
	ck_assert_msg(ftruncate(fd, (off_t)size) == 0, "image size: %s", strerror(errno));
	return fd;
}

/* Attach to a free loop device. Others look for free ones at the same time, hence the tries. */
static int attach(int file, char device[24])
{
	BR_AUTO_CLOSE int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = { .fd = (uint32_t)file, .info.lo_flags = LO_FLAGS_AUTOCLEAR };

	ck_assert_msg(control >= 0, "/dev/loop-control: %s", strerror(errno));
	for (unsigned tries = 0; tries < ATTACH_TRIES; tries++) {
		int number = ioctl(control, LOOP_CTL_GET_FREE);

		ck_assert_msg(number >= 0, "LOOP_CTL_GET_FREE: %s", strerror(errno));
		snprintf(device, 24, "/dev/loop%d", number);
		BR_AUTO_CLOSE int loop = open(device, O_RDWR | O_CLOEXEC);
		if (loop >= 0 && ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			return br_take_fd(&loop);
		ck_assert_msg(errno == EBUSY || errno == ENOENT || errno == ENXIO, "%s: %s", device,
			      strerror(errno));
		usleep(1000 * (tries + 1));
	}
	ck_abort_msg("no free loop device");
}

/*
 * The kernel remembers members of file systems by device name; what it knows of an earlier user is
 * stale.
 */
static void forget_device(const char *device)
{
	BR_AUTO_CLOSE int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	struct btrfs_ioctl_vol_args args = { 0 };

	snprintf(args.name, sizeof(args.name), "%s", device);
	if (control >= 0)
		(void)ioctl(control, BTRFS_IOC_FORGET_DEV,
			    &args); /* fails when it knew nothing: fine */
}

static void random_uuid(char uuid[37])
{
	BR_AUTO_FILE FILE *file = fopen("/proc/sys/kernel/random/uuid", "re");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(uuid, 37, file));
}

/* Words of a command line as they come together; never more than fit. */
struct words {
	const char *word[64];
	size_t count;
};

static void add_words(struct words *words, const char *option, const char *value)
{
	ck_assert(words->count + 3 < sizeof(words->word) / sizeof(words->word[0]));
	words->word[words->count++] = option;
	if (value)
		words->word[words->count++] = value;
}

static void make_filesystem(const struct image *image, const struct image_options *options)
{
	const char *profile = image->devices > 1 ? "raid1" : "single";
	struct words words = { .count = 0 };
	char nodesize[16];

	add_words(&words, "mkfs.btrfs", "-qKf");
	add_words(&words, "-U", image->uuid);
	add_words(&words, "-d", options->data ? options->data : profile);
	add_words(&words, "-m", options->metadata ? options->metadata : profile);
	snprintf(nodesize, sizeof(nodesize), "%u", options->nodesize);
	if (options->nodesize)
		add_words(&words, "-n", nodesize);
	if (options->label)
		add_words(&words, "-L", options->label);
	for (size_t i = 0; options->mkfs_args && options->mkfs_args[i]; i++)
		add_words(&words, options->mkfs_args[i], NULL);
	for (unsigned i = 0; i < image->devices; i++)
		add_words(&words, image->device[i], NULL);
	free(run_checked(0, words.word));
}

const char *image_missing(void)
{
	if (geteuid() != 0)
		return "not root";
	if (access("/dev/loop-control", R_OK | W_OK) != 0)
		return "no loop devices";
	if (access("/sys/fs/btrfs/features", F_OK) != 0)
		return "the kernel has no btrfs";
	return NULL;
}

struct image *image_create(const struct image_options *options)
{
	static const struct image_options defaults = { 0 };
	struct image *image = calloc(1, sizeof(*image));

	ck_assert_ptr_nonnull(image);
	options = options ? options : &defaults;
	image->devices = options->devices ? options->devices : 1;
	image->top = -1;
	ck_assert_uint_le(image->devices, IMAGE_DEVICES_MAX);
	random_uuid(image->uuid);
	for (unsigned i = 0; i < image->devices; i++) {
		image->file[i] = open_file(image->uuid, i,
					   options->size ? options->size : IMAGE_SIZE_DEFAULT);
		image->loop[i] = attach(image->file[i], image->device[i]);
		forget_device(image->device[i]);
	}
	make_filesystem(image, options);
	return image;
}

void image_free(struct image *image)
{
	if (!image)
		return;
	image_unmount(image);
	for (unsigned i = 0; i < image->devices; i++) {
		forget_device(image->device[i]);
		(void)close(image->loop[i]); /* the last user's close detaches */
		(void)close(image->file[i]);
	}
	free(image);
}
