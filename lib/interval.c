/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of time as people write them. */
#include "interval.h"

#include <stddef.h>
#include <string.h>

static const struct unit {
	char letter;
	uint32_t seconds;
} units[] = {
	{ 'y', 365 * 86400 }, { 'w', 7 * 86400 }, { 'd', 86400 },
	{ 'h', 3600 },        { 'm', 60 },        { 's', 1 },
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

bool br_interval_parse(const char *text, uint64_t *seconds_ret)
{
	uint64_t total = 0;
	uint64_t number;
	size_t next = 0; /* first unit that may still follow */

	do {
		if (!parse_digits(&text, &number))
			return false;
		while (next < UNIT_COUNT && units[next].letter != *text)
			next++;
		if (next == UNIT_COUNT ||
		    __builtin_mul_overflow(number, units[next].seconds, &number) ||
		    __builtin_add_overflow(total, number, &total))
			return false;
		next++;
		text++;
	} while (*text);
	if (total > INT64_MAX)
		return false;
	*seconds_ret = total;
	return true;
}
