/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the log of a disk. */
#include "log.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t read_bytes(int file, unsigned char **bytes_ret)
{
	struct stat st;
	size_t size;

	ck_assert_int_eq(fstat(file, &st), 0);
	size = (size_t)st.st_size;
	*bytes_ret = malloc(size + 1);
	ck_assert_ptr_nonnull(*bytes_ret);
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(file, *bytes_ret + done, size - done, (off_t)done);

		ck_assert_msg(n > 0, "reading a log");
		done += (size_t)n;
	}
	return size;
}

/* Returns the size of the record. */
static size_t parse(const unsigned char *bytes, size_t left, struct log_entry *entry)
{
	struct log_header header;

	ck_assert_msg(left >= sizeof(header), "the log is cut off");
	memcpy(&header, bytes, sizeof(header));
	ck_assert_msg(header.magic == LOG_MAGIC && header.type >= LOG_WRITE &&
			      header.type <= LOG_DISCARD,
		      "the log is damaged");
	*entry = (struct log_entry){
		.type = (enum log_type)header.type,
		.offset = header.offset,
		.size = header.size,
		.data = bytes + sizeof(header),
	};
	if (header.type != LOG_WRITE)
		return sizeof(header);
	ck_assert_msg(header.size <= left - sizeof(header), "the log is cut off");
	return sizeof(header) + header.size;
}

void log_read(struct log *log, int file)
{
	size_t size, room = 0;

	*log = (struct log){ .count = 0 };
	size = read_bytes(file, &log->bytes);
	for (size_t at = 0; at < size; log->count++) {
		if (log->count == room) {
			room = room ? room * 2 : 1024;
			log->entry = reallocarray(log->entry, room, sizeof(*log->entry));
			ck_assert_ptr_nonnull(log->entry);
		}
		at += parse(log->bytes + at, size - at, &log->entry[log->count]);
	}
}

void log_free(struct log *log)
{
	free(log->bytes);
	free(log->entry);
	*log = (struct log){ .count = 0 };
}

size_t log_count(const struct log *log, enum log_type type, size_t end)
{
	size_t count = 0;

	for (size_t i = 0; i < end && i < log->count; i++)
		count += log->entry[i].type == type;
	return count;
}

static uint64_t size_of(const struct log_entry *entry)
{
	return sizeof(struct log_header) + (entry->type == LOG_WRITE ? entry->size : 0);
}

size_t log_entries_at(const struct log *log, uint64_t file_size)
{
	uint64_t at = 0;
	size_t i = 0;

	while (i < log->count && at + size_of(&log->entry[i]) <= file_size)
		at += size_of(&log->entry[i++]);
	return i;
}
