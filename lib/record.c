/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot writes about subvolumes, as extended attributes. */
#include "record.h"

#include "cleanup.h"
#include "name.h"

#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/xattr.h>

#define UUID_HEX (2 * BR_UUID_SIZE)
#define RECORD_MAX (UUID_HEX + 1 + PATH_MAX)

static bool parse_uuid(const char *text, uint8_t uuid_ret[BR_UUID_SIZE])
{
	for (size_t i = 0; i < BR_UUID_SIZE; i++) {
		const char digits[] = { text[2 * i], text[2 * i + 1], '\0' };

		if (strspn(digits, "0123456789abcdef") < 2)
			return false;
		uuid_ret[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return true;
}

static void format_uuid(const uint8_t uuid[BR_UUID_SIZE], char text[UUID_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < BR_UUID_SIZE; i++) {
		text[2 * i] = digits[uuid[i] >> 4];
		text[2 * i + 1] = digits[uuid[i] & 15];
	}
	text[UUID_HEX] = '\0';
}

static int record_key(const char *prefix, const char *escaped, char **key_ret, struct br_error *err)
{
	if (asprintf(key_ret, "%s%s", prefix, escaped) < 0) {
		*key_ret = NULL; /* asprintf leaves it undefined */
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, BR_STATE_DIR, NULL);
	}
	return 0;
}

/* Returns 0 with the text of a record, or leaves it: there is none, or it is absurdly long. */
static int read_text(int state_fd, const char *prefix, const char *escaped,
		     char text[RECORD_MAX + 1], struct br_error *err)
{
	BR_AUTO_FREE char *key = NULL;
	ssize_t size;
	int r;

	if (state_fd < 0)
		return 0;
	r = record_key(prefix, escaped, &key, err);
	if (r < 0)
		return r;
	size = fgetxattr(state_fd, key, text, RECORD_MAX);
	if (size < 0 && errno != ENODATA && errno != ERANGE)
		return br_error_set(err, BR_ERR_XATTR, errno, BR_STATE_DIR, "%s", key);
	text[size > 0 ? size : 0] = '\0';
	return 0;
}

/* Returns what stands behind the UUID and a space; NULL: nothing, or no UUID. */
static const char *parse_record(const char *text, uint8_t uuid_ret[BR_UUID_SIZE])
{
	if (strlen(text) <= UUID_HEX + 1 || text[UUID_HEX] != ' ' || !parse_uuid(text, uuid_ret))
		return NULL;
	return text + UUID_HEX + 1;
}

int br_record_read(int state_fd, const char *escaped, struct br_record *ret, struct br_error *err)
{
	struct br_record record = { 0 };
	char text[RECORD_MAX + 1] = "";
	const char *archive;
	int r = read_text(state_fd, BR_XATTR_OLD, escaped, text, err);

	if (r < 0)
		return r;
	archive = parse_record(text, record.uuid);
	if (archive) {
		record.archive = strdup(archive);
		if (!record.archive)
			return br_error_set(err, BR_ERR_NOMEM, ENOMEM, BR_STATE_DIR, NULL);
		record.exists = true;
	}
	*ret = record;
	return 0;
}

BR_PRINTF(5, 6)
static int write_text(int state_fd, const char *prefix, const char *escaped, struct br_error *err,
		      const char *fmt, ...)
{
	BR_AUTO_FREE char *text = NULL;
	BR_AUTO_FREE char *key = NULL;
	va_list args;
	int length, r = record_key(prefix, escaped, &key, err);

	if (r < 0)
		return r;
	va_start(args, fmt);
	length = vasprintf(&text, fmt, args);
	va_end(args);
	if (length < 0) {
		text = NULL; /* undefined after a failure */
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, BR_STATE_DIR, NULL);
	}
	if (fsetxattr(state_fd, key, text, (size_t)length, 0) != 0)
		return br_error_set(err, BR_ERR_XATTR, errno, BR_STATE_DIR, "%s", key);
	return 0;
}

int br_record_write(int state_fd, const char *escaped, const uint8_t uuid[BR_UUID_SIZE],
		    const char *archive, struct br_error *err)
{
	char hex[UUID_HEX + 1];

	format_uuid(uuid, hex);
	return write_text(state_fd, BR_XATTR_OLD, escaped, err, "%s %s", hex, archive);
}

int br_record_read_blank(int state_fd, const char *escaped, struct br_blank_record *ret,
			 struct br_error *err)
{
	struct br_blank_record record = { 0 };
	char text[RECORD_MAX + 1] = "";
	const char *digits;
	int r = read_text(state_fd, BR_XATTR_BLANK, escaped, text, err);

	if (r < 0)
		return r;
	digits = parse_record(text, record.uuid);
	if (digits && strspn(digits, "0123456789") == strlen(digits)) {
		record.ctransid = strtoull(digits, NULL, 10); /* too large: no blank has that one */
		record.exists = true;
	}
	*ret = record;
	return 0;
}

int br_record_write_blank(int state_fd, const char *escaped, const struct br_subvol *blank,
			  struct br_error *err)
{
	char hex[UUID_HEX + 1];

	format_uuid(blank->uuid, hex);
	return write_text(state_fd, BR_XATTR_BLANK, escaped, err, "%s %" PRIu64, hex,
			  blank->ctransid);
}

int br_record_forget_blank(int state_fd, const char *escaped, struct br_error *err)
{
	BR_AUTO_FREE char *key = NULL;
	int r = record_key(BR_XATTR_BLANK, escaped, &key, err);

	if (r == 0 && fremovexattr(state_fd, key) != 0 && errno != ENODATA)
		r = br_error_set(err, BR_ERR_XATTR, errno, BR_STATE_DIR, "%s", key);
	return r;
}

void br_record_free(struct br_record *record)
{
	if (!record)
		return;
	free(record->archive);
	*record = (struct br_record){ 0 };
}

static int set_time(int fd, const char *mark, time_t when, struct br_error *err)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%lld", (long long)when);

	if (fsetxattr(fd, mark, text, (size_t)length, 0) != 0)
		return br_error_set(err, BR_ERR_XATTR, errno, NULL, "%s", mark);
	return 0;
}

int br_record_set_number(int fd, const char *mark, uint64_t number, struct br_error *err)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%" PRIu64, number);

	if (fsetxattr(fd, mark, text, (size_t)length, 0) != 0)
		return br_error_set(err, BR_ERR_XATTR, errno, NULL, "%s", mark);
	return 0;
}

#define NUMBER_MAX 31 /* bytes of its text; 20 are enough */

uint64_t br_record_parse_number(const char *value, size_t size, uint64_t otherwise)
{
	char text[NUMBER_MAX + 1], *end;
	unsigned long long number;

	if (size == 0 || size > NUMBER_MAX)
		return otherwise;
	memcpy(text, value, size);
	text[size] = '\0';
	errno = 0;
	number = strtoull(text, &end, 10);
	return errno == 0 && isdigit((unsigned char)text[0]) && end == text + size ? number
										   : otherwise;
}

uint64_t br_record_get_number(int fd, const char *mark, uint64_t otherwise)
{
	char text[NUMBER_MAX];
	ssize_t size = fgetxattr(fd, mark, text, sizeof(text));

	return size < 0 ? otherwise : br_record_parse_number(text, (size_t)size, otherwise);
}

struct before_key {
	char text[sizeof(BR_XATTR_BLANK_BEFORE) + 20];
};

static struct before_key before_key(uint64_t id)
{
	struct before_key key;

	(void)snprintf(key.text, sizeof(key.text), BR_XATTR_BLANK_BEFORE "%" PRIu64, id); /* fits */
	return key;
}

int br_record_set_blank_before(int state_fd, uint64_t id, uint64_t before, struct br_error *err)
{
	int r = br_record_set_number(state_fd, before_key(id).text, before, err);

	return r < 0 ? br_error_name(err, BR_STATE_DIR) : 0;
}

uint64_t br_record_get_blank_before(int state_fd, uint64_t id)
{
	return state_fd < 0 ? 0 : br_record_get_number(state_fd, before_key(id).text, 0);
}

void br_record_forget_blank_before(int state_fd, uint64_t id)
{
	(void)fremovexattr(state_fd, before_key(id).text);
}

bool br_record_get_retired(int fd, time_t *when_ret)
{
	uint64_t when = br_record_get_number(fd, BR_XATTR_RETIRED, UINT64_MAX);

	if (when > INT64_MAX)
		return false;
	*when_ret = (time_t)when;
	return true;
}

int br_record_set_retired(int fd, time_t when, struct br_error *err)
{
	return set_time(fd, BR_XATTR_RETIRED, when, err);
}

int br_record_set_good(int fd, time_t when, struct br_error *err)
{
	return set_time(fd, BR_XATTR_GOOD, when, err);
}

enum br_mark br_record_get_mark(int fd, const char *mark)
{
	if (fgetxattr(fd, mark, NULL, 0) >= 0)
		return BR_MARK_PRESENT;
	return errno == ENODATA ? BR_MARK_ABSENT : BR_MARK_UNREADABLE;
}

char *br_record_get_comment(int fd)
{
	char text[BR_COMMENT_MAX + 1];
	ssize_t size = fgetxattr(fd, BR_XATTR_COMMENT, text, BR_COMMENT_MAX);

	return size < 0 ? NULL : strndup(text, (size_t)size);
}

int br_record_set_comment(int fd, const char *comment, struct br_error *err)
{
	size_t length = strlen(comment);

	if (length > BR_COMMENT_MAX)
		return br_error_set(err, BR_ERR_USAGE, 0, NULL,
				    "the comment is too long (more than %d bytes)", BR_COMMENT_MAX);
	if (fsetxattr(fd, BR_XATTR_COMMENT, comment, length, 0) != 0)
		return br_error_set(err, BR_ERR_XATTR, errno, NULL, "%s", BR_XATTR_COMMENT);
	return 0;
}

static const char *const marks[] = { BR_XATTR_RETIRED, BR_XATTR_GOOD, BR_XATTR_PINNED,
				     BR_XATTR_REPLACED_BY, BR_XATTR_COMMENT };

#define MARK_COUNT (sizeof(marks) / sizeof(marks[0]))

bool br_record_has_any_mark(int fd)
{
	for (size_t i = 0; i < MARK_COUNT; i++)
		if (br_record_get_mark(fd, marks[i]) != BR_MARK_ABSENT)
			return true;
	return false;
}

int br_record_clear_marks(int fd, struct br_error *err)
{
	/* looked for first: to remove one that is not there begins a transaction, too */
	for (size_t i = 0; i < MARK_COUNT; i++)
		if (br_record_get_mark(fd, marks[i]) != BR_MARK_ABSENT &&
		    fremovexattr(fd, marks[i]) != 0 && errno != ENODATA)
			return br_error_set(err, BR_ERR_XATTR, errno, NULL, "%s", marks[i]);
	return 0;
}
