/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Marks that are kept in a file: of any bytes, as they are and behind a sound head. */
#include "fuzz.h"

#include "marks-kept.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY_SIZE 64

/* The row that an entry is of, if the input has one there. */
static struct br_subvol_row row_at(const uint8_t *data, size_t size, size_t at)
{
	struct br_subvol_row row = { .is_read_only = true };

	if (at + ENTRY_SIZE > size)
		return row;
	memcpy(&row.id, data + at, sizeof(row.id));
	memcpy(&row.generation, data + at + 8, sizeof(row.generation));
	memcpy(&row.ctransid, data + at + 16, sizeof(row.ctransid));
	memcpy(row.uuid, data + at + 24, sizeof(row.uuid));
	return row;
}

static void look_for(const struct br_marks_kept *kept, struct br_subvol_row row)
{
	struct br_marks marks = { .row = &row };

	if (!br_marks_kept_find(kept, &marks))
		return;
	FUZZ_CHECK(marks.row == &row && !marks.is_gone && row.ctransid > 0);
	br_marks_free(&marks, 1);
	row.is_read_only = false;
	FUZZ_CHECK(!br_marks_kept_find(kept, &marks));
	row.is_read_only = true;
	row.generation++;
	FUZZ_CHECK(!br_marks_kept_find(kept, &marks));
}

static void check(const uint8_t *data, size_t size, size_t head, const uint64_t *numbers)
{
	struct br_marks_kept kept;
	char *content = malloc(head + size + 1);

	FUZZ_CHECK(content);
	if (head > 0)
		memcpy(content, numbers, head);
	if (size > 0)
		memcpy(content + head, data, size);
	br_marks_kept_parse(content, head + size, &kept);
	FUZZ_CHECK(kept.content || kept.count == 0);
	for (size_t i = 0; i <= kept.count; i++)
		look_for(&kept, row_at(data, size, i * ENTRY_SIZE + (head ? 0 : 24)));
	br_marks_kept_free(&kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (uint64_t count = 0; count <= 3 && count * ENTRY_SIZE <= size; count++) {
		const uint64_t numbers[] = { 0x62726d61726b7301, count, size - count * ENTRY_SIZE };

		check(data, size, sizeof(numbers), numbers);
	}
	check(data, size, 0, NULL);
	return 0;
}
