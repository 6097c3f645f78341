/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A power cut: which of the recorded writes have reached the disk. */
#include "cut.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SECTOR 4096 /* what a disk writes whole or not at all */

/* splitmix64 */
uint64_t cut_random(uint64_t seed, uint64_t place)
{
	uint64_t x = seed + (place + 1) * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static void apply(const struct log_entry *entry, uint64_t size, int file)
{
	if (entry->type == LOG_WRITE)
		ck_assert_int_eq(pwrite(file, entry->data, size, (off_t)entry->offset),
				 (ssize_t)size);
	else if (entry->type == LOG_DISCARD)
		ck_assert_msg(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)entry->offset, (off_t)size) == 0,
			      "discard: %s", strerror(errno));
}

/* How much of an entry has reached the disk. Each cut has a share of them of its own. */
static uint64_t part_of(const struct cut *cut, const struct log_entry *entry, size_t i)
{
	static const unsigned shares[] = { 10, 50, 90 };
	unsigned share = shares[cut_random(cut->seed, SIZE_MAX) % 3];
	uint64_t chance = cut_random(cut->seed, i);

	if (chance % 100 >= share)
		return 0;
	if (entry->size <= SECTOR || (chance >> 32) % 8 != 0)
		return entry->size;
	return (chance >> 40) % (entry->size / SECTOR + 1) * SECTOR;
}

void cut_apply(const struct cut *cut, const struct recording *recording, struct image *image)
{
	const struct log *log = &recording->log;

	ck_assert(cut->whole <= cut->end && cut->end <= log->count);
	state_restore(recording->base, image);
	for (size_t i = 0; i < cut->end; i++) {
		const struct log_entry *entry = &log->entry[i];
		uint64_t size = i < cut->whole ? entry->size : part_of(cut, entry, i);

		if (size > 0)
			apply(entry, size, image->file[0]);
	}
	/* what the kernel has read of the device meanwhile */
	ck_assert_msg(ioctl(image->loop[0], BLKFLSBUF, 0) == 0, "BLKFLSBUF: %s", strerror(errno));
}
