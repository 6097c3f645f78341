/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in an initramfs image. */
#include "initramfs-read.h"

#ifdef WITH_LIBARCHIVE

#include "cleanup.h"
#include "zstd-end.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 65536
#define UNPACKED_MAX (4ULL << 30)
#define TOO_LONG "unpacks to more than 4 GiB"
#define TRAILER_SIZE 124 /* header and name of the entry that ends an archive */
#define MAGIC_SIZE 6

/* A part of the file, and how far it was read. */
struct part {
	int fd;
	uint64_t position, end;
	char block[BLOCK];
};

/*
 * Bytes in blocks, from the file or from a decompressor. The last two blocks stay: libarchive reads ahead, and the next
 * archive begins somewhere in them.
 */
struct feed {
	struct part *file;      /* of a feed that comes as it is */
	struct archive *packed; /* of one that is decompressed; NULL */
	char block[2][BLOCK];
	uint64_t begin[2]; /* position of each block in the feed */
	size_t size[2];
	unsigned last;   /* the block read last */
	uint64_t next;   /* position to go on from */
	bool has_failed; /* reading or unpacking ended with an error */
	bool is_too_long;
};

/* A name of a file whose content comes with another name of it: that of hard links is at the last. */
struct pending {
	char *path;
	int64_t ino;
	dev_t dev;
	size_t limit;
};

struct reading {
	const struct initramfs_visitor *visitor;
	struct pending *pending;
	size_t pending_count;
	struct br_error *err;
};

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

static int fail(struct br_error *err, struct archive *archive, const char *what)
{
	const char *why = archive ? archive_error_string(archive) : NULL;

	if (archive && archive_errno(archive) == ENOMEM)
		return no_memory(err);
	return br_error_set(err, BR_ERR_READ, 0, NULL, "%s%s%s", what, why ? ": " : "",
			    why ? why : "");
}

/* --- bytes --- */

static ssize_t part_read(struct part *part, void *buffer, size_t size)
{
	ssize_t n;

	if (size > part->end - part->position)
		size = (size_t)(part->end - part->position);
	do {
		n = pread(part->fd, buffer, size, (off_t)part->position);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		part->position += (uint64_t)n;
	return n;
}

/* Returns the size of the next block; 0 at the end, also of what cannot be read further. */
static size_t feed_more(struct feed *feed)
{
	unsigned slot = 1 - feed->last;
	uint64_t position = feed->begin[feed->last] + feed->size[feed->last];
	ssize_t n;

	if (position > UNPACKED_MAX) {
		feed->is_too_long = true;
		return 0;
	}
	n = feed->packed ? archive_read_data(feed->packed, feed->block[slot], BLOCK)
			 : part_read(feed->file, feed->block[slot], BLOCK);

	if (n <= 0) {
		feed->has_failed |= n < 0;
		return 0;
	}
	feed->begin[slot] = position;
	feed->size[slot] = (size_t)n;
	feed->last = slot;
	return (size_t)n;
}

/* The bytes at the position to go on from, up to the end of their block. NULL: that was all. */
static const char *feed_peek(struct feed *feed, size_t *size_ret)
{
	for (;;) {
		for (unsigned i = 0; i < 2; i++) {
			uint64_t into = feed->next - feed->begin[i];

			if (feed->next >= feed->begin[i] && into < feed->size[i]) {
				*size_ret = feed->size[i] - (size_t)into;
				return feed->block[i] + into;
			}
		}
		if (feed_more(feed) == 0)
			return NULL;
	}
}

/* Archives are padded with zeros. False: nothing else follows. */
static bool feed_skip_zeros(struct feed *feed)
{
	const char *bytes;
	size_t size;

	while ((bytes = feed_peek(feed, &size))) {
		for (size_t i = 0; i < size; i++, feed->next++)
			if (bytes[i] != '\0')
				return true;
	}
	return false;
}

static bool feed_is_at_archive(struct feed *feed)
{
	static const char *const magics[] = { "070701", "070702" };
	uint64_t start = feed->next;
	char magic[MAGIC_SIZE] = "";
	const char *bytes;
	size_t size;

	for (size_t i = 0; i < MAGIC_SIZE && (bytes = feed_peek(feed, &size)); i++, feed->next++)
		magic[i] = bytes[0];
	feed->next = start;
	return memcmp(magic, magics[0], MAGIC_SIZE) == 0 ||
	       memcmp(magic, magics[1], MAGIC_SIZE) == 0;
}

static la_ssize_t give_feed(struct archive *archive, void *data, const void **buffer_ret)
{
	struct feed *feed = data;
	size_t size = 0;

	(void)archive;
	*buffer_ret = feed_peek(feed, &size);
	if (!*buffer_ret)
		return 0;
	feed->next += size;
	return (la_ssize_t)size;
}

static la_ssize_t give_part(struct archive *archive, void *data, const void **buffer_ret)
{
	struct part *part = data;
	ssize_t n = part_read(part, part->block, BLOCK);

	if (n < 0)
		archive_set_error(archive, errno, "cannot be read");
	*buffer_ret = part->block;
	return n;
}

/* --- entries --- */

static int take(struct reading *reading, const char *path, struct archive *archive, uint64_t size,
		size_t limit)
{
	BR_AUTO_FREE char *content = NULL;
	la_ssize_t n;

	if (size > limit)
		return reading->visitor->take(reading->visitor->data, path, NULL, 0, reading->err);
	content = malloc((size_t)size + 1);
	if (!content)
		return no_memory(reading->err);
	n = archive_read_data(archive, content, (size_t)size);
	if (n < 0 || (uint64_t)n != size)
		return fail(reading->err, n < 0 ? archive : NULL, "damaged or cut off");
	content[size] = '\0';
	return reading->visitor->take(reading->visitor->data, path, br_take_ptr(&content),
				      (size_t)size, reading->err);
}

static int add_pending(struct reading *reading, struct archive_entry *entry, const char *path,
		       size_t limit)
{
	struct pending *grown = reallocarray(reading->pending, reading->pending_count + 1,
					     sizeof(*grown));
	char *copy = strdup(path);

	if (grown)
		reading->pending = grown;
	if (!grown || !copy) {
		free(copy);
		return no_memory(reading->err);
	}
	grown[reading->pending_count++] = (struct pending){ copy, archive_entry_ino64(entry),
							    archive_entry_dev(entry), limit };
	return 0;
}

/* A wanted file that has its content under another name. Of several such names each gets it, but it is read once. */
static struct pending *find_pending(const struct reading *reading, struct archive_entry *entry)
{
	for (size_t i = 0; i < reading->pending_count; i++)
		if (reading->pending[i].ino == archive_entry_ino64(entry) &&
		    reading->pending[i].dev == archive_entry_dev(entry))
			return &reading->pending[i];
	return NULL;
}

static const char *plain_path(const char *path)
{
	while (path[0] == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	return path;
}

static int visit(struct reading *reading, struct archive *archive, struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	struct initramfs_member member = { .mode = archive_entry_mode(entry) };
	uint64_t size = (uint64_t)archive_entry_size(entry);
	const struct pending *pending;
	size_t limit;

	member.path = plain_path(name ? name : "");
	if (S_ISLNK(member.mode))
		member.link = archive_entry_symlink(entry);
	limit = reading->visitor->wants(reading->visitor->data, &member);
	if (!S_ISREG(member.mode))
		return 0;
	if (archive_entry_nlink(entry) > 1) {
		if (size == 0 && limit > 0)
			return add_pending(reading, entry, member.path, limit);
		pending = size > 0 ? find_pending(reading, entry) : NULL;
		if (pending && limit == 0)
			return take(reading, pending->path, archive, size, pending->limit);
	}
	return limit > 0 ? take(reading, member.path, archive, size, limit) : 0;
}

/* The header of an archive's last entry is where it ends; libarchive may have read further. */
static int read_entries(struct reading *reading, struct archive *archive, struct feed *feed,
			uint64_t start)
{
	struct archive_entry *entry;
	int r;

	for (;;) {
		r = archive_read_next_header(archive, &entry);
		if (r == ARCHIVE_EOF)
			break;
		/* a warning that is no system's says that bytes were skipped to find the next entry */
		if ((r != ARCHIVE_OK && r != ARCHIVE_WARN) ||
		    (r == ARCHIVE_WARN && archive_errno(archive) == 0))
			return fail(reading->err, feed->is_too_long ? NULL : archive,
				    feed->is_too_long ? TOO_LONG : "damaged or cut off");
		if ((r = visit(reading, archive, entry)) < 0)
			return r;
	}
	feed->next = start + (uint64_t)archive_read_header_position(archive) + TRAILER_SIZE;
	return 0;
}

static void archive_cleanup(struct archive **archive)
{
	(void)archive_read_free(*archive); /* nothing was written */
}

#define AUTO_ARCHIVE __attribute__((cleanup(archive_cleanup))) struct archive

static int read_archive(struct reading *reading, struct feed *feed)
{
	AUTO_ARCHIVE *archive = archive_read_new();
	uint64_t start = feed->next;

	if (!archive)
		return no_memory(reading->err);
	if (archive_read_support_format_cpio(archive) != ARCHIVE_OK ||
	    archive_read_open(archive, feed, NULL, give_feed, NULL) != ARCHIVE_OK)
		return fail(reading->err, archive, "damaged");
	return read_entries(reading, archive, feed, start);
}

/* All archives that a feed begins with. count: how many there were. */
static int read_archives(struct reading *reading, struct feed *feed, unsigned *count)
{
	while (feed_skip_zeros(feed) && feed_is_at_archive(feed)) {
		int r = read_archive(reading, feed);

		if (r < 0)
			return r;
		++*count;
	}
	return 0;
}

/* --- what is compressed --- */

/* Those that libarchive does by itself: for others it would run programs. */
static bool support_filters(struct archive *archive)
{
	return (!archive_zlib_version() ||
		archive_read_support_filter_gzip(archive) == ARCHIVE_OK) &&
	       (!archive_bzlib_version() ||
		archive_read_support_filter_bzip2(archive) == ARCHIVE_OK) &&
	       (!archive_liblzma_version() ||
		(archive_read_support_filter_xz(archive) == ARCHIVE_OK &&
		 archive_read_support_filter_lzma(archive) == ARCHIVE_OK)) &&
	       (!archive_liblz4_version() ||
		archive_read_support_filter_lz4(archive) == ARCHIVE_OK) &&
	       (!archive_libzstd_version() ||
		archive_read_support_filter_zstd(archive) == ARCHIVE_OK);
}

/* Unpack all that is left, to know where it ends in the file; it is only padding. */
static void drain(struct feed *feed)
{
	while (feed_more(feed) > 0)
		;
}

/*
 * *is_known_ret: it is compressed in a way that is known. Else nothing was read. consumed_ret: bytes of the file.
 */
static int read_packed(struct reading *reading, struct part *part, bool *is_known_ret,
		       uint64_t *consumed_ret)
{
	AUTO_ARCHIVE *packed = archive_read_new();
	BR_AUTO_FREE struct feed *feed = calloc(1, sizeof(*feed));
	struct archive_entry *entry;
	unsigned count = 0;
	int r;

	*is_known_ret = false;
	if (!packed || !feed)
		return no_memory(reading->err);
	if (!support_filters(packed) || archive_read_support_format_raw(packed) != ARCHIVE_OK)
		return fail(reading->err, packed, "cannot be unpacked");
	if (archive_read_open(packed, part, NULL, give_part, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(packed, &entry) != ARCHIVE_OK)
		return archive_errno(packed) == ENOMEM ? no_memory(reading->err) : 0;
	if (archive_filter_count(packed) < 2)
		return 0;
	*is_known_ret = true;
	feed->packed = packed;
	if ((r = read_archives(reading, feed, &count)) < 0)
		return r;
	if (feed->is_too_long)
		return fail(reading->err, NULL, TOO_LONG);
	if (count == 0)
		return fail(reading->err, feed->has_failed ? packed : NULL,
			    feed->has_failed ? "damaged or cut off" : "holds no archive");
	drain(feed);
	*consumed_ret = (uint64_t)archive_filter_bytes(packed, -1);
	return 0;
}

/* --- the whole image --- */

/* One archive, or one compressed part. *more_ret: something follows that can be read. */
static int read_next(struct reading *reading, int fd, uint64_t *position, uint64_t end,
		     bool is_first, bool *more_ret)
{
	BR_AUTO_FREE struct feed *feed = calloc(1, sizeof(*feed));
	BR_AUTO_FREE struct part *part = calloc(1, sizeof(*part));
	uint64_t consumed = 0;
	unsigned count = 0;
	bool is_known;
	int r;

	*more_ret = false;
	if (!feed || !part)
		return no_memory(reading->err);
	part->fd = fd;
	part->position = *position;
	part->end = end;
	feed->file = part;
	if ((r = read_archives(reading, feed, &count)) < 0)
		return r;
	if (feed->has_failed)
		return br_error_set(reading->err, BR_ERR_READ, errno, NULL, NULL);
	*position += feed->next;
	if (!feed_skip_zeros(feed))
		return is_first && count == 0 ? fail(reading->err, NULL, "is empty") : 0;
	part->position = *position;
	part->end = zstd_end(fd, *position, end);
	if (part->end == *position)
		part->end = end;
	if ((r = read_packed(reading, part, &is_known, &consumed)) < 0)
		return r;
	if (!is_known)
		return is_first ? fail(reading->err, NULL,
				       "is no initramfs, or compressed in an unknown way")
				: 0;
	*position += consumed;
	*more_ret = consumed > 0;
	return 0;
}

bool initramfs_can_be_read(void)
{
	return true;
}

int initramfs_read(int fd, uint64_t offset, uint64_t length,
		   const struct initramfs_visitor *visitor, struct br_error *err)
{
	struct reading reading = { .visitor = visitor, .err = err };
	bool is_first = true, more = true;
	int r = 0;

	for (uint64_t position = offset; r == 0 && more; is_first = false)
		r = read_next(&reading, fd, &position, offset + length, is_first, &more);
	for (size_t i = 0; i < reading.pending_count; i++)
		free(reading.pending[i].path);
	free(reading.pending);
	return r;
}

#else

bool initramfs_can_be_read(void)
{
	return false;
}

int initramfs_read(int fd, uint64_t offset, uint64_t length,
		   const struct initramfs_visitor *visitor, struct br_error *err)
{
	(void)fd;
	(void)offset;
	(void)length;
	(void)visitor;
	return br_error_set(err, BR_ERR_UNSUPPORTED, 0, NULL,
			    "this program was built without libarchive");
}

#endif
