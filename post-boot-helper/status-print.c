/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blankroot status for people. Lost output is found when it is closed. */
#include "next-boot.h"
#include "status.h"
#include "table.h"
#include "text.h"

#include <string.h>
#include <unistd.h>

#define RED "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

static void put_label(const char *label)
{
	(void)printf("%-13s", label);
}

static void put_utc(FILE *out, time_t time)
{
	char text[64];
	struct tm utc;

	if (gmtime_r(&time, &utc) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
		(void)fputs(text, out);
	else
		(void)fputc('-', out);
}

/* "blankroot: root reset from ..." without the name of the program. */
static const char *bare_reason(const struct boot_report *report)
{
	static const char prefix[] = "blankroot: ";

	return strncmp(report->reason, prefix, sizeof(prefix) - 1) == 0
		       ? report->reason + sizeof(prefix) - 1
		       : report->reason;
}

static void print_boot(const struct status *status)
{
	put_label("This boot");
	if (status->has_report)
		br_text_put_name(stdout, bare_reason(&status->report));
	else
		(void)fputs("not known", stdout);
	if (status->has_report && status->report.started) {
		(void)putchar('\n');
		put_label("");
		(void)fputs("at ", stdout);
		br_text_put_name(stdout, status->report.started);
	}
	(void)putchar('\n');
}

static void put_size_item(uint64_t bytes, const char *what)
{
	br_text_put_size(stdout, bytes);
	(void)printf(" %s", what);
}

static void print_space(const struct br_volume *volume)
{
	put_label("Space");
	put_size_item(volume->total, "in all, ");
	put_size_item(volume->used, "used, ");
	put_size_item(volume->available, "free");
	if (volume->total > 0)
		(void)printf(" (%.0f%%)", 100 * (double)volume->available / (double)volume->total);
	(void)fputs(", ", stdout);
	put_size_item(volume->unallocated, "unallocated\n");
	put_label("Devices");
	(void)printf("%llu, %llu missing, %llu errors\n", (unsigned long long)volume->devices,
		     (unsigned long long)volume->missing, (unsigned long long)volume->errors);
}

static double share_of(uint64_t bytes, const struct br_volume *volume)
{
	return volume->used > 0 ? 100 * (double)bytes / (double)volume->used : 0;
}

/* What could not be counted in time may be held, too. */
static void print_overhead(const struct status *status)
{
	const struct br_overhead *counted = &status->overhead.counted;
	double limit = 100 * status->filesystem.config.archives.max_overhead;

	put_label("Overhead");
	if (!counted->is_complete)
		(void)fputs("more than ", stdout);
	br_text_put_size(stdout, counted->total);
	(void)printf(" (%.1f%% of what is used) held by nothing else: archives ",
		     share_of(counted->total, &status->volume));
	put_size_item(counted->groups[BR_RETAINED_ARCHIVE], "");
	(void)printf("(%.1f%%", share_of(counted->groups[BR_RETAINED_ARCHIVE], &status->volume));
	if (limit > 0)
		(void)printf(", limit %.1f%%", limit);
	(void)fputs("), snapshots ", stdout);
	br_text_put_size(stdout, counted->groups[BR_RETAINED_SNAPSHOT]);
	(void)putchar('\n');
}

/* Those on which there were errors, each on a line of its own. */
static void print_scrub_devices(const struct scrub_view *scrub)
{
	for (size_t i = 0; i < scrub->devices.count; i++) {
		const struct scrub_device *device = &scrub->devices.list[i];
		const struct scrub_device_record *record = scrub_record_find(&scrub->record,
									     device->devid);
		uint64_t errors = record ? scrub_device_record_errors(record) : 0;

		if (errors == 0)
			continue;
		put_label("");
		(void)printf("device %llu (", (unsigned long long)device->devid);
		br_text_put_name(stdout, device->path[0] ? device->path : "missing");
		(void)fputs("): ", stdout);
		scrub_view_put_errors(stdout, errors, record->progress.corrected_errors);
		(void)putchar('\n');
	}
}

static void print_scrub(const struct status *status)
{
	const struct scrub_view *scrub = &status->scrub;
	const struct scrub_record *record = &scrub->record;

	put_label("Last scrub");
	if (record->started == 0) {
		(void)puts(scrub->is_running ? "running"
					     : "none that " SCRUB_RECORD_DIR " knows of");
		return;
	}
	put_utc(stdout, (time_t)record->started);
	if ((uint64_t)status->now >= record->started) {
		(void)fputs(" (", stdout);
		br_text_put_length(stdout, (uint64_t)status->now - record->started);
		(void)fputs(" ago)", stdout);
	}
	(void)printf(", %s", scrub_view_state(scrub));
	if (!record->is_finished && scrub_view_part(scrub) >= 0)
		(void)printf(" at %.0f%%", 100 * scrub_view_part(scrub));
	(void)fputs(", ", stdout);
	scrub_view_put_errors(stdout, record->errors, record->repaired);
	(void)putchar('\n');
	print_scrub_devices(scrub);
}

static void print_snapshots(const struct status *status)
{
	const struct timer *timer = &status->snapshot;

	put_label("Snapshots");
	if (!status_takes_snapshots(status)) {
		(void)puts("on no schedule");
		return;
	}
	(void)fputs("on the schedule ", stdout);
	br_text_put_name(stdout, status->filesystem.config.snapshots.every.text);
	if (timer->state == TIMER_UNKNOWN)
		(void)fputs("; when the next one is, is not known", stdout);
	else if (timer->next == 0)
		(void)fputs(", none to come", stdout);
	else
		(void)fputs(", next at ", stdout);
	if (timer->next > 0)
		put_utc(stdout, (time_t)timer->next);
	(void)putchar('\n');
}

static void print_filesystem(const struct status *status)
{
	put_label("Next boot");
	next_boot_put(stdout, &status->retained.request);
	(void)putchar('\n');
	put_label("File system");
	(void)printf("%s on ", status->filesystem.device.fsid);
	br_text_put_name(stdout, status->filesystem.device.path);
	(void)putchar('\n');
	print_space(&status->volume);
	print_overhead(status);
	print_scrub(status);
	print_snapshots(status);
}

/* --- what is kept --- */

static void put_group(FILE *out, const void *row, size_t column)
{
	const struct retained_group *group = row;
	struct retained_summary summary;

	retained_summarize(group, &summary);
	switch (column) {
	case 0:
		(void)fputs(retained_kind_name(group->retained.kind), out);
		break;
	case 1:
		(void)fputs(group->retained.subvolume, out);
		break;
	case 2:
		br_text_put_count(out, group->retained.count);
		break;
	case 3:
		br_text_put_count(out, summary.good);
		break;
	case 4:
		br_text_put_count(out, summary.pinned);
		break;
	case 5:
		br_text_put_count(out, summary.to_go);
		break;
	default:
		if (summary.has_times)
			put_utc(out, column == 6 ? summary.oldest : summary.newest);
		else
			(void)fputc('-', out);
	}
}

static int print_retained(const struct status *status, struct br_error *err)
{
	static const struct table_column columns[] = {
		{ "KEPT", false },  { "OF", false },   { "COUNT", true },   { "GOOD", true },
		{ "PINNED", true }, { "TO GO", true }, { "OLDEST", false }, { "NEWEST", false },
	};

	if (!status->has_filesystem)
		return 0;
	(void)putchar('\n');
	return table_print(&(struct table){ columns, sizeof(columns) / sizeof(columns[0]),
					    put_group, status->retained.groups,
					    sizeof(*status->retained.groups),
					    status->retained.count, false },
			   err);
}

/* --- what is wrong --- */

/* https://no-color.org: set to anything but nothing. */
static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static void print_problems(const struct status *status)
{
	bool colour = wants_colour();

	if (status->problem_count > 0)
		(void)putchar('\n');
	for (size_t i = 0; i < status->problem_count; i++) {
		const struct status_problem *problem = &status->problems[i];

		if (colour)
			(void)fputs(problem->is_error ? RED : YELLOW, stdout);
		(void)fputs(problem->is_error ? "error: " : "warning: ", stdout);
		br_text_put_name(stdout, problem->text);
		(void)puts(colour ? PLAIN : "");
	}
}

int status_print(const struct status *status, struct br_error *err)
{
	int r;

	put_label("Health");
	(void)puts(status_is_healthy(status) ? "good" : "NOT GOOD, see the errors below");
	print_boot(status);
	if (status->has_filesystem)
		print_filesystem(status);
	r = print_retained(status, err);
	if (r == 0 && status->has_filesystem)
		r = status_jobs_print(status->jobs, err);
	if (r == 0)
		print_problems(status);
	return r;
}
