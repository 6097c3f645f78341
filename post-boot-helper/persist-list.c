/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is declared persistent, and where. */
#include "command.h"
#include "json.h"
#include "persist.h"
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const struct br_ephemeral *ephemeral;
	const struct br_persist *persist;
};

static const char *method_of(const struct br_persist *persist)
{
	return persist->method == BR_METHOD_SUBVOLUME ? "subvolume" : "copy";
}

static void put_cell(FILE *out, const void *data, size_t column)
{
	const struct row *row = data;

	if (column == 0)
		(void)fprintf(out, "/%s", row->persist->path); /* lost output is found at the end */
	else if (column == 1)
		(void)fputs(row->ephemeral->name, out);
	else if (column == 2)
		(void)fputs(method_of(row->persist), out);
	else
		(void)fprintf(out, "%s:%u", row->persist->origin.file, row->persist->origin.line);
}

static void put_json(const struct row *rows, size_t count)
{
	struct br_json json = br_json_start(stdout);
	char path[BR_ERROR_PATH_MAX * 16];

	br_json_open_object(&json, NULL);
	br_json_open_array(&json, "persist");
	for (size_t i = 0; i < count; i++) {
		const struct br_persist *persist = rows[i].persist;

		(void)snprintf(path, sizeof(path), "/%s", persist->path);
		br_json_open_object(&json, NULL);
		br_json_string(&json, "path", path);
		br_json_string(&json, "subvolume", rows[i].ephemeral->name);
		br_json_string(&json, "method", method_of(persist));
		br_json_string(&json, "file", persist->origin.file);
		br_json_number(&json, "line", persist->origin.line);
		br_json_close_object(&json);
	}
	br_json_close_array(&json);
	br_json_close_object(&json);
}

/* In the order in which they are carried. Owned by the caller; NULL: no memory. */
static struct row *make_rows(const struct br_config *config, const struct persist_options *options,
			     size_t *count_ret)
{
	struct row *rows;
	size_t count = 0;

	for (size_t i = 0; i < config->ephemeral_count; i++)
		count += config->ephemeral[i].persist_count;
	rows = calloc(count + 1, sizeof(*rows));
	count = 0;
	for (size_t i = 0; rows && i < config->ephemeral_count; i++) {
		const struct br_ephemeral *ephemeral = &config->ephemeral[i];

		if (options->subvolume && strcmp(options->subvolume, ephemeral->name) != 0)
			continue;
		for (size_t p = 0; p < ephemeral->persist_count; p++)
			rows[count++] = (struct row){ ephemeral, &ephemeral->persist[p] };
	}
	*count_ret = count;
	return rows;
}

static int print(const struct br_config *config, const struct persist_options *options,
		 struct br_error *err)
{
	static const struct table_column columns[] = {
		{ "PATH", false }, { "SUBVOLUME", false }, { "METHOD", false }, { "WHERE", false }
	};
	size_t count;
	struct row *rows = make_rows(config, options, &count);
	int r = 0;

	if (!rows)
		return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
	if (options->json)
		put_json(rows, count);
	else
		r = table_print(&(struct table){ columns, sizeof(columns) / sizeof(columns[0]),
						 put_cell, rows, sizeof(*rows), count,
						 options->noheadings },
				err);
	free(rows);
	return r;
}

int persist_list(const struct persist_options *options)
{
	struct br_error err = { 0 };
	struct br_config config;
	int r;

	if (br_config_load(options->config, &config, &err) < 0)
		return command_fail(PERSIST_COMMAND, &err);
	r = print(&config, options, &err);
	br_config_free(&config);
	return r < 0 ? command_fail(PERSIST_COMMAND, &err) : EXIT_DONE;
}
