/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the scrub that runs, or of the last one: for people and for programs. */
#ifndef BLANKROOT_SCRUB_VIEW_H
#define BLANKROOT_SCRUB_VIEW_H

#include "json.h"
#include "scrub-devices.h"
#include "scrub-record.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

struct scrub_view {
	struct scrub_devices devices;
	struct scrub_record record;
	bool is_running; /* the kernel is at it */
};

/*
 * Look it up.
 *
 * dir   SCRUB_RECORD_DIR
 * top   the top level, open
 * fsid  as text
 *
 * Returns 0 with *ret owned by the caller (scrub_view_free), untouched otherwise. Errors of scrub_record_read,
 * scrub_devices_read, scrub_devices_progress. Privilege: CAP_SYS_ADMIN.
 */
BR_MUST_CHECK int scrub_view_read(const char *dir, int top, const char *fsid,
				  struct scrub_view *ret, struct br_error *err);

/* In a word: "never", "running", "finished", "interrupted". */
const char *scrub_view_state(const struct scrub_view *view);

/* Share of what is to be read, 0 to 1; negative: not known. */
double scrub_view_part(const struct scrub_view *view);

/* Errors in words: "no errors", "5 errors, 4 of them repaired". */
void scrub_view_put_errors(FILE *out, uint64_t errors, uint64_t repaired);

/* A table of the devices on standard output. BR_ERR_NOMEM. */
BR_MUST_CHECK int scrub_view_print_devices(const struct scrub_view *view, struct br_error *err);

/* The members that say all of it, in an object that is open. */
void scrub_view_put_json(struct br_json *json, const struct scrub_view *view);

/* Release. NULL-safe, and safe on a zeroed structure. */
void scrub_view_free(struct scrub_view *view);

#endif
