/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a hibernated system waiting to be resumed? */
#include "hibernation.h"

#include "blockdev.h"
#include "cleanup.h"
#include "device-spec.h"
#include "file.h"
#include "hibernation-internal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where systemd (254 and newer) leaves the place of its image when the command line names none. */
#define EFI_LOCATION \
	"/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"
#define EFI_LOCATION_MAX 65536
#define EFI_ATTRIBUTES_SIZE 4

/* Page numbers on a device where a swap file may begin. */
struct places {
	uint64_t page[2];
	unsigned count;
};

bool br_hibernation_parse_location(char *text, size_t size, uint64_t *offset_ret)
{
	static const char key[] = "\"offset\":";
	const char *found, *digits;
	size_t length = 0;

	if (size < EFI_ATTRIBUTES_SIZE)
		return false;
	for (size_t i = EFI_ATTRIBUTES_SIZE; i + 1 < size; i += 2)
		text[length++] = (char)(text[i + 1] ? '?'
						    : text[i]); /* what we look for is ASCII */
	text[length] = '\0';
	found = strstr(text, key);
	if (!found)
		return false;
	digits = found + sizeof(key) - 1;
	if (*digits < '0' || *digits > '9')
		return false;
	*offset_ret = strtoull(digits, NULL, 10); /* out of range: larger than any device */
	return true;
}

static void find_places(const struct br_boot *boot, struct places *places)
{
	BR_AUTO_FREE char *text = NULL;
	struct br_error ignored; /* no such variable, or no EFI */
	size_t size = 0;

	places->count = 0;
	if (boot->has_resume_offset)
		places->page[places->count++] = boot->resume_offset;
	else if (boot->resume)
		places->page[places->count++] = 0;
	if (br_file_read(AT_FDCWD, EFI_LOCATION, EFI_LOCATION_MAX, &text, &size, &ignored) == 0 &&
	    br_hibernation_parse_location(text, size, &places->page[places->count]))
		places->count++;
}

static bool is_signature(const char bytes[10])
{
	static const char *const signatures[] = { "S1SUSPEND", "S2SUSPEND", "ULSUSPEND",
						  "LINHIB0001" };

	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (memcmp(bytes, signatures[i], strlen(signatures[i])) == 0)
			return true;
	return false;
}

int br_hibernation_has_image_at(int fd, uint64_t size, uint64_t page)
{
	uint64_t page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	char bytes[10];
	ssize_t n;

	if (page >= size / page_size)
		return 0;
	n = pread(fd, bytes, sizeof(bytes), (off_t)((page + 1) * page_size - sizeof(bytes)));
	if (n < 0)
		return -1;
	return n == sizeof(bytes) && is_signature(bytes);
}

/* As above. An old signature does not count: that on an md member that was swap once. */
static int has_image_type(int fd)
{
	struct br_content content;

	if (br_content_probe(fd, BR_PROBE_SWAP_IMAGE, &content) != 0)
		return -1;
	if (!content.type[0])
		return 0;
	if (br_content_probe(fd, BR_PROBE_ALL, &content) != 0)
		return -1;
	return strcmp(content.type, BR_CONTENT_SWAP_IMAGE) == 0 ||
	       strcmp(content.type, BR_CONTENT_AMBIVALENT) == 0;
}

static int has_image(const char *path, const struct places *places)
{
	uint64_t size = 0;
	BR_AUTO_CLOSE int fd = br_blockdev_open(path, &size);

	if (fd < 0)
		return -1;
	if (size == 0)
		return 0;
	/*
	 * On every device, not only on the one that resume= names: the name may have a form that
	 * only the kernel or another program of the initramfs understands.
	 */
	for (unsigned i = 0; i < places->count; i++) {
		int found = br_hibernation_has_image_at(fd, size, places->page[i]);

		if (found != 0)
			return found;
	}
	return has_image_type(fd);
}

static bool is_named_by(const struct br_blockdev *device, const struct br_device_spec *resume)
{
	struct stat st;

	return resume->tag == BR_TAG_PATH && resume->value && stat(resume->value, &st) == 0 &&
	       S_ISBLK(st.st_mode) && st.st_rdev == device->number;
}

static int check_device(const struct br_blockdev *device, const struct places *places,
			const struct br_device_spec *resume, struct br_error *err)
{
	int found = has_image(device->path, places);

	if (found > 0)
		return br_error_set(
			err, BR_ERR_HIBERNATED, 0, device->path,
			"changing the disk now would destroy the file systems of the system "
			"that sleeps there. Resume it; or, if that is not wanted, give it up: "
			"boot with \"noresume\" on the kernel command line, then turn its "
			"swap off and on again or run mkswap on it");
	if (found < 0 && errno == ENOMEM) /* of libblkid: it says nothing about the device */
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, device->path, NULL);
	if (found < 0 && is_named_by(device, resume))
		return br_error_set(
			err, BR_ERR_DEVICE_PROBE, errno, device->path,
			"resume= names it, and whether a hibernated system waits there cannot "
			"be read");
	return 0;
}

int br_hibernation_check(const struct br_boot *boot, struct br_error *err)
{
	struct br_device_spec resume = { .tag = BR_TAG_PATH };
	struct br_blockdev_list list;
	struct br_error ignored;
	struct places places;
	int r;

	if (boot->noresume)
		return 0;
	if (boot->resume && br_device_spec_parse(boot->resume, &resume, &ignored) == BR_ERR_NOMEM)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	find_places(boot, &places);
	r = br_blockdev_list(resume.tag == BR_TAG_PATH ? resume.value : NULL, &list, err);
	if (r == 0) {
		for (size_t i = 0; r == 0 && i < list.count; i++)
			r = check_device(&list.devices[i], &places, &resume, err);
		br_blockdev_list_free(&list);
	}
	br_device_spec_free(&resume);
	return r;
}
