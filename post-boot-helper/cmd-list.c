/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot list: the archives, parked subvolumes and snapshots, and what retention thinks of them. */
#include "cleanup.h"
#include "command-options.h"
#include "command.h"
#include "filesystem.h"
#include "overhead-all.h"
#include "retained-all.h"
#include "text.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

enum column {
	NAME,
	KIND,
	SUBVOLUME,
	TIME,
	GOOD,
	PINNED,
	STAYS,
	REASON,
	COMMENT,
	SIZE,
	COLUMN_COUNT,
};

#define DEFAULT_COUNT SIZE /* the columns before it: its numbers take time */

static const char *const headings[COLUMN_COUNT] = {
	[NAME] = "NAME",       [KIND] = "KIND",     [SUBVOLUME] = "SUBVOLUME", [TIME] = "TIME",
	[GOOD] = "GOOD",       [PINNED] = "PINNED", [STAYS] = "STAYS",         [REASON] = "REASON",
	[COMMENT] = "COMMENT", [SIZE] = "SIZE",
};

struct columns {
	enum column list[2 * COLUMN_COUNT];
	size_t count;
};

struct options {
	struct filesystem_options filesystem;
	struct columns columns;
	const char *subvolume;
	bool json, no_headings, bytes;
};

/* --- columns --- */

/* COLUMN_COUNT: there is none of that name. */
static enum column find_column(const char *name, size_t length)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++)
		if (strlen(headings[i]) == length && strncasecmp(headings[i], name, length) == 0)
			return (enum column)i;
	return COLUMN_COUNT;
}

static void use_default_columns(struct columns *columns)
{
	columns->count = 0;
	for (size_t i = 0; i < DEFAULT_COUNT; i++)
		columns->list[columns->count++] = (enum column)i;
}

static bool has_column(const struct columns *columns, enum column column)
{
	for (size_t i = 0; i < columns->count; i++)
		if (columns->list[i] == column)
			return true;
	return false;
}

/* Each column once: programs would find only one of two with the same name. */
static bool read_columns(void *data, const char *list)
{
	struct columns *columns = data;

	use_default_columns(columns);
	if (*list == '+')
		list++;
	else
		columns->count = 0;
	for (;;) {
		size_t length = strcspn(list, ",");
		enum column column = find_column(list, length);

		if (column == COLUMN_COUNT || has_column(columns, column)) {
			(void)fprintf(stderr, "blankroot list: column '%.*s' in --output %s\n",
				      (int)length, list,
				      column == COLUMN_COUNT ? "does not exist" : "is there twice");
			return false;
		}
		columns->list[columns->count++] = column;
		if (list[length] == '\0')
			return true;
		list += length + 1;
	}
}

static int parse(int argc, char *argv[], struct options *options)
{
	const struct command_option list[] = {
		OPTION_FLAG("json", &options->json, "for programs"),
		OPTION_FLAG("noheadings", &options->no_headings, "without the line of headings"),
		{ .name = "output",
		  .argument = "LIST",
		  .help = "these columns, with commas between them; +LIST: after the\n"
			  "usual ones. NAME, KIND, SUBVOLUME, TIME, GOOD, PINNED, STAYS,\n"
			  "REASON, COMMENT; SIZE: what its deletion would free, which\n"
			  "takes longer to find out",
		  .read = read_columns,
		  .data = &options->columns },
		OPTION_FLAG("bytes", &options->bytes, "sizes in bytes"),
		OPTION_DEVICE(&options->filesystem.device, "a block device"),
		OPTION_CONFIG(&options->filesystem.config),
	};
	const struct command_usage usage = {
		.head = "Usage: blankroot list [OPTION]... [SUBVOLUME]\n"
			"List archives and snapshots, oldest first, and why each stays or goes.\n"
			"\n"
			"SUBVOLUME: only those of this one, given by its path from the top level.\n",
		.tail = EXIT_CODES_USUAL,
		.options = list,
		.option_count = sizeof(list) / sizeof(list[0]),
		.arguments_max = 1,
	};
	struct command_arguments arguments;
	int code;

	use_default_columns(&options->columns);
	code = command_options_parse(&usage, argc, argv, &arguments);
	if (code == COMMAND_GO_ON)
		options->subvolume = arguments.list[0];
	return code;
}

/* --- cells --- */

/* What the lines are made of. */
struct listing {
	const struct options *options;
	const struct retained_all *all;
	struct overhead_all overhead; /* zeroed without the column */
	time_t now;
};

struct cell {
	const struct listing *listing;
	const struct retained_group *group;
	const struct br_retention_item *item;
	uint64_t size;
	enum column column;
};

static void put_time(FILE *out, const struct br_retention_item *item)
{
	char text[sizeof("2026-11-23T19:05:01Z") + 16];
	struct tm utc;

	if (item->has_time && gmtime_r(&item->time, &utc) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		(void)fputs(text, out);
	else
		(void)fputc('-', out);
}

static void put_flag(FILE *out, bool set)
{
	(void)fputs(set ? "yes" : "no", out);
}

/* Programs get numbers, and none (null) where it is not counted: of a damaged one, or one that somebody works in. */
static void put_size(FILE *out, const struct cell *cell)
{
	const struct options *options = cell->listing->options;

	if (!br_retention_counts(cell->item))
		return;
	if (options->json || options->bytes)
		(void)fprintf(out, "%llu", (unsigned long long)cell->size);
	else
		br_text_put_size(out, cell->size);
}

static void put_cell(FILE *out, const void *data)
{
	const struct cell *cell = data;
	const struct retained_group *group = cell->group;

	switch (cell->column) {
	case NAME:
		br_text_put_name(out, cell->item->name);
		break;
	case KIND:
		(void)fputs(retained_kind_name(group->retained.kind), out);
		break;
	case SUBVOLUME:
		br_text_put_name(out, group->retained.subvolume);
		break;
	case TIME:
		put_time(out, cell->item);
		break;
	case GOOD:
		put_flag(out, cell->item->good);
		break;
	case PINNED:
		put_flag(out, cell->item->held == BR_REASON_PINNED);
		break;
	case STAYS:
		put_flag(out, !br_reason_is_to_go(cell->item->reason));
		break;
	case REASON:
		br_retention_explain(out, cell->item, &group->policy, cell->listing->now);
		break;
	case COMMENT:
		br_text_put_name(out, cell->item->comment ? cell->item->comment : "");
		break;
	default:
		put_size(out, cell);
	}
}

/* --- the table --- */

static int add_line(struct libscols_table *table, struct cell cell)
{
	const struct columns *columns = &cell.listing->options->columns;
	struct libscols_line *line = scols_table_new_line(table, NULL);
	int r = line ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < columns->count; i++) {
		char *text;

		cell.column = columns->list[i];
		text = br_text_make(put_cell, &cell);
		r = text ? scols_line_refer_data(line, i, text) : -ENOMEM;
	}
	return r;
}

static int add_column(struct libscols_table *table, enum column number, bool json)
{
	struct libscols_column *column = scols_table_new_column(
		table, headings[number], 0, number == SIZE ? SCOLS_FL_RIGHT : 0);

	if (!column)
		return -ENOMEM;
	if (json && (number == GOOD || number == PINNED || number == STAYS))
		(void)scols_column_set_json_type(column, SCOLS_JSON_BOOLEAN);
	if (json && number == SIZE)
		(void)scols_column_set_json_type(column, SCOLS_JSON_NUMBER);
	return 0;
}

static uint64_t size_of(const struct listing *listing, size_t group, size_t item)
{
	return listing->overhead.items ? overhead_all_alone(&listing->overhead, group, item) : 0;
}

static int fill(struct libscols_table *table, const struct listing *listing)
{
	const struct options *options = listing->options;
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->columns.count; i++)
		r = add_column(table, options->columns.list[i], options->json);
	for (size_t i = 0; r == 0 && i < listing->all->count; i++) {
		const struct retained_group *group = &listing->all->groups[i];

		for (size_t j = 0; r == 0 && j < group->retained.count; j++)
			r = add_line(table,
				     (struct cell){ listing, group, &group->retained.items[j],
						    size_of(listing, i, j), NAME });
	}
	return r;
}

static int print(const struct listing *listing, struct br_error *err)
{
	const struct options *options = listing->options;
	struct libscols_table *table = scols_new_table();
	int r = table ? 0 : -ENOMEM;

	if (r == 0) {
		/* cells are escaped already, and are never cut to the width of a terminal */
		scols_table_enable_noencoding(table, !options->json);
		scols_table_enable_nowrap(table, 1);
		scols_table_set_termforce(table, SCOLS_TERMFORCE_NEVER);
		scols_table_enable_json(table, options->json);
		scols_table_enable_noheadings(table, options->no_headings);
		r = scols_table_set_name(table, "retained");
	}
	if (r == 0 && (r = fill(table, listing)) == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	return r == 0 ? 0 : br_error_set(err, BR_ERR_NOMEM, -r, NULL, "making a table");
}

static int list(int top, const struct options *options, const struct retained_all *all, time_t now,
		struct br_error *err)
{
	struct listing listing = { .options = options, .all = all, .now = now };
	int r = 0;

	if (has_column(&options->columns, SIZE))
		r = overhead_all_count(top, all, 0, &listing.overhead, err);
	if (r == 0)
		r = print(&listing, err);
	overhead_all_free(&listing.overhead);
	return r;
}

static int act(const struct options *options, struct br_error *err)
{
	struct filesystem filesystem;
	struct retained_all all;
	time_t now = time(NULL);
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	r = retained_all_glance(filesystem.top, &filesystem.config, options->subvolume, now, &all,
				err);
	if (r == 0) {
		r = list(filesystem.top, options, &all, now, err);
		if (r == 0)
			r = retained_all_check_readable(&all, err);
		retained_all_free(&all);
	}
	filesystem_close(&filesystem);
	return r;
}

static int run(int argc, char *argv[])
{
	struct options options = { .filesystem = { .config = BR_CONFIG_PATH, .read_only = true } };
	struct br_error err = { 0 };
	int code = parse(argc, argv, &options);

	if (code != COMMAND_GO_ON)
		return code;
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail("blankroot list", &err);
}

const struct command command_list = {
	.name = "list",
	.summary = "list archives and snapshots, and why each stays or goes",
	.run = run,
};
