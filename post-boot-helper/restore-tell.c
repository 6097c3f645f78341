/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot restore says. */
#include "audit.h"
#include "cleanup.h"
#include "json.h"
#include "name.h"
#include "restore.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

#define RESTORE_JSON_VERSION 1

/* Absolute directory and name. Owned by the caller; NULL: no memory. */
static char *join(const char *dir, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, name) < 0 ? NULL : path;
}

static char *target_of(const struct restore *restore, const struct restore_item *item)
{
	return join(restore->placements[item->placement].dir, item->rest);
}

/* What a dry run says may be taken when it is for real. */
static char *kept_of(const struct restore *restore, const struct restore_placement *placement)
{
	BR_AUTO_FREE char *planned = NULL;

	if (placement->kept)
		return join(placement->dir, placement->kept);
	if (!restore->options->dry_run || !placement->exists)
		return NULL;
	planned = br_name_archive(placement->name, restore->now, 1);
	return planned ? join(placement->dir, planned) : NULL;
}

static bool is_told(const struct restore *restore, const struct restore_item *item)
{
	return restore->options->dry_run || restore->placements[item->placement].is_done;
}

/* --- for people --- */

static void put_amount(const struct br_copy_stats *stats)
{
	(void)fputs(": ", stdout);
	br_text_put_count(stdout, stats->files);
	(void)printf(stats->files == 1 ? " file, " : " files, ");
	br_text_put_size(stdout, stats->bytes_shared);
	(void)fputs(" shared, ", stdout);
	br_text_put_size(stdout, stats->bytes_copied);
	(void)fputs(" copied", stdout);
	if (stats->subvolumes > 0)
		(void)printf(", %llu subvolume%s", (unsigned long long)stats->subvolumes,
			     stats->subvolumes == 1 ? "" : "s");
}

static void tell_item(const struct restore *restore, const struct restore_item *item)
{
	bool dry_run = restore->options->dry_run;
	const struct restore_placement *placement = &restore->placements[item->placement];
	BR_AUTO_FREE char *target = target_of(restore, item);
	BR_AUTO_FREE char *kept = kept_of(restore, placement);

	(void)fputs(dry_run ? "would restore " : "restored ", stdout);
	br_text_put_name(stdout, target ? target : item->path);
	(void)fputs(" from ", stdout);
	br_text_put_name(stdout, item->view->source->path);
	if (!dry_run)
		put_amount(&item->stats);
	(void)putchar('\n');
	if (!kept)
		return;
	(void)fputs(dry_run ? "would keep what is there as " : "kept what was there as ", stdout);
	br_text_put_name(stdout, kept);
	(void)putchar('\n');
}

/* --- for programs --- */

static void put_item(struct br_json *json, const struct restore *restore,
		     const struct restore_item *item)
{
	BR_AUTO_FREE char *target = target_of(restore, item);
	BR_AUTO_FREE char *kept = kept_of(restore, &restore->placements[item->placement]);

	br_json_open_object(json, NULL);
	br_json_string(json, "path", item->path);
	br_json_string(json, "target", target);
	br_json_string(json, "from", item->view->source->path);
	br_json_string(json, "kept", kept);
	br_json_number(json, "files", item->stats.files);
	br_json_number(json, "directories", item->stats.directories);
	br_json_number(json, "others", item->stats.others);
	br_json_number(json, "hard_links", item->stats.hard_links);
	br_json_number(json, "subvolumes", item->stats.subvolumes);
	br_json_number(json, "bytes_shared", item->stats.bytes_shared);
	br_json_number(json, "bytes_copied", item->stats.bytes_copied);
	br_json_close_object(json);
}

static void tell_json(const struct restore *restore)
{
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", RESTORE_JSON_VERSION);
	br_json_bool(&json, "dry_run", restore->options->dry_run);
	br_json_open_array(&json, "restored");
	for (size_t i = 0; i < restore->count; i++)
		if (is_told(restore, &restore->items[i]))
			put_item(&json, restore, &restore->items[i]);
	br_json_close_array(&json);
	br_json_close_object(&json);
}

void restore_tell(const struct restore *restore)
{
	if (restore->options->json) {
		tell_json(restore);
		return;
	}
	for (size_t i = 0; i < restore->count; i++)
		if (is_told(restore, &restore->items[i]))
			tell_item(restore, &restore->items[i]);
}

void restore_audit(const struct restore *restore, int r, const struct br_error *err)
{
	for (size_t i = 0; !restore->options->dry_run && i < restore->count; i++) {
		const struct restore_item *item = &restore->items[i];
		BR_AUTO_FREE char *target = target_of(restore, item);
		bool is_done = r == 0 || restore->placements[item->placement].is_done;

		audit_result("restore", NULL, target ? target : item->path, is_done ? 0 : r, err);
	}
}

void restore_tell_found(const struct restore *restore, const char *dir, const char *name)
{
	FILE *out = restore->options->json ? stderr : stdout;
	BR_AUTO_FREE char *path = join(dir, name);

	(void)fputs("what an interrupted restore had replaced is kept as ", out);
	br_text_put_name(out, path ? path : name);
	(void)fputc('\n', out);
	(void)fflush(out);
}
