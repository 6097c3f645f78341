/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a hibernated system may wait: the EFI variable that names the place, and the signature there. The input is
 * both: the variable, and the last bytes of a device's second page.
 */
#include "fuzz.h"

#include "cleanup.h"
#include "hibernation-internal.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 2
#define SIGNATURE 10

/* In the text itself, found without a copy of what is searched for in UTF-16. */
static bool expect_offset(const uint8_t *data, size_t size, char digits[32])
{
	static const char key[] = "\"offset\":";
	size_t length = 0;

	for (size_t at = 4; at + 1 < size; at += 2) {
		size_t i = 0;

		while (at + 2 * i + 1 < size && key[i] && data[at + 2 * i] == (uint8_t)key[i] &&
		       !data[at + 2 * i + 1])
			i++;
		if (!key[i]) {
			for (at += 2 * i; at + 1 < size && length < 31 && !data[at + 1]; at += 2)
				digits[length++] = (char)data[at];
			break;
		}
		if (!data[at] && !data[at + 1]) /* the end of the text */
			break;
	}
	digits[length] = '\0';
	return digits[0] >= '0' && digits[0] <= '9';
}

static void check_location(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *text = malloc(size + 1);
	char digits[32];
	uint64_t offset;

	FUZZ_CHECK(text);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	fuzz_poison(&offset, sizeof(offset));
	if (br_hibernation_parse_location(text, size, &offset)) {
		FUZZ_CHECK(expect_offset(data, size, digits));
		FUZZ_CHECK(strspn(digits, "0123456789") > 19 ||
			   strtoull(digits, NULL, 10) == offset);
	} else {
		FUZZ_CHECK(!expect_offset(data, size, digits));
		fuzz_check_poisoned(&offset, sizeof(offset));
	}
}

static bool is_signature(const char *bytes)
{
	return memcmp(bytes, "S1SUSPEND", 9) == 0 || memcmp(bytes, "S2SUSPEND", 9) == 0 ||
	       memcmp(bytes, "ULSUSPEND", 9) == 0 || memcmp(bytes, "LINHIB0001", 10) == 0;
}

static void check_image(const uint8_t *data, size_t size)
{
	static int fd = -1;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char bytes[SIGNATURE] = "";
	uint64_t beyond = UINT64_MAX;

	if (fd < 0) {
		fd = memfd_create("device", MFD_CLOEXEC);
		FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)(PAGES * page)) == 0);
	}
	if (size > 0)
		memcpy(bytes, data, size < SIGNATURE ? size : SIGNATURE);
	memcpy(&beyond, data, size < sizeof(beyond) ? size : sizeof(beyond));
	FUZZ_CHECK(pwrite(fd, bytes, SIGNATURE, (off_t)(PAGES * page - SIGNATURE)) == SIGNATURE);
	FUZZ_CHECK(br_hibernation_has_image_at(fd, PAGES * page, 1) == is_signature(bytes));
	FUZZ_CHECK(br_hibernation_has_image_at(fd, PAGES * page, 0) == 0);
	/* a device that ends within the page, or an offset beyond it */
	FUZZ_CHECK(br_hibernation_has_image_at(fd, PAGES * page - 1, 1) == 0);
	if (beyond != 1)
		FUZZ_CHECK(br_hibernation_has_image_at(fd, PAGES * page, beyond) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_location(data, size);
	check_image(data, size);
	return 0;
}
