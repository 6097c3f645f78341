/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One change a line. */
#include "diff.h"
#include "text.h"

#include <sys/stat.h>

static char letter_of(const struct br_change *change)
{
	switch (change->kind) {
	case BR_CHANGE_CREATED:
		return '+';
	case BR_CHANGE_DELETED:
		return '-';
	case BR_CHANGE_RENAMED:
		return '>';
	case BR_CHANGE_CHANGED:
		break;
	}
	return change->what & (BR_CHANGED_CONTENT | BR_CHANGED_TYPE) ? '*' : '.';
}

/* Details in brackets: the first opens them. */
struct details {
	FILE *out;
	bool is_open;
};

static FILE *next(struct details *details)
{
	/* lost output is found at the end, here as below */
	(void)fputs(details->is_open ? ", " : "  (", details->out);
	details->is_open = true;
	return details->out;
}

static void put_what(struct details *details, const struct br_change *change)
{
	static const struct {
		unsigned what;
		const char *word;
	} words[] = {
		{ BR_CHANGED_CONTENT, "content" },
		{ BR_CHANGED_MODE, "mode" },
		{ BR_CHANGED_OWNER, "owner" },
		{ BR_CHANGED_TIME, "time" },
		{ BR_CHANGED_XATTR, "extended attributes" },
		{ BR_CHANGED_FLAGS, "flags" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (change->what & words[i].what)
			(void)fputs(words[i].word, next(details));
	if (change->what & BR_CHANGED_TYPE)
		(void)fprintf(next(details), "%s became %s", diff_type_name(change->old_mode),
			      diff_type_name(change->mode));
}

static void put_size(struct details *details, const struct br_change *change)
{
	bool is_old = change->kind == BR_CHANGE_DELETED;
	mode_t mode = is_old ? change->old_mode : change->mode;

	if (change->kind == BR_CHANGE_RENAMED && change->what == 0)
		return;
	if (change->kind == BR_CHANGE_CHANGED && !(change->what & BR_CHANGED_CONTENT))
		return;
	if (!S_ISREG(mode))
		return;
	(void)next(details);
	if (change->kind == BR_CHANGE_CHANGED && change->size != change->old_size) {
		br_text_put_size(details->out, change->old_size);
		(void)fputs(" -> ", details->out);
	}
	br_text_put_size(details->out, is_old ? change->old_size : change->size);
}

static void put_kind(struct details *details, const struct br_change *change)
{
	mode_t mode = change->kind == BR_CHANGE_DELETED ? change->old_mode : change->mode;

	if (change->kind != BR_CHANGE_CREATED && change->kind != BR_CHANGE_DELETED)
		return;
	if (change->is_subvolume)
		(void)fputs("subvolume", next(details));
	else if (!S_ISREG(mode) && !S_ISDIR(mode))
		(void)fputs(diff_type_name(mode), next(details));
	if (change->is_link)
		(void)fputs("one of several names", next(details));
}

static void print_change(FILE *out, const struct diff *diff, const struct br_change *change)
{
	struct details details = { out, false };

	(void)fprintf(out, "%c ", letter_of(change));
	if (change->from) {
		diff_put_path(out, diff, change->from);
		(void)fputs(" -> ", out);
	}
	diff_put_path(out, diff, change->path);
	if (S_ISDIR(change->mode ? change->mode : change->old_mode) && *change->path)
		(void)fputc('/', out);
	put_what(&details, change);
	put_kind(&details, change);
	put_size(&details, change);
	(void)fputs(details.is_open ? ")\n" : "\n", out);
}

void diff_print_flat(FILE *out, const struct diffs *diffs)
{
	for (size_t i = 0; i < diffs->count; i++)
		for (size_t k = 0; k < diffs->items[i].changes.count; k++)
			print_change(out, &diffs->items[i], &diffs->items[i].changes.changes[k]);
}
