/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot list: the archives, parked subvolumes and snapshots, and what retention thinks of them. */
#include "cleanup.h"
#include "command.h"
#include "filesystem.h"
#include "retained-all.h"
#include "text.h"

#include <getopt.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

struct options {
	struct filesystem_options filesystem;
	const char *subvolume;
	bool json, no_headings, help;
};

static void print_help(void)
{
	(void)fputs(
		"Usage: blankroot list [OPTION]... [SUBVOLUME]\n"
		"List archives and snapshots, oldest first, and why each stays or goes.\n"
		"\n"
		"SUBVOLUME: only those of this one, given by its path from the top level.\n"
		"\n"
		"      --json         for programs\n"
		"      --noheadings   without the line of headings\n"
		"      --device=SPEC  another file system: UUID=, LABEL=, PARTUUID=, PARTLABEL=\n"
		"                     or a block device\n"
		"      --config=FILE  another configuration (" BR_CONFIG_PATH ")\n"
		"      --help         print this and exit\n"
		"\n"
		"Exit codes: 0 done; 1 failed; 2 usage error.\n",
		stdout); /* lost output is found when it is closed */
}

static int fail_usage(const char *argument)
{
	if (argument)
		(void)fprintf(stderr, "blankroot list: unexpected argument '%s'\n", argument);
	(void)fputs("Try 'blankroot list --help' for more information.\n", stderr);
	return EXIT_USAGE;
}

static int parse(int argc, char *argv[], struct options *options)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "json", no_argument, NULL, 'j' },
		{ "noheadings", no_argument, NULL, 'n' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'c')
			options->filesystem.config = optarg;
		else if (option == 'd')
			options->filesystem.device = optarg;
		else if (option == 'h')
			options->help = true;
		else if (option == 'j')
			options->json = true;
		else if (option == 'n')
			options->no_headings = true;
		else
			return fail_usage(NULL);
	}
	if (optind < argc)
		options->subvolume = argv[optind++];
	return optind < argc ? fail_usage(argv[optind]) : EXIT_DONE;
}

/* --- cells --- */

enum column { NAME, KIND, SUBVOLUME, TIME, GOOD, PINNED, STAYS, REASON, COLUMN_COUNT };

static const char *const headings[COLUMN_COUNT] = { "NAME", "KIND",   "SUBVOLUME", "TIME",
						    "GOOD", "PINNED", "STAYS",     "REASON" };

struct cell {
	const struct retained_group *group;
	const struct br_retention_item *item;
	time_t now;
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
	default:
		br_retention_explain(out, cell->item, &group->policy, cell->now);
	}
}

/* --- the table --- */

static int add_line(struct libscols_table *table, struct cell cell)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	int r = line ? 0 : -ENOMEM;

	for (size_t column = 0; r == 0 && column < COLUMN_COUNT; column++) {
		char *text;

		cell.column = (enum column)column;
		text = br_text_make(put_cell, &cell);
		r = text ? scols_line_refer_data(line, column, text) : -ENOMEM;
	}
	return r;
}

static int fill(struct libscols_table *table, const struct retained_all *all, time_t now,
		const struct options *options)
{
	int r = 0;

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		struct libscols_column *column = scols_table_new_column(table, headings[i], 0, 0);

		if (!column)
			return -ENOMEM;
		if (options->json && (i == GOOD || i == PINNED || i == STAYS))
			(void)scols_column_set_json_type(column, SCOLS_JSON_BOOLEAN);
	}
	for (size_t i = 0; r == 0 && i < all->count; i++)
		for (size_t j = 0; r == 0 && j < all->groups[i].retained.count; j++)
			r = add_line(table,
				     (struct cell){ &all->groups[i],
						    &all->groups[i].retained.items[j], now, NAME });
	return r;
}

static int print(const struct retained_all *all, time_t now, const struct options *options,
		 struct br_error *err)
{
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
	if (r == 0 && (r = fill(table, all, now, options)) == 0)
		r = scols_print_table(table);
	scols_unref_table(table);
	return r == 0 ? 0 : br_error_set(err, BR_ERR_NOMEM, -r, NULL, "making a table");
}

static int act(const struct options *options, struct br_error *err)
{
	struct filesystem filesystem;
	struct retained_all all;
	time_t now = time(NULL);
	int r = filesystem_open(&options->filesystem, &filesystem, err);

	if (r < 0)
		return r;
	r = retained_all_read(filesystem.top, &filesystem.config, options->subvolume, now, &all,
			      err);
	if (r == 0) {
		r = print(&all, now, options, err);
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

	if (code != EXIT_DONE)
		return code;
	if (options.help) {
		print_help();
		return EXIT_DONE;
	}
	return act(&options, &err) == 0 ? EXIT_DONE : command_fail("blankroot list", &err);
}

const struct command command_list = {
	.name = "list",
	.summary = "list archives and snapshots, and why each stays or goes",
	.run = run,
};
