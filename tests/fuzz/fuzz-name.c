/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of archives. Input: the path of a subvolume, a NUL byte, an entry of its archive directory. */
#include "fuzz.h"

#include "cleanup.h"
#include "name.h"

#include <stdio.h>
#include <string.h>

/* Back to the path: so no two have the same name. */
static void check_escaped(const char *escaped, const char *path)
{
	FUZZ_CHECK(strlen(escaped) <= BR_NAME_MAX && !strchr(escaped, '/'));
	for (; *escaped; path++) {
		if (*escaped == '%') {
			FUZZ_CHECK(strncmp(escaped, *path == '/' ? "%2F" : "%25", 3) == 0);
			FUZZ_CHECK(*path == '/' || *path == '%');
			escaped += 3;
		} else {
			FUZZ_CHECK(*escaped++ == *path);
		}
	}
	FUZZ_CHECK(!*path);
}

/* A name that has a time is the one that would be made at that time. */
static void check_time(const char *entry, const char *escaped, time_t time)
{
	BR_AUTO_FREE char *made = br_name_archive(escaped, time, 1);
	size_t length = strlen(entry) - strlen(escaped);

	FUZZ_CHECK(made && br_name_is_archive_of(made, escaped));
	if (time < 0) /* none is made that is so old */
		return;
	FUZZ_CHECK(strncmp(entry, made, strlen(made)) == 0);
	FUZZ_CHECK(entry[strlen(made)] == (length > strlen(".20261123T190501Z") ? '-' : '\0'));
}

/* All that is made at some time is told again. */
static void check_made(const char *escaped, time_t now, unsigned n)
{
	BR_AUTO_FREE char *made = br_name_archive(escaped, now, n);
	time_t time;

	FUZZ_CHECK(made && strlen(made) <= 255);
	FUZZ_CHECK(br_name_is_archive_of(made, escaped));
	FUZZ_CHECK(br_name_archive_time(made, escaped, &time));
	FUZZ_CHECK(time == (now < 0 ? 0 : now > 253402300799 ? 253402300799 : now));
}

static void check_entry(const char *entry, const char *escaped)
{
	time_t time;

	fuzz_poison(&time, sizeof(time));
	if (br_name_archive_time(entry, escaped, &time)) {
		FUZZ_CHECK(br_name_is_archive_of(entry, escaped));
		check_time(entry, escaped, time);
	} else {
		fuzz_check_poisoned(&time, sizeof(time));
	}
	if (br_name_is_archive_of(entry, escaped)) {
		FUZZ_CHECK(strncmp(entry, escaped, strlen(escaped)) == 0);
		FUZZ_CHECK(entry[strlen(escaped)] == '.' && !strchr(entry + strlen(escaped), '/'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *escaped = NULL;
	struct br_error err;
	char *parts[2];
	int64_t now = 0;
	int r;

	fuzz_split(data, size, parts, 2);
	memcpy(&now, data, size < sizeof(now) ? size : sizeof(now));
	r = br_name_escape(parts[0], &escaped, &err);
	if (r == 0) {
		check_escaped(escaped, parts[0]);
		check_entry(parts[1], escaped);
		check_made(escaped, (time_t)now, (unsigned)(now % 1000 + 1000));
		check_made(escaped, (time_t)(now & 0x3fffffffff), 1);
	} else {
		FUZZ_CHECK(r == BR_ERR_USAGE && !escaped && strlen(parts[0]) > BR_NAME_MAX / 3);
		fuzz_check_error(&err, r);
	}
	free(parts[0]);
	free(parts[1]);
	return 0;
}
