/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot init: fstab(5) and the flags of boot loaders, in which the root has to be named. */
#include "init.h"

#include "cleanup.h"
#include "text.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t"

static int no_memory(struct br_error *err)
{
	return br_error_set(err, BR_ERR_NOMEM, ENOMEM, NULL, NULL);
}

/* --- mount points --- */

int init_mounts_add_one(struct init_mounts *mounts, const char *path, struct br_error *err)
{
	char **grown = reallocarray(mounts->paths, mounts->count + 1, sizeof(*grown));

	if (!grown)
		return no_memory(err);
	mounts->paths = grown;
	grown[mounts->count] = strdup(path);
	if (!grown[mounts->count])
		return no_memory(err);
	mounts->count++;
	return 0;
}

int init_mounts_add(struct init_mounts *mounts, const char *text, struct br_error *err)
{
	BR_AUTO_FREE char *copy = text && *text ? strdup(text) : NULL;
	BR_AUTO_FILE FILE *table = NULL;
	const struct mntent *entry;
	int r = 0;

	if (!text || !*text)
		return 0;
	table = copy ? fmemopen(copy, strlen(copy), "r") : NULL;
	if (!table)
		return no_memory(err);
	while (r == 0 && (entry = getmntent(table)))
		if (entry->mnt_dir[0] == '/' && entry->mnt_dir[1])
			r = init_mounts_add_one(mounts, entry->mnt_dir, err);
	return r;
}

bool init_mounts_cover(const struct init_mounts *mounts, const char *path)
{
	for (size_t i = 0; i < mounts->count; i++) {
		size_t length = strlen(mounts->paths[i]);

		if (strncmp(path, mounts->paths[i], length) == 0 &&
		    (path[length] == '\0' || path[length] == '/'))
			return true;
	}
	return false;
}

void init_mounts_free(struct init_mounts *mounts)
{
	for (size_t i = 0; i < mounts->count; i++)
		free(mounts->paths[i]);
	free(mounts->paths);
	*mounts = (struct init_mounts){ 0 };
}

/* --- options --- */

/* An option of a list "a,b=c", not NUL-terminated. */
struct option {
	const char *at;
	size_t size;
};

static bool next_option(const char **rest, const char *end, struct option *ret)
{
	const char *comma;

	if (*rest >= end)
		return false;
	comma = memchr(*rest, ',', (size_t)(end - *rest));
	if (!comma)
		comma = end;
	*ret = (struct option){ *rest, (size_t)(comma - *rest) };
	*rest = comma + 1;
	return true;
}

static bool is_of(const struct option *option, const char *key)
{
	size_t length = strlen(key);

	return option->size > length && strncmp(option->at, key, length) == 0 &&
	       option->at[length] == '=';
}

/* The kernel reads an id in any base, and takes 0 for the top level. */
static bool is_pin(const struct option *option, const struct init_naming *naming)
{
	uint64_t id;

	if (!is_of(option, "subvolid"))
		return false;
	id = strtoull(option->at + strlen("subvolid="), NULL, 0);
	return (id ? id : BR_SUBVOL_TOP_LEVEL) == naming->id;
}

/* The top level is named "/", too. */
static bool is_old_name(const struct option *option, const struct init_naming *naming)
{
	return naming->moves && is_of(option, "subvol");
}

static bool has_name(const char *at, const char *end)
{
	struct option option;

	while (next_option(&at, end, &option))
		if (is_of(&option, "subvol"))
			return true;
	return false;
}

/* Write options with the id of the root away, and its name instead where there is none. */
static void put_options(FILE *out, const char *at, const char *end,
			const struct init_naming *naming, bool is_root)
{
	bool named = !naming->moves && has_name(at, end), any = false;
	const char *rest = at;
	struct option option;

	while (next_option(&rest, end, &option)) {
		/* who mounts the top level elsewhere goes on doing so when the root leaves it */
		bool drop = (is_root || !naming->moves) &&
			    (is_pin(&option, naming) || is_old_name(&option, naming));

		if (drop && !named)
			(void)fprintf(out, "%ssubvol=%s", any ? "," : "", naming->name);
		else if (!drop)
			(void)fprintf(out, "%s%.*s", any ? "," : "", (int)option.size, option.at);
		any |= !drop || !named;
		named |= drop;
	}
	if (naming->moves && is_root && !named)
		(void)fprintf(out, "%ssubvol=%s", any ? "," : "", naming->name);
}

/* --- the table --- */

struct field {
	const char *at, *end;
};

/* The fields of a line; false: it is none with options. */
static bool split(const char *line, const char *end, struct field fields[4])
{
	for (size_t i = 0; i < 4; i++) {
		line += strspn(line, BLANKS);
		if (line >= end || *line == '#')
			return false;
		fields[i].at = line;
		while (line < end && !strchr(BLANKS, *line))
			line++;
		fields[i].end = line;
	}
	return true;
}

static bool is_word(const struct field *field, const char *word)
{
	size_t length = (size_t)(field->end - field->at);

	return strlen(word) == length && strncmp(field->at, word, length) == 0;
}

static bool is_root_line(const struct field fields[4])
{
	return is_word(&fields[1], "/") && is_word(&fields[2], "btrfs");
}

struct table {
	const char *text;
	const struct init_naming *naming;
	const struct init_mounts *more;
};

/* What the root is mounted from: other lines with the same are of its file system. */
static bool find_root_line(const char *text, struct field *device_ret)
{
	struct field fields[4];

	for (const char *line = text; *line;) {
		const char *end = strchrnul(line, '\n');

		if (split(line, end, fields) && is_root_line(fields)) {
			*device_ret = fields[0];
			return true;
		}
		line = *end ? end + 1 : end;
	}
	return false;
}

static bool is_same(const struct field *a, const struct field *b)
{
	return a->end - a->at == b->end - b->at &&
	       strncmp(a->at, b->at, (size_t)(a->end - a->at)) == 0;
}

static void put_line(FILE *out, const char *line, const char *end, const struct table *table,
		     const struct field *device)
{
	struct field fields[4];
	bool is_root;

	if (!split(line, end, fields) || !is_word(&fields[2], "btrfs") ||
	    !is_same(&fields[0], device)) {
		(void)fwrite(line, 1, (size_t)(end - line), out);
		return;
	}
	is_root = is_root_line(fields);
	(void)fwrite(line, 1, (size_t)(fields[3].at - line), out);
	put_options(out, fields[3].at, fields[3].end, table->naming, is_root);
	(void)fwrite(fields[3].end, 1, (size_t)(end - fields[3].end), out);
}

static void put_more(FILE *out, const struct table *table, const struct field *device)
{
	for (size_t i = 0; table->more && i < table->more->count; i++) {
		(void)fprintf(out, "%.*s ", (int)(device->end - device->at), device->at);
		br_text_put_fstab(out, table->more->paths[i]);
		(void)fputs(" btrfs subvol=", out);
		br_text_put_fstab(out, table->more->paths[i]);
		(void)fputs(" 0 0\n", out);
	}
}

static void put_table(FILE *out, const void *data)
{
	const struct table *table = data;
	struct field device;

	if (!find_root_line(table->text, &device)) {
		(void)fputs(table->text, out);
		return;
	}
	for (const char *line = table->text; *line;) {
		const char *end = strchrnul(line, '\n');

		put_line(out, line, end, table, &device);
		if (*end || table->more)
			(void)fputc('\n', out);
		line = *end ? end + 1 : end;
	}
	put_more(out, table, &device);
}

char *init_fstab_rename(const char *text, const struct init_naming *naming,
			const struct init_mounts *more)
{
	const struct table table = { text, naming, more && more->count > 0 ? more : NULL };

	return br_text_make(put_table, &table);
}

/* --- boot loaders --- */

static void put_flags(FILE *out, const void *data)
{
	static const char key[] = "rootflags=";
	const struct table *table = data;
	const char *at = table->text, *found;

	while ((found = strstr(at, key))) {
		const char *value = found + strlen(key);
		const char *end = value + strcspn(value, " \t\n\"'");

		(void)fwrite(at, 1, (size_t)(value - at), out);
		put_options(out, value, end, table->naming, true);
		at = end;
	}
	(void)fputs(at, out);
}

char *init_flags_rename(const char *text, const struct init_naming *naming)
{
	const struct table table = { text, naming, NULL };

	return br_text_make(put_flags, &table);
}
