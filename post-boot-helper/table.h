/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables for people on standard output, by libsmartcols. */
#ifndef BLANKROOT_TABLE_H
#define BLANKROOT_TABLE_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table_column {
	const char *name;
	bool is_number;
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	/* writes the text of a column; names may be raw, all of it is escaped afterwards */
	void (*put)(FILE *out, const void *row, size_t column);
	const void *rows;
	size_t row_size, row_count;
	bool has_no_headings;
};

/* Print it; cells are never cut to the width of a terminal. BR_ERR_NOMEM. */
BR_MUST_CHECK int table_print(const struct table *table, struct br_error *err);

#endif
