/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of time as people write them. */
#include "interval.h"

#include <stddef.h>
#include <string.h>

static const struct unit {
	const char *name, *other_name;
	uint32_t seconds;
} units[] = {
	{ "y", NULL, 365 * 86400 }, { "w", NULL, 7 * 86400 }, { "d", NULL, 86400 },
	{ "h", NULL, 3600 },        { "m", "min", 60 },       { "s", NULL, 1 },
};

#define UNIT_COUNT (sizeof(units) / sizeof(units[0]))

/* The digits at *text. Moves it behind them. */
static bool parse_digits(const char **text, uint64_t *number_ret)
{
	const char *s = *text;
	uint64_t number = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (unsigned)(*s - '0'), &number))
			return false;
	if (s == *text)
		return false;
	*text = s;
	*number_ret = number;
	return true;
}

/* Length of the unit's name if the text begins with it, and ends or goes on with a number; else 0. */
static size_t match(const struct unit *unit, const char *text)
{
	size_t length = strcspn(text, "0123456789");

	if (strncmp(text, unit->name, length) == 0 && !unit->name[length])
		return length;
	if (unit->other_name && strncmp(text, unit->other_name, length) == 0 &&
	    !unit->other_name[length])
		return length;
	return 0;
}

bool br_interval_parse(const char *text, uint64_t *seconds_ret)
{
	uint64_t total = 0;
	uint64_t number;
	size_t next = 0; /* first unit that may still follow */
	size_t length;

	do {
		if (!parse_digits(&text, &number))
			return false;
		length = 0;
		while (next < UNIT_COUNT && (length = match(&units[next], text)) == 0)
			next++;
		if (next == UNIT_COUNT ||
		    __builtin_mul_overflow(number, units[next].seconds, &number) ||
		    __builtin_add_overflow(total, number, &total))
			return false;
		next++;
		text += length;
	} while (*text);
	if (total > INT64_MAX)
		return false;
	*seconds_ret = total;
	return true;
}
