/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes and shares on a command line. */
#include "quantity.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 18

/* Returns what follows it; NULL: it is no number. */
static const char *parse_number(const char *text, uint64_t *ret)
{
	size_t length = strspn(text, "0123456789");

	if (length == 0 || length > DIGITS_MAX)
		return NULL;
	*ret = strtoull(text, NULL, 10);
	return text + length;
}

bool quantity_parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	uint64_t number = 0;
	const char *rest = parse_number(text, &number);
	const char *unit;
	unsigned shift;

	if (!rest)
		return false;
	if (*rest == '\0' || strcmp(rest, "B") == 0) {
		*ret = number;
		return true;
	}
	unit = strchr(units, *rest);
	if (!unit || (rest[1] != '\0' && strcmp(rest + 1, "iB") != 0))
		return false;
	shift = 10 * (unsigned)(unit - units + 1);
	if (number > UINT64_MAX >> shift)
		return false;
	*ret = number << shift;
	return true;
}

bool quantity_parse_percent(const char *text, uint64_t *ret)
{
	uint64_t number = 0;
	const char *rest = parse_number(text, &number);

	if (!rest || (*rest != '\0' && strcmp(rest, "%") != 0) || number > 100)
		return false;
	*ret = number;
	return true;
}
