/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot balance says. Lost output is found when it is closed. */
#include "balance.h"

#include "json.h"
#include "profile.h"
#include "text.h"

#include <linux/btrfs_tree.h>
#include <stdio.h>

#define BALANCE_JSON_VERSION 1

static void put_size(uint64_t bytes)
{
	br_text_put_size(stdout, bytes);
}

static void put_want(const struct br_allocation_want *want)
{
	put_size(want->bytes);
	if (want->devices == 0) {
		(void)puts(" in all, as asked for");
		return;
	}
	if (want->devices > 1)
		(void)printf(" on each of %zu devices", want->devices);
	(void)printf(": room for %d more block groups of data (%s, ", BR_ALLOCATION_DATA_GROUPS,
		     br_profile_name(want->data_flags));
	put_size(want->data_bytes);
	(void)printf(") and one of metadata (%s, ", br_profile_name(want->metadata_flags));
	put_size(want->metadata_bytes);
	(void)puts(")");
}

static void put_used(const struct balance_view *view, uint64_t type, const char *name)
{
	uint64_t length = 0, used = 0, count = 0;

	for (size_t i = 0; i < view->groups.count; i++)
		if (view->groups.groups[i].flags & type) {
			length += view->groups.groups[i].length;
			used += view->groups.groups[i].used;
			count++;
		}
	if (count == 0)
		return;
	(void)printf("%-13s", name);
	br_text_put_count(stdout, count);
	(void)printf(count == 1 ? " block group, " : " block groups, ");
	put_size(length);
	(void)fputs(", of which ", stdout);
	put_size(used);
	(void)printf(" (%.0f%%) used\n", length > 0 ? 100 * (double)used / (double)length : 0);
}

void balance_print_view(const struct balance_view *view)
{
	put_used(view, BTRFS_BLOCK_GROUP_DATA, "Data");
	put_used(view, BTRFS_BLOCK_GROUP_METADATA, "Metadata");
	(void)fputs("Unallocated  ", stdout);
	put_size(view->allocation.unallocated);
	if (view->allocation.count > 1) {
		(void)fputs(" (", stdout);
		for (size_t i = 0; i < view->allocation.count; i++) {
			(void)printf("%sdevice %llu: ", i > 0 ? ", " : "",
				     (unsigned long long)view->allocation.devices[i].id);
			put_size(view->allocation.devices[i].unallocated);
		}
		(void)putchar(')');
	}
	(void)fputs("\nEnough is    ", stdout);
	put_want(&view->want);
}

static void put_end(const struct balance_options *options, const struct balance_result *result)
{
	unsigned usage_max = options->rules.usage_max;

	switch (result->end) {
	case BALANCE_ENOUGH:
		(void)puts(result->moved > 0 ? "That is enough."
					     : "There is enough: nothing to do.");
		break;
	case BALANCE_NO_GAIN:
		(void)printf(
			"%s is to be gained: the other block groups are used by more than %u%%, or "
			"there is no room\nelsewhere for what is in them. Deleting something makes more "
			"room (blankroot prune), or another device.\n",
			result->moved > 0 ? "Nothing more" : "Nothing", usage_max);
		break;
	case BALANCE_STOPPED:
		(void)puts("Stopped before enough was unallocated.");
		break;
	default:
		break; /* an error says it */
	}
}

void balance_print_result(const struct balance_options *options, const struct balance_view *view,
			  const struct balance_result *result)
{
	bool dry_run = options->job.dry_run;

	(void)view;
	if (result->moved > 0) {
		(void)fputs(dry_run ? "would move " : "moved ", stdout);
		br_text_put_count(stdout, result->moved);
		(void)printf(" block group%s, the least used first, with ",
			     result->moved == 1 ? "" : "s");
		put_size(result->bytes);
		(void)fputs(" of data: ", stdout);
		put_size(result->before);
		(void)fputs(" unallocated before, ", stdout);
		put_size(result->after);
		(void)puts(" after");
	}
	put_end(options, result);
	if (!options->rules.metadata && result->end != BALANCE_ENOUGH)
		(void)puts(
			"Metadata stays where it is: its block groups fill up again, and when there is no "
			"room for\nanother one the file system stops. --metadata moves it all the "
			"same.");
}

void balance_print_json(const struct balance_options *options, const struct balance_view *view,
			const struct balance_result *result)
{
	static const char *const ends[] = {
		[BALANCE_ENOUGH] = "enough",     [BALANCE_NO_GAIN] = "no-gain",
		[BALANCE_NO_SPACE] = "no-space", [BALANCE_STOPPED] = "stopped",
		[BALANCE_OTHER] = "other",
	};
	struct br_json json = br_json_start(stdout);

	br_json_open_object(&json, NULL);
	br_json_number(&json, "version", BALANCE_JSON_VERSION);
	br_json_bool(&json, "dry_run", options->job.dry_run);
	br_json_string(&json, "end", ends[result->end]);
	br_json_number(&json, "moved", result->moved);
	br_json_number(&json, "moved_bytes", result->bytes);
	br_json_number(&json, "unallocated_before", result->before);
	br_json_number(&json, "unallocated", result->after);
	br_json_number(&json, "wanted", view->want.bytes);
	br_json_number(&json, "wanted_devices", view->want.devices);
	br_json_close_object(&json);
}
