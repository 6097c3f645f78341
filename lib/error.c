/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of codes, and the one formatter of errors. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ELLIPSIS "..."
#define ELLIPSIS_SIZE (sizeof(ELLIPSIS) - 1)

struct code_info {
	const char *name;
	const char *phrase;
	enum br_class class;
};

static const struct code_info codes[] = {
	[BR_OK] = { "ok", "no error", BR_CLASS_OK },
	[-BR_ERR_NOMEM] = { "out-of-memory", "out of memory", BR_CLASS_FAILED },
	[-BR_ERR_USAGE] = { "usage", "usage error", BR_CLASS_USAGE },
	[-BR_ERR_CONFIG] = { "configuration", "configuration error", BR_CLASS_USAGE },
	[-BR_ERR_DEVICE_MISSING] = { "device-missing", "device not found", BR_CLASS_FAILED },
	[-BR_ERR_DEVICE_INCOMPLETE] = { "device-incomplete",
					"not all devices of the file system found",
					BR_CLASS_FAILED },
	[-BR_ERR_DEVICE_PROBE] = { "device-probe", "no usable btrfs on device", BR_CLASS_FAILED },
	[-BR_ERR_MODULE] = { "module", "cannot load kernel module", BR_CLASS_FAILED },
	[-BR_ERR_HIBERNATED] = { "hibernated", "hibernated system waiting to be resumed",
				 BR_CLASS_REFUSED },
	[-BR_ERR_MOUNT] = { "mount", "cannot mount", BR_CLASS_FAILED },
	[-BR_ERR_IN_USE] = { "in-use", "in use", BR_CLASS_REFUSED },
	[-BR_ERR_LOCKED] = { "locked", "file system locked by another run", BR_CLASS_REFUSED },
	[-BR_ERR_LAYOUT] = { "layout", "unexpected layout", BR_CLASS_REFUSED },
	[-BR_ERR_REQUEST] = { "request", "cannot satisfy the request for this boot",
			      BR_CLASS_REFUSED },
	[-BR_ERR_OPEN] = { "open", "cannot open", BR_CLASS_FAILED },
	[-BR_ERR_STAT] = { "stat", "cannot read the attributes of", BR_CLASS_FAILED },
	[-BR_ERR_READ] = { "read", "cannot read", BR_CLASS_FAILED },
	[-BR_ERR_WRITE] = { "write", "cannot write", BR_CLASS_FAILED },
	[-BR_ERR_CREATE] = { "create", "cannot create", BR_CLASS_FAILED },
	[-BR_ERR_CLONE] = { "clone", "cannot share the data of", BR_CLASS_FAILED },
	[-BR_ERR_XATTR] = { "xattr", "cannot carry the extended attributes of", BR_CLASS_FAILED },
	[-BR_ERR_FLAGS] = { "flags", "cannot carry the inode flags of", BR_CLASS_FAILED },
	[-BR_ERR_ATTRIBUTES] = { "attributes", "cannot set owner, mode or times of",
				 BR_CLASS_FAILED },
	[-BR_ERR_LINK] = { "link", "cannot link", BR_CLASS_FAILED },
	[-BR_ERR_REMOVE] = { "remove", "cannot remove", BR_CLASS_FAILED },
	[-BR_ERR_SYMLINK] = { "symlink", "symbolic link in path", BR_CLASS_FAILED },
	[-BR_ERR_TYPE] = { "type", "wrong type of object", BR_CLASS_FAILED },
	[-BR_ERR_UNSUPPORTED] = { "unsupported", "cannot be carried faithfully", BR_CLASS_FAILED },
	[-BR_ERR_SNAPSHOT] = { "snapshot", "cannot make snapshot", BR_CLASS_FAILED },
	[-BR_ERR_SUBVOLUME] = { "subvolume", "subvolume operation failed", BR_CLASS_FAILED },
	[-BR_ERR_DELETE] = { "delete", "cannot delete subvolume", BR_CLASS_FAILED },
	[-BR_ERR_EXCHANGE] = { "exchange", "cannot exchange", BR_CLASS_FAILED },
	[-BR_ERR_RENAME] = { "rename", "cannot rename", BR_CLASS_FAILED },
	[-BR_ERR_DEFAULT] = { "default", "cannot read or set the default subvolume",
			      BR_CLASS_FAILED },
	[-BR_ERR_SYNC] = { "sync", "cannot flush to disk", BR_CLASS_FAILED },
	[-BR_ERR_OWNER] = { "owner", "unknown owner", BR_CLASS_FAILED },
	[-BR_ERR_BLANK_CHANGED] = { "blank-changed", "the blank is not what it was",
				    BR_CLASS_REFUSED },
	[-BR_ERR_JOB] = { "job", "not done", BR_CLASS_FAILED },
};

_Static_assert(sizeof(codes) / sizeof(codes[0]) == 1 - BR_ERR_LAST, "a code without an entry");

static const struct code_info unknown_code = { "unknown", "unknown error", BR_CLASS_FAILED };

static const struct code_info *code_info(enum br_code code)
{
	int i = -(int)code;

	return i >= 0 && i <= -BR_ERR_LAST ? &codes[i] : &unknown_code;
}

bool br_error_is_damage(const struct br_error *err)
{
	return err->code == BR_ERR_READ &&
	       (err->sys_errno == EIO || err->sys_errno == EUCLEAN || err->sys_errno == 0);
}

const char *br_code_name(enum br_code code)
{
	return code_info(code)->name;
}

enum br_class br_code_class(enum br_code code)
{
	return code_info(code)->class;
}

/* Format into buf; what is too long ends in an ellipsis that does not cut a character in two. */
BR_PRINTF(3, 0)
static void format_text(char *buf, size_t size, const char *fmt, va_list args)
{
	int length = vsnprintf(buf, size, fmt, args);
	size_t end;

	if (length < 0) {
		buf[0] = '\0';
		return;
	}
	if ((size_t)length < size)
		return;
	end = size - 1 - ELLIPSIS_SIZE;
	for (int back = 0; back < 3 && end > 0 && (buf[end] & 0xc0) == 0x80; back++)
		end--;
	memcpy(buf + end, ELLIPSIS, sizeof(ELLIPSIS));
}

/* The end of a path says more than its beginning. */
static void copy_path(char *dst, const char *path)
{
	size_t length = strlen(path);

	if (length < BR_ERROR_PATH_MAX) {
		memmove(dst, path, length + 1);
		return;
	}
	path += length - (BR_ERROR_PATH_MAX - 1 - ELLIPSIS_SIZE);
	memmove(dst + ELLIPSIS_SIZE, path, BR_ERROR_PATH_MAX - ELLIPSIS_SIZE);
	memcpy(dst, ELLIPSIS, ELLIPSIS_SIZE);
}

int br_error_set(struct br_error *err, enum br_code code, int sys_errno, const char *path,
		 const char *fmt, ...)
{
	char text[BR_ERROR_TEXT_MAX] = ""; /* an argument may point into err->text */
	int saved = errno;
	va_list args;

	if (fmt) {
		va_start(args, fmt);
		format_text(text, sizeof(text), fmt, args);
		va_end(args);
	}
	copy_path(err->path, path ? path : "");
	memcpy(err->text, text, sizeof(text));
	err->code = code;
	err->sys_errno = sys_errno;
	errno = saved;
	return code;
}

/* Format with the arguments given here; lets a function with a va_list use "%s: %s". */
BR_PRINTF(3, 4)
static void format_text_args(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	format_text(buf, size, fmt, args);
	va_end(args);
}

int br_error_context(struct br_error *err, const char *fmt, ...)
{
	char context[BR_ERROR_TEXT_MAX];
	char text[BR_ERROR_TEXT_MAX];
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	format_text(context, sizeof(context), fmt, args);
	va_end(args);
	format_text_args(text, sizeof(text), err->text[0] ? "%s: %s" : "%s%s", context, err->text);
	memcpy(err->text, text, sizeof(text));
	errno = saved;
	return err->code;
}

int br_error_prefix_path(struct br_error *err, const char *dir)
{
	size_t dir_length = strlen(dir);
	char path[BR_ERROR_PATH_MAX];
	char joined[2 * BR_ERROR_PATH_MAX + 1];
	bool has_slash;

	if (!err->path[0] || !dir_length)
		return err->code;
	has_slash = dir[dir_length - 1] == '/' || err->path[0] == '/';
	copy_path(path, dir);
	(void)snprintf(joined, sizeof(joined), "%s%s%s", path, has_slash ? "" : "/", err->path);
	copy_path(err->path, joined);
	return err->code;
}

int br_error_name(struct br_error *err, const char *path)
{
	if (!err->path[0] && path)
		copy_path(err->path, path);
	return err->code;
}

/*
 * Where printable text is being put together; always terminated, and closed once something did not
 * fit.
 */
struct output {
	char *buf;
	size_t size;
	size_t used;
	bool full;
};

static void put(struct output *out, const char *bytes, size_t length)
{
	if (out->full || out->size - out->used <= length) {
		out->full = true;
		return;
	}
	memcpy(out->buf + out->used, bytes, length);
	out->used += length;
	out->buf[out->used] = '\0';
}

/*
 * Not for a terminal although they are characters: controls, marks that reverse or hide the text
 * around them, line separators, private use, non-characters.
 */
static bool is_printable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x0000, 0x001f }, { 0x007f, 0x009f },      { 0x00ad, 0x00ad }, { 0x061c, 0x061c },
		{ 0x115f, 0x1160 }, { 0x180e, 0x180e },      { 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0x3164, 0x3164 },      { 0xd800, 0xf8ff }, { 0xfdd0, 0xfdef },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },      { 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff }, { 0xe0000, UINT32_MAX },
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return (c & 0xfffe) != 0xfffe;
}

/* Bytes that a UTF-8 sequence beginning with this one has; 0: none begins so. */
static size_t sequence_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first < 0xc0 || first >= 0xf8)
		return 0;
	return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Length of the printable UTF-8 character at s, 0 when there is none. */
static size_t printable_length(const unsigned char *s)
{
	static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* no overlong forms */
	size_t length = sequence_length(s[0]);
	uint32_t c;

	if (length == 0)
		return 0;
	c = length == 1 ? s[0] : s[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80) /* stops at the NUL */
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c >= smallest[length] && is_printable(c) ? length : 0;
}

static void put_escaped(struct output *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char escape[sizeof("\\x00")];
	size_t length;

	while (*s && !out->full) {
		length = printable_length(s);
		if (length) {
			put(out, (const char *)s, length);
		} else {
			(void)snprintf(escape, sizeof(escape), "\\x%02x", *s);
			put(out, escape, sizeof(escape) - 1);
			length = 1;
		}
		s += length;
	}
}

size_t br_escape(char *dst, size_t size, const char *src)
{
	struct output out = { .buf = dst, .size = size };

	if (size == 0)
		return 0;
	dst[0] = '\0';
	put_escaped(&out, src);
	return out.used;
}

void br_error_format(const struct br_error *err, char *buf, size_t size)
{
	struct output out = { .buf = buf, .size = size };

	if (size == 0)
		return;
	buf[0] = '\0';
	put_escaped(&out, code_info(err->code)->phrase);
	if (err->path[0]) {
		put_escaped(&out, " \"");
		put_escaped(&out, err->path);
		put_escaped(&out, "\"");
	}
	if (err->text[0]) {
		put_escaped(&out, ": ");
		put_escaped(&out, err->text);
	}
	if (err->sys_errno && err->code != BR_ERR_SYMLINK) { /* ELOOP says "too many levels" */
		put_escaped(&out, ": ");
		put_escaped(&out, strerror(err->sys_errno));
	}
}
