/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration: the file, and what is dropped in beside it. Input: up to four files with bytes 0x1c between them,
 * which none of them may contain.
 */
#include "fuzz.h"

#include "cleanup.h"
#include "config-print.h"
#include "config.h"
#include "name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SEPARATOR 0x1c

static const char *const files[] = { "main", "main.d/10-a.conf", "main.d/20-b.conf",
				     "main.d/30-c.conf" };

#define FILES (sizeof(files) / sizeof(files[0]))

struct input {
	size_t files;
	size_t lines[FILES];
};

static size_t count_lines(const uint8_t *data, size_t size)
{
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	return lines;
}

/* Those that the input does not have are empty, which is as if they were not there. */
static struct input write_files(const uint8_t *data, size_t size)
{
	struct input input = { 0 };

	(void)mkdirat(fuzz_dir_fd(), "main.d", 0700);
	for (; input.files < FILES; input.files++) {
		const uint8_t *end = size > 0 ? memchr(data, SEPARATOR, size) : NULL;
		size_t length = end && input.files + 1 < FILES ? (size_t)(end - data) : size;

		fuzz_write(files[input.files], data, length);
		input.lines[input.files] = count_lines(data, length);
		if (length < size)
			length++;
		data = length > 0 ? data + length : data;
		size -= length;
	}
	return input;
}

/* It begins with a file that there is, and a line in it; only that nothing is declared has no line. */
static void check_place(const struct input *input, const char *text)
{
	for (size_t i = 0; i < input->files; i++) {
		BR_AUTO_FREE char *place = NULL;
		unsigned long line;
		char *end;

		FUZZ_CHECK(asprintf(&place, "%s/%s:", fuzz_dir(), files[i]) > 0);
		if (strncmp(text, place, strlen(place)) != 0)
			continue;
		text += strlen(place);
		if (i == 0 && strcmp(text, " no ephemeral subvolume is declared") == 0)
			return;
		line = strtoul(text, &end, 10);
		FUZZ_CHECK(end > text && strncmp(end, ": ", 2) == 0 && end[2]);
		FUZZ_CHECK(line >= 1 && line <= input->lines[i]);
		return;
	}
	FUZZ_CHECK(!"the error names a file");
}

static void check_path(const char *path)
{
	const char *rest = path;

	FUZZ_CHECK(*path && *path != '/');
	while (rest) {
		size_t length = strcspn(rest, "/");

		FUZZ_CHECK(length > 0 && length <= 255);
		FUZZ_CHECK(!(length == 1 && rest[0] == '.') &&
			   !(length == 2 && rest[0] == '.' && rest[1] == '.'));
		rest = rest[length] ? rest + length + 1 : NULL;
	}
	for (; *path; path++)
		FUZZ_CHECK((unsigned char)*path >= ' ' && *path != 0x7f);
}

static bool is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && (!path[length] || path[length] == '/');
}

static void check_subvolume(const char *path)
{
	check_path(path);
	FUZZ_CHECK(!is_within(path, BR_STATE_DIR) && !is_within(path, "snapshots"));
}

static void check_persist(const struct br_ephemeral *ephemeral, size_t i)
{
	const struct br_persist *persist = &ephemeral->persist[i];

	check_path(persist->path);
	for (size_t k = 0; k < ephemeral->persist_count; k++)
		FUZZ_CHECK(k == i || !is_within(ephemeral->persist[k].path, persist->path));
	FUZZ_CHECK(persist->mode <= 07777);
	FUZZ_CHECK(persist->create != BR_CREATE_NO || (!persist->owner && !persist->has_mode));
	FUZZ_CHECK(persist->create != BR_CREATE_FILE || persist->method == BR_METHOD_COPY);
	FUZZ_CHECK(persist->origin.file && persist->origin.line >= 1);
}

/* One ephemeral subvolume beside another, or the same once more. */
static void check_pair(const struct br_ephemeral *a, const struct br_ephemeral *b)
{
	FUZZ_CHECK(!is_within(a->blank, b->name) &&
		   (!b->archive || !is_within(a->blank, b->archive)));
	FUZZ_CHECK(!a->archive ||
		   (!is_within(a->archive, b->name) && !is_within(a->archive, b->blank)));
	FUZZ_CHECK(a == b || !is_within(a->name, b->name));
	FUZZ_CHECK(a == b || !a->mountpoint || !b->mountpoint ||
		   strcmp(a->mountpoint, b->mountpoint) != 0);
}

static void check_ephemeral(const struct br_config *config, const struct br_ephemeral *ephemeral)
{
	BR_AUTO_FREE char *escaped = NULL;
	struct br_error err;

	check_subvolume(ephemeral->name);
	check_subvolume(ephemeral->blank);
	if (ephemeral->archive)
		check_subvolume(ephemeral->archive);
	FUZZ_CHECK(!ephemeral->mountpoint || ephemeral->mountpoint[0] == '/');
	if (ephemeral->mountpoint && ephemeral->mountpoint[1])
		check_path(ephemeral->mountpoint + 1);
	FUZZ_CHECK(br_name_escape(ephemeral->name, &escaped, &err) == 0);
	for (size_t i = 0; i < ephemeral->persist_count; i++)
		check_persist(ephemeral, i);
	for (size_t i = 0; i < config->ephemeral_count; i++)
		check_pair(ephemeral, &config->ephemeral[i]);
}

static void check_accepted(const struct br_config *config)
{
	const struct br_snapshots_policy *snapshots = &config->snapshots;

	FUZZ_CHECK(config->ephemeral_count >= 1 && config->ephemeral_count <= 256);
	for (size_t i = 0; i < config->ephemeral_count; i++)
		check_ephemeral(config, &config->ephemeral[i]);
	FUZZ_CHECK(config->archives.keep > 0 && config->archives.keep <= INT64_MAX);
	FUZZ_CHECK(config->archives.max_overhead >= 0 && config->archives.max_overhead <= 1);
	FUZZ_CHECK(config->archives.min_free >= 0 && config->archives.min_free <= 1);
	FUZZ_CHECK(snapshots->keep <= INT64_MAX);
	for (size_t i = 0; i < snapshots->subvolume_count; i++)
		check_subvolume(snapshots->subvolumes[i]);
}

/* Written down, it is read as the same. */
static void check_round_trip(const char *path, const struct br_config *config)
{
	BR_AUTO_FREE char *text = config_print(config);
	BR_AUTO_FREE char *again_text = NULL;
	struct br_config again;
	struct br_error err;

	(void)write_files((const uint8_t *)text, strlen(text));
	FUZZ_CHECK(br_config_load(path, &again, &err) == 0);
	again_text = config_print(&again);
	FUZZ_CHECK(strcmp(text, again_text) == 0);
	br_config_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = write_files(data, size);
	BR_AUTO_FREE char *path = NULL;
	struct br_config config;
	struct br_error err;
	int r;

	FUZZ_CHECK(asprintf(&path, "%s/%s", fuzz_dir(), files[0]) > 0);
	fuzz_poison(&config, sizeof(config));
	r = br_config_load(path, &config, &err);
	if (r < 0) {
		FUZZ_CHECK(r == BR_ERR_CONFIG);
		fuzz_check_error(&err, r);
		fuzz_check_poisoned(&config, sizeof(config));
		check_place(&input, err.text);
		return 0;
	}
	check_accepted(&config);
	check_round_trip(path, &config);
	br_config_free(&config);
	return 0;
}
