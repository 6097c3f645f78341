/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records in extended attributes. The calls of the kernel are replaced: the value is the input. */
#include "fuzz.h"

#include "cleanup.h"
#include "record.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

/* The linker's --wrap wants these names. NOLINTBEGIN(bugprone-reserved-identifier) */
ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size);
int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags);
/* NOLINTEND(bugprone-reserved-identifier) */

#define STATE_FD 3 /* never used */

static const void *attribute;
static size_t attribute_size;
static char written[8192];

ssize_t __wrap_fgetxattr(int fd, const char *name, void *value, size_t size)
{
	FUZZ_CHECK(fd == STATE_FD && strncmp(name, BR_XATTR_PREFIX, strlen(BR_XATTR_PREFIX)) == 0);
	if (size > 0 && attribute_size > size) {
		errno = ERANGE;
		return -1;
	}
	if (size > 0 && attribute_size > 0)
		memcpy(value, attribute, attribute_size);
	return (ssize_t)attribute_size;
}

int __wrap_fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
	FUZZ_CHECK(fd == STATE_FD && flags == 0 && size <= sizeof(written));
	FUZZ_CHECK(strncmp(name, BR_XATTR_PREFIX, strlen(BR_XATTR_PREFIX)) == 0);
	memcpy(written, value, size);
	attribute = written;
	attribute_size = size;
	return 0;
}

/* Each changes the attribute, when it is a record. */
static void check_old(void)
{
	struct br_record record, again;
	struct br_error err;

	FUZZ_CHECK(br_record_read(STATE_FD, "root", &record, &err) == 0);
	FUZZ_CHECK(record.exists == (record.archive != NULL));
	if (!record.exists)
		return;
	FUZZ_CHECK(*record.archive);
	FUZZ_CHECK(br_record_write(STATE_FD, "root", record.uuid, record.archive, &err) == 0);
	FUZZ_CHECK(br_record_read(STATE_FD, "root", &again, &err) == 0 && again.exists);
	FUZZ_CHECK(memcmp(again.uuid, record.uuid, BR_UUID_SIZE) == 0);
	FUZZ_CHECK(strcmp(again.archive, record.archive) == 0);
	br_record_free(&again);
	br_record_free(&record);
}

static void check_blank(void)
{
	struct br_blank_record record, again;
	struct br_subvol blank = { 0 };
	struct br_error err;

	FUZZ_CHECK(br_record_read_blank(STATE_FD, "root", &record, &err) == 0);
	if (!record.exists)
		return;
	blank.ctransid = record.ctransid;
	memcpy(blank.uuid, record.uuid, BR_UUID_SIZE);
	FUZZ_CHECK(br_record_write_blank(STATE_FD, "root", &blank, &err) == 0);
	FUZZ_CHECK(br_record_read_blank(STATE_FD, "root", &again, &err) == 0 && again.exists);
	FUZZ_CHECK(memcmp(again.uuid, record.uuid, BR_UUID_SIZE) == 0 &&
		   again.ctransid == record.ctransid);
}

static void check_number(void)
{
	uint64_t low = br_record_get_number(STATE_FD, BR_XATTR_DELETING, 1);
	uint64_t number = br_record_get_number(STATE_FD, BR_XATTR_DELETING, 2);
	struct br_error err;
	time_t when;

	fuzz_poison(&when, sizeof(when));
	if (low != number) { /* what stands in for one that is not there */
		FUZZ_CHECK(low == 1 && number == 2 && !br_record_get_retired(STATE_FD, &when));
		fuzz_check_poisoned(&when, sizeof(when));
		return;
	}
	FUZZ_CHECK(br_record_get_retired(STATE_FD, &when) == (number <= INT64_MAX));
	FUZZ_CHECK(number > INT64_MAX || (uint64_t)when == number);
	FUZZ_CHECK(br_record_set_number(STATE_FD, BR_XATTR_DELETING, number, &err) == 0);
	FUZZ_CHECK(br_record_get_number(STATE_FD, BR_XATTR_DELETING, ~number) == number);
	if (number <= INT64_MAX)
		FUZZ_CHECK(br_record_set_retired(STATE_FD, when, &err) == 0 &&
			   br_record_get_number(STATE_FD, BR_XATTR_RETIRED, ~number) == number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(void) = { check_old, check_blank, check_number };

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		attribute = data;
		attribute_size = size;
		checks[i]();
	}
	return 0;
}
