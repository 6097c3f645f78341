/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The log of a disk: what the kernel asked it to do, in order.
 *
 * The file is a list of records without anything before, between or after them: a struct log_header
 * in the byte order of the machine, and behind that of a write its data. What a disk may still have
 * in its cache at a moment are the writes and discards since the last flush; a flush stands behind
 * everything that was complete when it was asked for. There is no forced unit access (FUA): a loop
 * device makes it a write and a flush.
 */
#ifndef CRASH_LOG_H
#define CRASH_LOG_H

#include <stddef.h>
#include <stdint.h>

#define LOG_MAGIC 0x676f6c63U

enum log_type {
	LOG_WRITE = 1,
	LOG_FLUSH,
	LOG_DISCARD, /* reads as zeroes afterwards, as a write of zeroes without data does */
};

struct log_header {
	uint32_t magic; /* LOG_MAGIC */
	uint32_t type;
	uint64_t offset; /* bytes from the begin of the disk; 0 for a flush */
	uint64_t size;   /* likewise */
};

struct log_entry {
	enum log_type type;
	uint64_t offset, size;
	const unsigned char *data; /* of a write */
};

/* A log in memory. */
struct log {
	unsigned char *bytes;
	struct log_entry *entry;
	size_t count;
};

/* Read a log. One that is cut off or damaged fails the test. Released with log_free. */
void log_read(struct log *log, int file);

/* Release. Safe on a zeroed one. */
void log_free(struct log *log);

/* How many entries of a type are there before an entry? */
size_t log_count(const struct log *log, enum log_type type, size_t end);

/* How many entries does a log have whose file is that long? One that was being written does not count. */
size_t log_entries_at(const struct log *log, uint64_t file_size);

#endif
