/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The marks of many subvolumes as somebody saw them, in a file. */
#include "marks-kept.h"

#include "beneath.h"
#include "cleanup.h"
#include "file.h"
#include "name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX ((size_t)64 << 20)

/* In the order of bytes of the machine: another one does not know the magic number. */
#define MAGIC 0x62726d61726b7301

struct head {
	uint64_t magic;
	uint64_t count;
	uint64_t comments; /* bytes, behind the entries: texts, each with its NUL */
};

enum { GOOD = 1 << 0, PINNED = 1 << 1, RETIRED = 1 << 2, COMMENT = 1 << 3 };

struct entry {
	uint64_t id, generation, ctransid;
	uint8_t uuid[BR_UUID_SIZE];
	int64_t retired;
	uint64_t replaced_by;
	uint32_t flags;
	uint32_t comment; /* where it begins */
};

static struct entry entry_at(const char *content, size_t index)
{
	struct entry entry;

	memcpy(&entry, content + sizeof(struct head) + index * sizeof(entry), sizeof(entry));
	return entry;
}

static const char *comments_of(const char *content, size_t count)
{
	return content + sizeof(struct head) + count * sizeof(struct entry);
}

static bool is_sound(const char *content, size_t size, size_t *count_ret)
{
	struct head head;
	uint64_t last = 0;

	if (size < sizeof(head))
		return false;
	memcpy(&head, content, sizeof(head));
	size -= sizeof(head);
	if (head.magic != MAGIC || head.count > size / sizeof(struct entry) ||
	    head.comments != size - head.count * sizeof(struct entry) ||
	    (head.comments > 0 && comments_of(content, head.count)[head.comments - 1] != '\0'))
		return false;
	for (size_t i = 0; i < head.count; i++) {
		const struct entry entry = entry_at(content, i);

		if (entry.id <= last || ((entry.flags & COMMENT) && entry.comment >= head.comments))
			return false;
		last = entry.id;
	}
	*count_ret = head.count;
	return true;
}

void br_marks_kept_parse(char *content, size_t size, struct br_marks_kept *ret)
{
	*ret = (struct br_marks_kept){ .content = content };
	if (!is_sound(content, size, &ret->count))
		br_marks_kept_free(ret);
}

void br_marks_kept_read(int top, struct br_marks_kept *ret)
{
	BR_AUTO_CLOSE int state = -1;
	struct br_error none = { 0 };
	char *content;
	size_t size;

	*ret = (struct br_marks_kept){ 0 };
	if (br_open_beneath(top, BR_STATE_DIR, O_PATH | O_DIRECTORY, 0, &state, &none) == 0 &&
	    br_file_read(state, BR_MARKS_KEPT, CONTENT_MAX, &content, &size, &none) == 0)
		br_marks_kept_parse(content, size, ret);
}

/* What Linux before 3.6 wrote has no UUID. */
static bool is_certain(const struct br_subvol_row *row)
{
	static const uint8_t none[BR_UUID_SIZE];

	return row->is_read_only && row->ctransid > 0 && memcmp(row->uuid, none, sizeof(none)) != 0;
}

static bool find(const struct br_marks_kept *kept, const struct br_subvol_row *row,
		 struct entry *ret)
{
	size_t first = 0, end = kept->count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;
		struct entry entry = entry_at(kept->content, middle);

		if (entry.id == row->id) {
			*ret = entry;
			return entry.generation == row->generation &&
			       entry.ctransid == row->ctransid &&
			       memcmp(entry.uuid, row->uuid, sizeof(entry.uuid)) == 0;
		}
		if (entry.id < row->id)
			first = middle + 1;
		else
			end = middle;
	}
	return false;
}

bool br_marks_kept_find(const struct br_marks_kept *kept, struct br_marks *marks)
{
	const struct br_subvol_row *row = marks->row;
	struct entry entry;
	char *comment = NULL;

	if (kept->count == 0 || !is_certain(row) || !find(kept, row, &entry))
		return false;
	if (entry.flags & COMMENT) {
		comment = strdup(comments_of(kept->content, kept->count) + entry.comment);
		if (!comment)
			return false;
	}
	*marks = (struct br_marks){
		.row = row,
		.is_good = entry.flags & GOOD,
		.is_pinned = entry.flags & PINNED,
		.has_retired = entry.flags & RETIRED,
		.retired = (time_t)entry.retired,
		.replaced_by = entry.replaced_by,
		.comment = comment,
	};
	return true;
}

/* --- writing --- */

static int compare_id(const void *a, const void *b)
{
	uint64_t left = (*(const struct br_marks *const *)a)->row->id;
	uint64_t right = (*(const struct br_marks *const *)b)->row->id;

	return (left > right) - (left < right);
}

static bool is_worth_keeping(const struct br_marks *marks)
{
	return !marks->is_gone && marks->unreadable == 0 && is_certain(marks->row);
}

static struct entry entry_of(const struct br_marks *marks, size_t comment)
{
	struct entry entry = {
		.id = marks->row->id,
		.generation = marks->row->generation,
		.ctransid = marks->row->ctransid,
		.retired = marks->retired,
		.replaced_by = marks->replaced_by,
		.flags = (marks->is_good ? GOOD : 0U) | (marks->is_pinned ? PINNED : 0U) |
			 (marks->has_retired ? RETIRED : 0U) | (marks->comment ? COMMENT : 0U),
		.comment = marks->comment ? (uint32_t)comment : 0,
	};

	memcpy(entry.uuid, marks->row->uuid, sizeof(entry.uuid));
	return entry;
}

static size_t comment_size(const struct br_marks *marks)
{
	return is_worth_keeping(marks) && marks->comment ? strlen(marks->comment) + 1 : 0;
}

/* NULL: no memory. */
static char *make_content(const struct br_marks **list, size_t count, size_t *size_ret)
{
	struct head head = { .magic = MAGIC };
	size_t entry = sizeof(head), comment = 0;
	char *content, *comments;

	for (size_t i = 0; i < count; i++) {
		head.count += is_worth_keeping(list[i]);
		head.comments += comment_size(list[i]);
	}
	*size_ret = sizeof(head) + head.count * sizeof(struct entry) + head.comments;
	content = malloc(*size_ret);
	if (!content)
		return NULL;
	memcpy(content, &head, sizeof(head));
	comments = content + *size_ret - head.comments;
	for (size_t i = 0; i < count; i++) {
		const struct entry one = entry_of(list[i], comment);
		size_t size = comment_size(list[i]);

		if (!is_worth_keeping(list[i]))
			continue;
		memcpy(content + entry, &one, sizeof(one));
		entry += sizeof(one);
		if (size > 0)
			memcpy(comments + comment, list[i]->comment, size);
		comment += size;
	}
	return content;
}

static bool is_as_kept(const struct br_marks_kept *kept, const struct br_marks *marks)
{
	const struct entry now = entry_of(marks, 0);
	struct entry entry;

	if (!find(kept, marks->row, &entry))
		return false;
	if (marks->comment && (entry.flags & COMMENT) &&
	    strcmp(comments_of(kept->content, kept->count) + entry.comment, marks->comment) != 0)
		return false;
	return entry.flags == now.flags && entry.retired == now.retired &&
	       entry.replaced_by == now.replaced_by;
}

/* Is there nothing to write? Some that are gone by now do no harm. */
static bool is_kept(const struct br_marks_kept *kept, const struct br_marks **list, size_t count)
{
	if (kept->count > 2 * count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (is_worth_keeping(list[i]) && !is_as_kept(kept, list[i]))
			return false;
	return true;
}

int br_marks_kept_write(int state, const struct br_marks_kept *kept, const struct br_marks **list,
			size_t count, struct br_error *err)
{
	BR_AUTO_FREE char *content = NULL;
	size_t size;

	if (count == 0 || is_kept(kept, list, count))
		return 0;
	qsort(list, count, sizeof(*list), compare_id);
	content = make_content(list, count, &size);
	if (!content)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (size > CONTENT_MAX)
		return 0; /* nobody would read it */
	return br_file_replace(state, BR_MARKS_KEPT, content, size, 0600, err);
}

void br_marks_kept_free(struct br_marks_kept *kept)
{
	if (!kept)
		return;
	free(kept->content);
	*kept = (struct br_marks_kept){ 0 };
}
