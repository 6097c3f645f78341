/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: the services that are enabled, and where systemd keeps their state. */
#include "init-look.h"

#include "cleanup.h"
#include "entries.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENABLED "/etc/systemd/system"

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

struct search {
	const struct init_system *system;
	struct init_units *units;
};

static int add(struct init_units *units, const char *name, size_t length,
	       const struct init_unit_state *what, struct br_error *err)
{
	struct init_unit_state *grown = reallocarray(units->states, units->count + 1,
						     sizeof(*grown));

	if (!grown)
		return no_memory(err);
	units->states = grown;
	grown[units->count] = *what;
	grown[units->count].directory = strndup(name, length);
	if (!grown[units->count].directory)
		return no_memory(err);
	units->count++;
	return 0;
}

/* --- one unit --- */

/* "StateDirectory=a b/c d:e", the value of one line. What has specifiers depends on what runs. */
static int add_declared(struct init_units *units, const char *value, const char *end,
			struct br_error *err)
{
	const struct init_unit_state what = { .is_declared = true };
	int r = 0;

	while (r == 0 && value < end) {
		size_t length = strcspn(value, " \t\r\n"), name = strcspn(value, ": \t\r\n");

		if (length > 0 && *value != '/' && !memchr(value, '%', length) &&
		    !memmem(value, length, "..", 2))
			r = add(units, value, name, &what, err);
		value += length + 1;
	}
	return r;
}

static bool is_key(const char *line, const char *key)
{
	return strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == '=';
}

static bool is_yes(const char *value)
{
	return strncasecmp(value, "yes", 3) == 0 || strncasecmp(value, "true", 4) == 0 ||
	       *value == '1' || strncasecmp(value, "on", 2) == 0;
}

static int read_unit(struct init_units *units, const char *text, struct br_error *err)
{
	size_t first = units->count;
	bool is_dynamic = false;
	int r = 0;

	for (const char *line = text; r == 0 && *line;) {
		const char *end = strchrnul(line, '\n');

		if (is_key(line, "DynamicUser"))
			is_dynamic = is_yes(line + strlen("DynamicUser="));
		else if (is_key(line, "StateDirectory"))
			r = add_declared(units, line + strlen("StateDirectory="), end, err);
		line = *end ? end + 1 : end;
	}
	for (size_t i = first; i < units->count; i++)
		units->states[i].is_dynamic = is_dynamic;
	return r;
}

static const char *const dirs[] = { ENABLED, "/usr/lib/systemd/system", "/lib/systemd/system",
				    "/usr/local/lib/systemd/system" };

#define DIR_COUNT (sizeof(dirs) / sizeof(dirs[0]))

/* The file of a unit; of an instance that of its template. *text_ret NULL: not found. */
static int find_unit(const struct init_system *system, const char *name, char **text_ret,
		     struct br_error *err)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	int r;

	*text_ret = NULL;
	for (size_t i = 0; !*text_ret && i < DIR_COUNT; i++) {
		BR_AUTO_FREE char *path = NULL;
		int length = at && dot > at ? asprintf(&path, "%s/%.*s@%s", dirs[i],
						       (int)(at - name), name, dot)
					    : asprintf(&path, "%s/%s", dirs[i], name);

		if (length < 0) {
			path = NULL;
			return no_memory(err);
		}
		if ((r = init_read_text(&system->files, path, text_ret, err)) < 0)
			return r;
	}
	return 0;
}

/* --- what is added to it --- */

struct additions {
	const struct search *search;
	const char *dir;
};

static int read_addition(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct additions *additions = data;
	const char *dot = strrchr(name, '.');
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_FREE char *text = NULL;
	int r;

	(void)type;
	if (!dot || strcmp(dot, ".conf") != 0)
		return 0;
	if (asprintf(&path, "%s/%s", additions->dir, name) < 0) {
		path = NULL;
		return no_memory(err);
	}
	r = init_read_text(&additions->search->system->files, path, &text, err);
	return r < 0 || !text ? r : read_unit(additions->search->units, text, err);
}

static int read_additions(const struct search *search, const char *name, struct br_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < DIR_COUNT; i++) {
		struct additions additions = { search, NULL };
		BR_AUTO_FREE char *path = NULL;
		BR_AUTO_CLOSE int fd = -1;

		if (asprintf(&path, "%s/%s.d", dirs[i], name) < 0) {
			path = NULL;
			return no_memory(err);
		}
		additions.dir = path;
		r = init_open_directory(&search->system->files, path, &fd, err);
		if (r == 0 && fd >= 0)
			r = br_entries_visit(fd, read_addition, &additions, err);
	}
	return r;
}

static int look_at_unit(void *data, const char *name, unsigned char type, struct br_error *err)
{
	static const struct init_unit_state guess = { .is_declared = false };
	const struct search *search = data;
	BR_AUTO_FREE char *text = NULL;
	size_t length = strcspn(name, "@.");
	int r;

	(void)type;
	if (!strstr(name, ".service") && !strstr(name, ".socket"))
		return 0;
	/* many have a directory of their name, and do not say so */
	r = length > 0 ? add(search->units, name, length, &guess, err) : 0;
	if (r == 0)
		r = find_unit(search->system, name, &text, err);
	if (r == 0 && text)
		r = read_unit(search->units, text, err);
	return r < 0 ? r : read_additions(search, name, err);
}

/* --- all --- */

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), wanted = strlen(end);

	return length >= wanted && strcmp(name + length - wanted, end) == 0;
}

static int look_at_directory(void *data, const char *name, unsigned char type, struct br_error *err)
{
	const struct search *search = data;
	BR_AUTO_FREE char *path = NULL;
	BR_AUTO_CLOSE int fd = -1;
	int r;

	if (!ends_with(name, ".wants") && !ends_with(name, ".requires"))
		return look_at_unit(data, name, type, err);
	if (asprintf(&path, ENABLED "/%s", name) < 0) {
		path = NULL;
		return no_memory(err);
	}
	r = init_open_directory(&search->system->files, path, &fd, err);
	return r < 0 || fd < 0 ? r : br_entries_visit(fd, look_at_unit, data, err);
}

int init_units_find(const struct init_system *system, struct init_units *ret, struct br_error *err)
{
	struct init_units units = { 0 };
	struct search search = { system, &units };
	BR_AUTO_CLOSE int fd = -1;
	int r = init_open_directory(&system->files, ENABLED, &fd, err);

	if (r == 0 && fd >= 0)
		r = br_entries_visit(fd, look_at_directory, &search, err);

	if (r < 0) {
		init_units_free(&units);
		return r;
	}
	*ret = units;
	return 0;
}

void init_units_free(struct init_units *units)
{
	for (size_t i = 0; i < units->count; i++)
		free(units->states[i].directory);
	free(units->states);
	*units = (struct init_units){ 0 };
}
