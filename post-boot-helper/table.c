/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for people on standard output. */
#include "table.h"

#include "cleanup.h"
#include "text.h"

#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>

struct cell {
	const struct table *table;
	const void *row;
	size_t column;
};

static void put_raw_cell(FILE *out, const void *data)
{
	const struct cell *cell = data;

	cell->table->put(out, cell->row, cell->column);
}

static void put_escaped(FILE *out, const void *data)
{
	br_text_put_name(out, data);
}

static void put_ascii(FILE *out, const void *data)
{
	for (const unsigned char *s = data; *s; s++)
		(void)fprintf(out, *s < 0x80 ? "%c" : "\\x%02x", *s); /* see ferror */
}

/* libsmartcols 2.38 may never come back from a text that is none in the locale, as UTF-8 in "C". */
static bool is_text_of_locale(const char *text)
{
	return mbstowcs(NULL, text, 0) != (size_t)-1;
}

static int set_cell(struct libscols_line *line, const struct cell *cell)
{
	BR_AUTO_FREE char *raw = br_text_make(put_raw_cell, cell);
	BR_AUTO_FREE char *text = raw ? br_text_make(put_escaped, raw) : NULL;
	BR_AUTO_FREE char *ascii = NULL;

	if (text && !is_text_of_locale(text)) {
		ascii = br_text_make(put_ascii, text);
		return ascii ? scols_line_set_data(line, cell->column, ascii) : -ENOMEM;
	}
	return text ? scols_line_set_data(line, cell->column, text) : -ENOMEM;
}

static int fill(struct libscols_table *out, const struct table *table)
{
	int r = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (!scols_table_new_column(out, table->columns[i].name, 0,
					    table->columns[i].is_number ? SCOLS_FL_RIGHT : 0))
			return -ENOMEM;
	for (size_t i = 0; i < table->row_count; i++) {
		struct cell cell = { .table = table,
				     .row = (const char *)table->rows + i * table->row_size };
		struct libscols_line *line = scols_table_new_line(out, NULL);

		if (!line)
			return -ENOMEM;
		for (; r == 0 && cell.column < table->column_count; cell.column++)
			r = set_cell(line, &cell);
	}
	return r;
}

int table_print(const struct table *table, struct br_error *err)
{
	struct libscols_table *out = scols_new_table();
	int r = -ENOMEM;

	if (out) {
		/* cells are escaped already */
		scols_table_enable_noencoding(out, 1);
		scols_table_enable_nowrap(out, 1);
		scols_table_enable_noheadings(out, table->has_no_headings);
		scols_table_set_termforce(out, SCOLS_TERMFORCE_NEVER);
		r = fill(out, table);
		if (r == 0)
			r = scols_print_table(out);
	}
	scols_unref_table(out);
	return r == 0 ? 0 : br_error_set(err, BR_ERR_NOMEM, -r, NULL, "making a table");
}
