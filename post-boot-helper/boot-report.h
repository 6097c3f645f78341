/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The report of the boot's reset, boot.json, as docs/boot-contract.md has it. */
#ifndef BLANKROOT_BOOT_REPORT_H
#define BLANKROOT_BOOT_REPORT_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct report_path {
	const char *path, *method, *action;
	bool done;
	uint64_t files, directories, others, hard_links, subvolumes;
	uint64_t bytes_shared, bytes_copied, duration_us;
};

struct report_ephemeral {
	const char *name, *mountpoint, *on_failure;
	const char *source, *source_kind;
	uint64_t source_id, old_id;
	const char *archive;
	bool archive_done;
	struct report_path *paths;
	size_t path_count;
};

struct report_step {
	const char *step, *text;
	bool done;
	uint64_t duration_us;
};

struct report_error {
	const char *code, *path, *message;
	uint64_t sys_errno;
};

struct report_warning {
	const char *code, *message;
};

/* Strings are NULL where the report says null; they may hold any character but NUL. */
struct boot_report {
	uint64_t version;
	const char *tool, *outcome, *reason, *requested_by;
	uint64_t exit_code;
	bool has_error;
	struct report_error error;
	const char *device, *filesystem, *started;
	uint64_t duration_us;
	struct report_ephemeral *ephemeral;
	size_t ephemeral_count;
	struct report_step *steps;
	size_t step_count;
	const char **dropped;
	size_t dropped_count;
	struct report_warning *warnings;
	size_t warning_count;

	char *text; /* as it was read */
	size_t size;
	json_t *json; /* owns the strings */
};

/*
 * Read and check a report. Of a version newer than BR_REPORT_VERSION, what is missing or of
 * another type is taken for absent; outcome, exit_code and reason must be there all the same.
 *
 * Returns 0 with *report_ret owned by the caller (boot_report_free). BR_ERR_OPEN (ENOENT: there is
 * none), BR_ERR_TYPE, BR_ERR_READ (EFBIG: absurdly long), BR_ERR_NOMEM.
 */
BR_MUST_CHECK int boot_report_load(const char *path, struct boot_report *report_ret,
				   struct br_error *err);

/* Release. NULL-safe, and safe on a zeroed structure. */
void boot_report_free(struct boot_report *report);

/*
 * Was the root reset, or the reset left out because somebody asked for that? A reset whose old root
 * is not archived yet counts: the new root is in place.
 */
bool boot_report_is_good(const struct boot_report *report);

#endif
