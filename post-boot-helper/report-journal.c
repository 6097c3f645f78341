/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of the boot's reset for the systemd journal: docs/boot-contract.md. */
#include "report-journal.h"

#include "cleanup.h"
#include "journal.h"
#include "text.h"

#include <inttypes.h>
#include <string.h>

/* As blankroot-initrd uses them for the kernel log: notice, error. */
static const char *priority_of(const struct boot_report *report)
{
	return report->exit_code == 0 && report->warning_count == 0 ? "5" : "3";
}

static void put_name(FILE *out, const void *data)
{
	br_text_put_name(out, data);
}

/* MESSAGE is for people and may come to a terminal; the other fields are what the report says. */
static void add_message(struct journal_entry *entry, const char *text)
{
	BR_AUTO_FREE char *escaped = br_text_make(put_name, text);

	entry->no_memory |= !escaped;
	journal_add(entry, "MESSAGE", escaped);
}

static void add_sums(struct journal_entry *entry, const struct report_ephemeral *ephemeral,
		     size_t count)
{
	struct report_path sum = { 0 };
	uint64_t paths = 0;

	for (size_t i = 0; i < count; i++) {
		paths += ephemeral[i].path_count;
		for (size_t p = 0; p < ephemeral[i].path_count; p++) {
			const struct report_path *path = &ephemeral[i].paths[p];

			sum.files += path->files;
			sum.directories += path->directories;
			sum.subvolumes += path->subvolumes;
			sum.bytes_shared += path->bytes_shared;
			sum.bytes_copied += path->bytes_copied;
		}
	}
	journal_add_number(entry, "BLANKROOT_PATHS", paths);
	journal_add_number(entry, "BLANKROOT_FILES", sum.files);
	journal_add_number(entry, "BLANKROOT_DIRECTORIES", sum.directories);
	journal_add_number(entry, "BLANKROOT_SUBVOLUMES", sum.subvolumes);
	journal_add_number(entry, "BLANKROOT_BYTES_SHARED", sum.bytes_shared);
	journal_add_number(entry, "BLANKROOT_BYTES_COPIED", sum.bytes_copied);
}

static void add_error(struct journal_entry *entry, const struct report_error *error)
{
	journal_add(entry, "BLANKROOT_ERROR_CODE", error->code);
	journal_add(entry, "BLANKROOT_ERROR_PATH", error->path);
	journal_add(entry, "BLANKROOT_ERROR_MESSAGE", error->message);
	if (error->sys_errno > 0)
		journal_add_number(entry, "ERRNO", error->sys_errno);
}

/* What all entries about a boot have, so that each can be found by it. */
static void add_common(struct journal_entry *entry, const struct boot_report *report)
{
	journal_add(entry, "PRIORITY", priority_of(report));
	journal_add(entry, "BLANKROOT_OUTCOME", report->outcome);
	journal_add_number(entry, "BLANKROOT_EXIT_CODE", report->exit_code);
	journal_add(entry, "BLANKROOT_REQUESTED_BY", report->requested_by);
	journal_add(entry, "BLANKROOT_FILESYSTEM", report->filesystem);
	journal_add(entry, "BLANKROOT_DEVICE", report->device);
	journal_add(entry, "BLANKROOT_TOOL", report->tool);
}

static int send_boot(const struct boot_report *report, struct br_error *err)
{
	struct journal_entry entry = { 0 };

	add_message(&entry, report->reason);
	journal_add(&entry, "MESSAGE_ID", REPORT_MESSAGE_ID);
	add_common(&entry, report);
	journal_add(&entry, "BLANKROOT_REASON", report->reason);
	journal_add(&entry, "BLANKROOT_STARTED", report->started);
	journal_add_number(&entry, "BLANKROOT_DURATION_USEC", report->duration_us);
	journal_add_number(&entry, "BLANKROOT_EPHEMERAL", report->ephemeral_count);
	add_sums(&entry, report->ephemeral, report->ephemeral_count);
	if (report->has_error)
		add_error(&entry, &report->error);
	for (size_t i = 0; i < report->dropped_count; i++)
		journal_add(&entry, "BLANKROOT_DROPPED_ARCHIVE", report->dropped[i]);
	for (size_t i = 0; i < report->warning_count; i++)
		journal_add(&entry, "BLANKROOT_WARNING", report->warnings[i].code);
	return journal_send(&entry, err);
}

struct subvolume {
	const struct boot_report *report;
	const struct report_ephemeral *ephemeral;
};

static void put_subvolume(FILE *out, const void *data)
{
	const struct subvolume *subvolume = data;
	const struct report_ephemeral *ephemeral = subvolume->ephemeral;

	(void)fprintf(out, "blankroot: %s: %s", ephemeral->name ? ephemeral->name : "?",
		      subvolume->report->outcome);
	if (ephemeral->archive_done && ephemeral->archive)
		(void)fprintf(out, ", the old one is %s", ephemeral->archive);
}

static int send_subvolume(const struct boot_report *report, size_t i, struct br_error *err)
{
	const struct report_ephemeral *ephemeral = &report->ephemeral[i];
	struct subvolume subvolume = { report, ephemeral };
	BR_AUTO_FREE char *message = br_text_make(put_subvolume, &subvolume);
	struct journal_entry entry = { 0 };

	add_message(&entry, message ? message : report->outcome);
	journal_add(&entry, "MESSAGE_ID", REPORT_SUBVOLUME_MESSAGE_ID);
	add_common(&entry, report);
	journal_add(&entry, "BLANKROOT_SUBVOLUME", ephemeral->name);
	journal_add(&entry, "BLANKROOT_MOUNTPOINT", ephemeral->mountpoint);
	journal_add(&entry, "BLANKROOT_ON_FAILURE", ephemeral->on_failure);
	journal_add(&entry, "BLANKROOT_SOURCE", ephemeral->source);
	journal_add(&entry, "BLANKROOT_SOURCE_KIND", ephemeral->source_kind);
	journal_add_number(&entry, "BLANKROOT_SOURCE_ID", ephemeral->source_id);
	journal_add_number(&entry, "BLANKROOT_OLD_ID", ephemeral->old_id);
	journal_add(&entry, "BLANKROOT_ARCHIVE", ephemeral->archive);
	journal_add_number(&entry, "BLANKROOT_ARCHIVE_DONE", ephemeral->archive_done);
	add_sums(&entry, ephemeral, 1);
	return journal_send(&entry, err);
}

int report_journal(const struct boot_report *report, struct br_error *err)
{
	int r = send_boot(report, err);

	for (size_t i = 0; r == 0 && i < report->ephemeral_count; i++)
		r = send_subvolume(report, i, err);
	return r;
}

int report_journal_missing(const char *message, struct br_error *err)
{
	struct journal_entry entry = { 0 };

	add_message(&entry, message);
	journal_add(&entry, "MESSAGE_ID", REPORT_MESSAGE_ID);
	journal_add(&entry, "PRIORITY", "3");
	journal_add(&entry, "BLANKROOT_OUTCOME", "missing");
	journal_add(&entry, "BLANKROOT_REASON", message);
	return journal_send(&entry, err);
}
