/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is on an image, kept and put back. */
#include "state.h"

#include "cleanup.h"

#include <check.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CHUNK ((size_t)1 << 20)

static off_t size_of(int file)
{
	struct stat st;

	ck_assert(fstat(file, &st) == 0);
	return st.st_size;
}

/* Where the next data begins; the size when there is none. */
static off_t next_data(int file, off_t from)
{
	off_t found = lseek(file, from, SEEK_DATA);

	ck_assert_msg(found >= 0 || errno == ENXIO, "SEEK_DATA: %s", strerror(errno));
	return found >= 0 ? found : size_of(file);
}

static size_t read_chunk(int file, off_t from, char *data)
{
	off_t left = size_of(file) - from;
	size_t size = left < (off_t)CHUNK ? (size_t)left : CHUNK;

	for (size_t done = 0; done < size;) {
		ssize_t n = pread(file, data + done, size - done, from + (off_t)done);

		ck_assert_msg(n > 0, "reading an image: %s", n < 0 ? strerror(errno) : "short");
		done += (size_t)n;
	}
	return size;
}

static void copy_data(int from, int to)
{
	BR_AUTO_FREE char *data = malloc(CHUNK);

	ck_assert_ptr_nonnull(data);
	for (off_t at = next_data(from, 0); at < size_of(from);) {
		off_t hole = lseek(from, at, SEEK_HOLE);
		size_t size = read_chunk(from, at, data);

		if (hole - at < (off_t)size)
			size = (size_t)(hole - at);
		ck_assert(pwrite(to, data, size, at) == (ssize_t)size);
		at = next_data(from, at + (off_t)size);
	}
}

void state_save(struct state *state, const struct image *image)
{
	ck_assert_uint_eq(image->devices, 1);
	state->file = memfd_create("image-state", MFD_CLOEXEC);
	ck_assert_msg(state->file >= 0, "memfd_create: %s", strerror(errno));
	ck_assert(ftruncate(state->file, size_of(image->file[0])) == 0);
	copy_data(image->file[0], state->file);
}

/*
 * What the kernel knows of the device: pages it has read, and that it is a member of a file system.
 */
static void forget(const struct image *image)
{
	BR_AUTO_CLOSE int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	struct btrfs_ioctl_vol_args args = { 0 };

	snprintf(args.name, sizeof(args.name), "%s", image->device[0]);
	if (control >= 0)
		(void)ioctl(control, BTRFS_IOC_FORGET_DEV,
			    &args); /* fails when it knew nothing: fine */
	ck_assert_msg(ioctl(image->loop[0], BLKFLSBUF, 0) == 0, "BLKFLSBUF: %s", strerror(errno));
}

void state_restore(const struct state *state, struct image *image)
{
	forget(image);
	ck_assert_msg(fallocate(image->file[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				size_of(image->file[0])) == 0,
		      "emptying an image: %s", strerror(errno));
	copy_data(state->file, image->file[0]);
	forget(image);
}

static bool files_are_same(int a, int b)
{
	BR_AUTO_FREE char *x = malloc(CHUNK);
	BR_AUTO_FREE char *y = malloc(CHUNK);
	off_t at = 0;

	ck_assert(x && y && size_of(a) == size_of(b));
	while (at < size_of(a)) {
		off_t next = next_data(a, at);
		off_t other = next_data(b, at);
		size_t size;

		at = next < other ? next : other;
		size = at < size_of(a) ? read_chunk(a, at, x) : 0;
		if (size > 0 && (read_chunk(b, at, y) != size || memcmp(x, y, size) != 0))
			return false;
		at += (off_t)size;
	}
	return true;
}

bool state_is_on(const struct state *state, const struct image *image)
{
	return files_are_same(state->file, image->file[0]);
}

bool state_equals(const struct state *a, const struct state *b)
{
	return files_are_same(a->file, b->file);
}

void state_free(struct state *state)
{
	if (state->file >= 0)
		(void)close(state->file); /* memory */
	state->file = -1;
}
