/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that blankroot gives to things on disk. */
#include "name.h"

#include "cleanup.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int br_name_escape(const char *subvolume, char **name_ret, struct br_error *err)
{
	char *name = malloc(3 * strlen(subvolume) + 1);
	size_t length = 0;

	if (!name)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, subvolume, NULL);
	for (const char *c = subvolume; *c; c++) {
		if (*c == '/' || *c == '%') {
			memcpy(name + length, *c == '/' ? "%2F" : "%25", 3);
			length += 3;
		} else {
			name[length++] = *c;
		}
	}
	name[length] = '\0';
	if (length > BR_NAME_MAX) {
		free(name);
		return br_error_set(err, BR_ERR_USAGE, 0, subvolume,
				    "the subvolume's path is too long (more than %d bytes)",
				    BR_NAME_MAX);
	}
	*name_ret = name;
	return 0;
}

char *br_name_staging(const char *escaped)
{
	char *name;

	return asprintf(&name, "staging-%s", escaped) < 0 ? NULL : name;
}

char *br_name_archive(const char *escaped, time_t now, unsigned n)
{
	const time_t year_9999 = 253402300799;
	char stamp[sizeof("20261123T190501Z")];
	struct tm utc;
	char *name;

	if (now > year_9999)
		now = year_9999; /* a broken clock must not break the name */
	if (now < 0)
		now = 0;
	if (!gmtime_r(&now, &utc) || strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc) == 0)
		return NULL;
	if (n > 1)
		return asprintf(&name, "%s.%s-%u", escaped, stamp, n) < 0 ? NULL : name;
	return asprintf(&name, "%s.%s", escaped, stamp) < 0 ? NULL : name;
}

static bool skip_digits(const char **c, size_t count)
{
	for (size_t i = 0; i < count; i++, (*c)++)
		if (!isdigit((unsigned char)**c))
			return false;
	return true;
}

static bool skip_char(const char **c, char expected)
{
	return *(*c)++ == expected;
}

bool br_name_is_archive_of(const char *entry, const char *escaped)
{
	size_t length = strlen(escaped);
	const char *c = entry + length;

	if (strncmp(entry, escaped, length) != 0 || !skip_char(&c, '.') || !skip_digits(&c, 8) ||
	    !skip_char(&c, 'T') || !skip_digits(&c, 6) || !skip_char(&c, 'Z'))
		return false;
	if (*c == '\0')
		return true;
	/* counting starts at 2, without leading zeros */
	return skip_char(&c, '-') && *c >= '1' && *c <= '9' && strcmp(c, "1") != 0 &&
	       c[strspn(c, "0123456789")] == '\0';
}

/* In place. Of what br_name_escape did not make, the escapes stay. */
static void unescape(char *name)
{
	char *to = name;

	for (const char *c = name; *c; to++) {
		bool is_slash = strncmp(c, "%2F", 3) == 0;

		*to = *c;
		if (is_slash || strncmp(c, "%25", 3) == 0) {
			*to = is_slash ? '/' : '%';
			c += 3;
		} else {
			c++;
		}
	}
	*to = '\0';
}

bool br_name_unescape(const char *escaped, char **subvolume_ret)
{
	BR_AUTO_FREE char *name = strdup(escaped);
	BR_AUTO_FREE char *again = NULL;
	struct br_error none;

	if (!name || !*name)
		return false;
	unescape(name);
	if (br_name_escape(name, &again, &none) < 0 || !again || strcmp(again, escaped) != 0)
		return false;
	*subvolume_ret = br_take_ptr(&name);
	return true;
}

bool br_name_archive_subvolume(const char *entry, char **subvolume_ret)
{
	const char *dot = strrchr(entry, '.');
	BR_AUTO_FREE char *escaped = dot ? strndup(entry, (size_t)(dot - entry)) : NULL;

	return escaped && br_name_is_archive_of(entry, escaped) &&
	       br_name_unescape(escaped, subvolume_ret);
}

/* They are there: br_name_is_archive_of has seen them. */
static int read_digits(const char **c, size_t count)
{
	int number = 0;

	for (; count > 0; count--, (*c)++)
		number = 10 * number + (**c - '0');
	return number;
}

bool br_name_archive_time(const char *entry, const char *escaped, time_t *time_ret)
{
	struct tm utc = { 0 }, same;
	const char *c;
	time_t time;

	if (!br_name_is_archive_of(entry, escaped))
		return false;
	c = entry + strlen(escaped) + 1;
	utc.tm_year = read_digits(&c, 4) - 1900;
	utc.tm_mon = read_digits(&c, 2) - 1;
	utc.tm_mday = read_digits(&c, 2);
	c++; /* T */
	utc.tm_hour = read_digits(&c, 2);
	utc.tm_min = read_digits(&c, 2);
	utc.tm_sec = read_digits(&c, 2);
	same = utc;
	time = timegm(&same);
	/* it makes March of the 30th of February */
	if (same.tm_mon != utc.tm_mon || same.tm_mday != utc.tm_mday ||
	    same.tm_hour != utc.tm_hour || same.tm_min != utc.tm_min || same.tm_sec != utc.tm_sec)
		return false;
	*time_ret = time;
	return true;
}

char *br_name_join(const char *dir, const char *name)
{
	char *path;

	if (!*dir)
		return strdup(name);
	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}
