/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calendar expressions: [WEEKDAYS] [[YEAR-]MONTH-DAY] [HOUR:MINUTE[:SECOND]] [ZONE], or a word. */
#include "calendar.h"

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define CHAIN DIGITS ".,/*" /* what a chain of components is made of */
#define CHAIN_MAX 240       /* components */
#define FRACTION 6          /* digits behind the point that count */
#define USEC 1000000

/* What the numbers of one place may be. Seconds are in microseconds, and may have a fraction. */
struct range {
	int64_t from, to;
	bool is_year, is_seconds, from_end; /* from_end: days counted from the end of the month */
};

static const struct range year = { .from = 1970, .to = 2199, .is_year = true };
static const struct range month = { .from = 1, .to = 12 };
static const struct range day = { .from = 1, .to = 31 };
static const struct range day_from_end = { .from = 1, .to = 28, .from_end = true };
static const struct range hour = { .from = 0, .to = 23 };
static const struct range minute = { .from = 0, .to = 59 };
static const struct range second = { .from = 0, .to = 60 * USEC - 1, .is_seconds = true };

/* "START", "START..STOP", and either with "/REPEAT" */
struct component {
	int64_t start, stop, repeat; /* stop: -1: not said */
	bool has_repeat;
};

/* The digits behind the decimal point; those beyond microseconds round. Moves *text behind them. */
static bool take_fraction(const char **text, int64_t *usec_ret)
{
	const char *s = *text;
	int64_t usec = 0;
	int i = 0;

	for (; i < FRACTION && *s >= '0' && *s <= '9'; i++)
		usec = 10 * usec + (*s++ - '0');
	if (i == 0)
		return false;
	for (; i < FRACTION; i++)
		usec *= 10;
	if (*s >= '5' && *s <= '9')
		usec++;
	*text = s + strspn(s, DIGITS);
	*usec_ret = usec;
	return true;
}

static bool take_number(const char **text, const struct range *range, int64_t *ret)
{
	const char *s = *text;
	int64_t number = 0, usec;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9' && number <= INT_MAX; s++)
		number = 10 * number + (*s - '0');
	if (range->is_seconds) {
		number *= USEC;
		if (s[0] == '.' && s[1] != '.') { /* ".." is a range */
			s++;
			if (!take_fraction(&s, &usec))
				return false;
			number += usec;
		}
	}
	*text = s;
	*ret = number;
	return number <= INT_MAX;
}

static bool take_component(const char **text, const struct range *range, struct component *ret)
{
	*ret = (struct component){ .stop = -1 };
	if (!take_number(text, range, &ret->start))
		return false;
	if ((*text)[0] == '.' && (*text)[1] == '.') {
		*text += 2;
		ret->repeat = range->is_seconds ? USEC : 1;
		if (!take_number(text, range, &ret->stop))
			return false;
	}
	if (**text == '/') {
		++*text;
		ret->has_repeat = true;
		return take_number(text, range, &ret->repeat) && ret->repeat > 0;
	}
	return true;
}

static void complete_year(int64_t *number)
{
	if (*number >= 0 && *number < 100)
		*number += *number < 70 ? 2000 : 1900;
}

/* There has to be a repetition within the range, and nothing outside of it. */
static bool is_in_range(struct component component, const struct range *range)
{
	int64_t last;

	if (range->is_seconds && component.stop >= 0 && !component.has_repeat &&
	    component.start + component.repeat > component.stop)
		return false;
	if (range->is_year) {
		complete_year(&component.start);
		complete_year(&component.stop);
	}
	if (component.stop > component.start) /* the last one that is reached */
		component.stop -= (component.stop - component.start) % component.repeat;
	if (component.start < range->from || component.start > range->to ||
	    component.repeat > range->to - range->from)
		return false;
	if (component.stop >= 0)
		return component.stop >= component.start && component.stop <= range->to;
	last = component.start + (range->from_end ? -component.repeat : component.repeat);
	return last >= range->from && last <= range->to;
}

/* "*", or components with commas between them. Moves *text behind them. */
static bool take_chain(const char **text, const struct range *range)
{
	struct component component;

	if (**text == '*') {
		++*text;
		return true;
	}
	for (int count = 1; count <= CHAIN_MAX; count++) {
		if (!take_component(text, range, &component) || !is_in_range(component, range))
			return false;
		if (**text != ',')
			return true;
		++*text;
	}
	return false;
}

/* A chain, and what must stand behind it. */
static bool take_chain_and(const char **text, const struct range *range, char separator)
{
	return take_chain(text, range) && *(*text)++ == separator;
}

/* --- weekdays --- */

/* Moves *text behind the name of a weekday. Returns its number, -1: there is none. */
static int take_weekday(const char **text)
{
	static const char *const names[] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
					     "Friday", "Saturday", "Sunday" };
	size_t length = strspn(*text, LETTERS);

	for (int i = 0; i < 7; i++) {
		if ((length != 3 && length != strlen(names[i])) ||
		    strncasecmp(*text, names[i], length) != 0)
			continue;
		*text += length;
		return i;
	}
	return -1;
}

/* Moves *text behind the weekdays and the blanks that end them; there may be none. */
static bool take_weekdays(const char **text)
{
	int from = -1, number; /* from: where a range began */

	if (!strchr(LETTERS, **text) || !**text)
		return true;
	while (**text && **text != ' ') {
		number = take_weekday(text);
		if (number < 0 || from > number)
			return false;
		if (!**text || **text == ' ') {
			from = -1;
		} else if (**text == ',') {
			from = -1;
			++*text;
		} else {
			size_t length = strncmp(*text, "..", 2) == 0 ? 2 : 1;

			/* an old way to write a range: with '-' */
			if (from >= 0 || (length == 1 && **text != '-'))
				return false;
			from = number;
			*text += length;
		}
	}
	*text += strspn(*text, " ");
	return from < 0;
}

/* --- date and time --- */

/* Seconds since 1970: then there is no time of day. Moves *text behind it. */
static bool take_timestamp(const char **text)
{
	size_t digits = strspn(++*text, DIGITS);

	*text += digits;
	return digits > 0 && digits <= 18;
}

/* Moves *text behind a date and its blanks; there may be none. */
static bool take_date(const char **text)
{
	const char *s = *text, *middle, *last;
	const struct range *days;
	size_t length = strspn(s, CHAIN);

	if (s[length] != '-' && s[length] != '~')
		return true;
	middle = s + length;
	last = middle + 1 + strspn(middle + 1, CHAIN);
	if (*last == '-' || *last == '~') {
		if (!take_chain_and(&s, &year, '-'))
			return false;
	} else {
		last = middle;
	}
	days = *last == '~' ? &day_from_end : &day;
	if (!take_chain_and(&s, &month, *last) || !take_chain(&s, days) || (*s && *s != ' '))
		return false;
	*text = s + strspn(s, " ");
	return true;
}

static bool is_time(const char *s)
{
	if (!*s)
		return true; /* midnight */
	if (!take_chain_and(&s, &hour, ':') || !take_chain(&s, &minute))
		return false;
	if (*s == ':') {
		s++;
		return take_chain(&s, &second) && !*s;
	}
	return !*s;
}

/* --- the whole --- */

static bool is_word(const char *text)
{
	static const char *const words[] = { "minutely",     "hourly",     "daily",
					     "weekly",       "monthly",    "quarterly",
					     "semiannually", "yearly",     "annually",
					     "anually",      "biannually", "bi-annually",
					     "semi-annually" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* Of an expression without its time zone. */
static bool is_expression(const char *text)
{
	if (!*text)
		return false;
	if (is_word(text))
		return true;
	if (!take_weekdays(&text))
		return false;
	if (*text == '@')
		return take_timestamp(&text) && !*text;
	return take_date(&text) && is_time(text);
}

/* The last word, when it can be the name of a time zone. */
static const char *find_zone(const char *text)
{
	const char *blank = strrchr(text, ' ');
	const char *zone = blank ? blank + 1 : "";

	if (!*zone || !strchr(LETTERS, *zone) || zone[strspn(zone, LETTERS DIGITS "_+-/")])
		return NULL;
	return zone;
}

bool br_calendar_parse(const char *text, const char **zone_ret)
{
	const char *zone = find_zone(text);
	char expression[2048];
	size_t length = zone ? (size_t)(zone - text) - 1 : strlen(text);

	if (length >= sizeof(expression))
		return false;
	memcpy(expression, text, length);
	expression[length] = '\0';
	if (!is_expression(expression))
		return false;
	*zone_ret = zone;
	return true;
}
