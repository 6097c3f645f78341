/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines of a configuration that would keep what the next reset loses. */
#include "diff.h"
#include "text.h"

#include <string.h>
#include <sys/stat.h>

static bool is_within(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	return strncmp(path, dir, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

/* Can a configuration have it? Values are literal, without control characters. */
static bool can_be_said(const char *path)
{
	for (const char *c = path; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '"' || *c == '\\')
			return false;
	return true;
}

/* Is there something to keep at this path, and at no other? */
static bool is_kept_by_itself(const struct br_change *change)
{
	if (change->kind == BR_CHANGE_DELETED || !*change->path)
		return false;
	return change->kind != BR_CHANGE_CHANGED || !S_ISDIR(change->mode) ||
	       change->what & BR_CHANGED_TYPE;
}

static void put_comment(FILE *out, const char *why, const char *path)
{
	(void)fprintf(out, "    # %s: /", why); /* lost output is found at the end, here as below */
	br_text_put_name(out, path);
	(void)fputc('\n', out);
}

static void suggest(FILE *out, const struct br_change *change)
{
	if (!can_be_said(change->path))
		put_comment(out, "cannot be named in a configuration", change->path);
	else if (change->is_subvolume)
		(void)fprintf(out, "    path \"/%s\" { method = subvolume }\n", change->path);
	else
		(void)fprintf(out, "    persist += { \"/%s\" }\n", change->path);
}

static void print_one(FILE *out, const struct diff *diff)
{
	const struct br_changes *changes = &diff->changes;
	const char *last = NULL;

	(void)fprintf(out, "ephemeral %s {\n", diff->ephemeral->name);
	for (size_t i = 0; i < changes->count; i++) {
		const struct br_change *change = &changes->changes[i];

		/* sorted: what is in a directory that is kept follows it */
		if (last && is_within(change->path, last))
			continue;
		if (is_kept_by_itself(change)) {
			suggest(out, change);
			last = change->path;
		} else if (change->kind == BR_CHANGE_CHANGED) {
			put_comment(out, "only the directory's own attributes", change->path);
		}
	}
	(void)fputs("}\n", out);
}

void diff_print_suggestion(FILE *out, const struct diffs *diffs)
{
	for (size_t i = 0; i < diffs->count; i++)
		if (diffs->items[i].changes.count > 0)
			print_one(out, &diffs->items[i]);
}
