/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is recognised on a device: superblocks, swap, labels. Most of it is libblkid's. The device is empty but for what
 * the input says: two bytes for a place, in units of 16 bytes, one for a length, and the bytes.
 */
#include "fuzz.h"

#include "blockdev.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD 3
#define DEVICE_SIZE (UINT16_MAX * 16 + 4096)

static int device(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("device", MFD_CLOEXEC);
	FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && ftruncate(fd, DEVICE_SIZE) == 0);
	return fd;
}

static void fill(int fd, const uint8_t *data, size_t size)
{
	while (size > HEAD) {
		off_t place = 16 * (off_t)(data[0] << 8 | data[1]);
		size_t length = data[2];

		data += HEAD;
		size -= HEAD;
		length = length < size ? length : size;
		FUZZ_CHECK(pwrite(fd, data, length, place) == (ssize_t)length);
		data += length;
		size -= length;
	}
}

static void check_text(const char *text, size_t size)
{
	FUZZ_CHECK(memchr(text, '\0', size));
}

static void check_probe(int fd, enum br_probe scope)
{
	struct br_content content;

	fuzz_poison(&content, sizeof(content));
	if (br_content_probe(fd, scope, &content) != 0) {
		FUZZ_CHECK(errno != 0);
		fuzz_check_poisoned(&content, sizeof(content));
		return;
	}
	check_text(content.type, sizeof(content.type));
	check_text(content.uuid, sizeof(content.uuid));
	check_text(content.label, sizeof(content.label));
	check_text(content.part_table, sizeof(content.part_table));
	check_text(content.part_uuid, sizeof(content.part_uuid));
	check_text(content.part_label, sizeof(content.part_label));
	if (scope == BR_PROBE_SWAP_IMAGE)
		FUZZ_CHECK(!content.type[0] || strcmp(content.type, BR_CONTENT_SWAP_IMAGE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = device();

	fill(fd, data, size);
	check_probe(fd, BR_PROBE_ALL);
	check_probe(fd, BR_PROBE_SWAP_IMAGE);
	check_probe(fd, BR_PROBE_BTRFS);
	return 0;
}
