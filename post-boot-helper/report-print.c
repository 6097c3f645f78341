/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of the boot's reset on standard output. Lost output is found when it is closed. */
#include "report-print.h"

#include "report.h"
#include "table.h"
#include "text.h"

#include <string.h>

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

static void put_path(FILE *out, const void *row, size_t column)
{
	const struct report_path *path = row;

	switch (column) {
	case 0:
		(void)fputs(or_dash(path->path), out);
		break;
	case 1:
		(void)fputs(or_dash(path->method), out);
		break;
	case 2:
		(void)fprintf(out, "%s%s", or_dash(path->action), path->done ? "" : " (not done)");
		break;
	case 3:
		br_text_put_count(out, path->files);
		break;
	case 4:
		br_text_put_count(out, path->directories);
		break;
	case 5:
		br_text_put_size(out, path->bytes_shared);
		break;
	case 6:
		br_text_put_size(out, path->bytes_copied);
		break;
	default:
		br_text_put_duration(out, path->duration_us);
	}
}

static int print_paths(const struct report_ephemeral *ephemeral, struct br_error *err)
{
	static const struct table_column columns[] = {
		{ "PATH", false },  { "METHOD", false },     { "ACTION", false },
		{ "FILES", true },  { "DIRECTORIES", true }, { "SHARED", true },
		{ "COPIED", true }, { "TIME", true },
	};

	if (ephemeral->path_count == 0)
		return 0;
	return table_print(&(struct table){ columns, sizeof(columns) / sizeof(columns[0]), put_path,
					    ephemeral->paths, sizeof(*ephemeral->paths),
					    ephemeral->path_count, false },
			   err);
}

static void put_step(FILE *out, const void *row, size_t column)
{
	const struct report_step *step = row;

	switch (column) {
	case 0:
		(void)fputs(or_dash(step->step), out);
		break;
	case 1:
		(void)fputs(step->done ? "yes" : "no", out);
		break;
	case 2:
		br_text_put_duration(out, step->duration_us);
		break;
	default:
		(void)fputs(or_dash(step->text), out);
	}
}

static int print_steps(const struct boot_report *report, struct br_error *err)
{
	static const struct table_column columns[] = {
		{ "STEP", false }, { "DONE", false }, { "TIME", true }, { "WHAT", false }
	};

	if (report->step_count == 0)
		return 0;
	(void)fputc('\n', stdout);
	return table_print(&(struct table){ columns, sizeof(columns) / sizeof(columns[0]), put_step,
					    report->steps, sizeof(*report->steps),
					    report->step_count, false },
			   err);
}

static void print_item(const char *name, const char *value)
{
	(void)printf("%-14s ", name);
	br_text_put_name(stdout, or_dash(value));
	(void)fputc('\n', stdout);
}

static void print_details(const struct boot_report *report)
{
	(void)fputc('\n', stdout);
	print_item("Tool:", report->tool);
	print_item("Requested by:", report->requested_by);
	print_item("File system:", report->filesystem);
	print_item("Device:", report->device);
	print_item("Started:", report->started);
	(void)fputs("Duration:      ", stdout);
	br_text_put_duration(stdout, report->duration_us);
	(void)fputc('\n', stdout);
	for (size_t i = 0; i < report->dropped_count; i++)
		print_item("Deleted:", report->dropped[i]);
	for (size_t i = 0; i < report->warning_count; i++)
		print_item("Warning:", report->warnings[i].message);
}

static int print_ephemeral(const struct report_ephemeral *ephemeral, struct br_error *err)
{
	(void)fputc('\n', stdout);
	br_text_put_name(stdout, or_dash(ephemeral->name));
	(void)fputs(" from ", stdout);
	br_text_put_name(stdout, or_dash(ephemeral->source));
	if (ephemeral->mountpoint) {
		(void)fputs(", mounted at ", stdout);
		br_text_put_name(stdout, ephemeral->mountpoint);
	}
	if (ephemeral->archive) {
		(void)fputs(ephemeral->archive_done ? ", the old one is "
						    : ", the old one is not yet at ",
			    stdout);
		br_text_put_name(stdout, ephemeral->archive);
	}
	(void)fputc('\n', stdout);
	return print_paths(ephemeral, err);
}

int report_print(const struct boot_report *report, bool verbose, struct br_error *err)
{
	int r = 0;

	br_text_put_name(stdout, report->reason);
	(void)fputc('\n', stdout);
	if (verbose)
		print_details(report);
	for (size_t i = 0; r == 0 && i < report->ephemeral_count; i++)
		r = print_ephemeral(&report->ephemeral[i], err);
	if (r == 0 && verbose)
		r = print_steps(report, err);
	return r;
}

void report_print_json(const struct boot_report *report)
{
	const unsigned char *text = (const unsigned char *)report->text;

	for (size_t i = 0; i < report->size; i++) {
		if (text[i] == 0x7f)
			(void)fputs("\\u007f", stdout);
		else if (text[i] == 0xc2 && text[i + 1] >= 0x80 && text[i + 1] <= 0x9f)
			(void)printf("\\u%04x", text[++i]);
		else
			(void)fputc(text[i], stdout);
	}
}
