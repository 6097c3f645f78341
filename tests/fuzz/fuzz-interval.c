/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of time. */
#include "fuzz.h"

#include "cleanup.h"
#include "interval.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	char letter;
	uint32_t seconds;
} units[] = { { 'y', 31536000 }, { 'w', 604800 }, { 'd', 86400 },
	      { 'h', 3600 },     { 'm', 60 },     { 's', 1 } };

#define UNITS (sizeof(units) / sizeof(units[0]))

/* Of the unit's name before the end: "min" is the same as "m". */
static size_t name_length(const char *text, const char *end)
{
	if (end - text >= 3 && memcmp(end - 3, "min", 3) == 0)
		return 3;
	return end > text;
}

/* The same once more, from right to left, in floating point: too large is seen without care for overflows. */
static bool expect(const char *text, long double *seconds_ret)
{
	size_t unit = UNITS; /* this one and those before it are used up */
	long double total = 0;

	for (const char *end = text + strlen(text); end > text || unit == UNITS;) {
		size_t length = name_length(text, end);
		const char *name = end - length, *begin = name;
		long double number = 0;

		if (length == 0)
			return false;
		while (unit > 0 && units[unit - 1].letter != *name)
			unit--;
		if (unit-- == 0)
			return false;
		while (begin > text && begin[-1] >= '0' && begin[-1] <= '9')
			begin--;
		if (begin == name)
			return false;
		for (const char *c = begin; c < name; c++)
			number = number * 10 + (*c - '0');
		total += number * units[unit].seconds;
		end = begin;
	}
	*seconds_ret = total;
	return total <= (long double)INT64_MAX;
}

static void check_round_trip(uint64_t seconds)
{
	char text[128];
	size_t length = 0;
	uint64_t rest = seconds, again;

	for (size_t i = 0; i < UNITS; rest %= units[i].seconds, i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%" PRIu64 "%c",
					   rest / units[i].seconds, units[i].letter);
	FUZZ_CHECK(br_interval_parse(text, &again) && again == seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BR_AUTO_FREE char *text = fuzz_text(data, size);
	long double expected = 0;
	uint64_t seconds;

	fuzz_poison(&seconds, sizeof(seconds));
	if (br_interval_parse(text, &seconds)) {
		FUZZ_CHECK(expect(text, &expected) && (long double)seconds == expected);
		check_round_trip(seconds);
	} else {
		FUZZ_CHECK(!expect(text, &expected));
		fuzz_check_poisoned(&seconds, sizeof(seconds));
	}
	return 0;
}
