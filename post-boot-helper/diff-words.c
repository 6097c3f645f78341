/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words for changes, and what they come to. */
#include "diff.h"
#include "text.h"

#include <string.h>
#include <sys/stat.h>

void diff_total_add(struct diff_total *total, const struct br_change *change)
{
	switch (change->kind) {
	case BR_CHANGE_CREATED:
		total->created++;
		total->created_bytes += change->is_link ? 0 : change->size;
		return;
	case BR_CHANGE_DELETED:
		total->deleted++;
		return;
	case BR_CHANGE_RENAMED:
		total->renamed++;
		return;
	case BR_CHANGE_CHANGED:
		break;
	}
	if (change->what & (BR_CHANGED_CONTENT | BR_CHANGED_TYPE)) {
		total->content++;
		total->content_bytes += change->size;
	} else {
		total->attributes++;
	}
}

void diff_total_add_all(struct diff_total *total, const struct diffs *diffs)
{
	for (size_t i = 0; i < diffs->count; i++)
		for (size_t k = 0; k < diffs->items[i].changes.count; k++)
			diff_total_add(total, &diffs->items[i].changes.changes[k]);
}

static void put_part(FILE *out, size_t count, const char *word, const uint64_t *bytes, bool *first)
{
	if (count == 0)
		return;
	(void)fputs(*first ? "" : ", ", out); /* lost output is found at the end, here as below */
	*first = false;
	br_text_put_count(out, count);
	(void)fprintf(out, " %s", word);
	if (!bytes)
		return;
	(void)fputs(" (", out);
	br_text_put_size(out, *bytes);
	(void)fputc(')', out);
}

void diff_total_put(FILE *out, const struct diff_total *total)
{
	bool first = true;

	put_part(out, total->created, "created", &total->created_bytes, &first);
	put_part(out, total->content, "changed", &total->content_bytes, &first);
	put_part(out, total->attributes, "changed in attributes only", NULL, &first);
	put_part(out, total->renamed, "renamed", NULL, &first);
	put_part(out, total->deleted, "deleted", NULL, &first);
	if (first)
		(void)fputs("nothing", out);
}

void diff_put_path(FILE *out, const struct diff *diff, const char *path)
{
	const char *mountpoint = diff->ephemeral->mountpoint;

	if (!mountpoint) {
		br_text_put_name(out, diff->ephemeral->name);
		(void)fputs(":/", out);
	} else if (strcmp(mountpoint, "/") == 0) {
		(void)fputc('/', out);
	} else {
		br_text_put_name(out, mountpoint);
		(void)fputs(*path ? "/" : "", out);
	}
	br_text_put_name(out, path);
}

const char *diff_type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFLNK:
		return "link";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	default:
		return "unknown";
	}
}
