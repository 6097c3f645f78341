/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What blankroot check finds: each kind has a name that stays, a meaning, and how much it matters. */
#ifndef BLANKROOT_FINDING_H
#define BLANKROOT_FINDING_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>

enum finding_severity {
	FINDING_INFO,    /* worth knowing */
	FINDING_WARNING, /* the next boot resets the root, but something is not as it should be */
	FINDING_ERROR,   /* the next boot does not reset the root, or does not work afterwards */
};

enum finding_kind {
	FINDING_CONFIG_INVALID,
	FINDING_DEVICE,
	FINDING_DEGRADED,
	FINDING_RESET_REFUSED,
	FINDING_REQUEST_INVALID,
	FINDING_REQUEST_SKIP,
	FINDING_REQUEST_FROM,
	FINDING_ROOT_MISSING,
	FINDING_BLANK_MISSING,
	FINDING_BLANK_WRITABLE,
	FINDING_BLANK_CHANGED,
	FINDING_DIRECTORY_TYPE,
	FINDING_DIRECTORY_OPEN,
	FINDING_PATH_UNUSABLE,
	FINDING_PATH_MISSING,
	FINDING_PATH_IS_MOUNT,
	FINDING_PATH_HOLDS_MOUNT,
	FINDING_NESTED_SUBVOLUME,
	FINDING_FSTAB_PIN,
	FINDING_CMDLINE_PIN,
	FINDING_CMDLINE_ROOT,
	FINDING_CMDLINE_OFF,
	FINDING_DEFAULT_SUBVOLUME,
	FINDING_KERNEL_MODULES,
	FINDING_ARCHIVE_MODULES,
	FINDING_SPACE_METADATA,
	FINDING_SPACE_FREE,
	FINDING_HIBERNATED,
	FINDING_SWAP_FILE,
	FINDING_PROGRAM_MISSING,
	FINDING_IMAGE_NONE,
	FINDING_IMAGE_UNREADABLE,
	FINDING_IMAGE_WITHOUT,
	FINDING_IMAGE_PROGRAM,
	FINDING_IMAGE_CONFIG,
	FINDING_IMAGE_HOOK,
	FINDING_IMAGE_ORDER,
	FINDING_IMAGE_MODULE,
	FINDING_IMAGE_MODULE_OPTIONAL,
	FINDING_IMAGES_UNCHECKED,
	FINDING_REHEARSAL_FAILED,
	FINDING_REHEARSAL_DIFFERS,
	FINDING_KINDS,
};

struct finding {
	enum finding_kind kind;
	enum finding_severity severity;
	char *message; /* raw bytes */
	char *command; /* that mends it, for a shell; NULL: there is none */
};

struct findings {
	struct finding *list;
	size_t count;
	bool failed; /* memory has run out: some are missing */
};

/*
 * Note one, with the severity of its kind.
 *
 * command  taken over; NULL: none
 */
void finding_add(struct findings *findings, enum finding_kind kind, char *command, const char *fmt,
		 ...) BR_PRINTF(4, 5);

/* The same, with a severity of its own. */
void finding_add_as(struct findings *findings, enum finding_kind kind,
		    enum finding_severity severity, char *command, const char *fmt, ...)
	BR_PRINTF(5, 6);

/* Note that something could not be found out because of an error; its message is behind that of fmt. */
void finding_add_failure(struct findings *findings, enum finding_kind kind, char *command,
			 const struct br_error *failure, const char *fmt, ...) BR_PRINTF(5, 6);

/* How many there are of a severity. */
size_t finding_count(const struct findings *findings, enum finding_severity severity);

/* Name of a kind: "image-config". Never NULL. */
const char *finding_name(enum finding_kind kind);

/* What it means for the next boot: a sentence. Never NULL. */
const char *finding_meaning(enum finding_kind kind);

/* Name of a severity: "error". Never NULL. */
const char *finding_severity_name(enum finding_severity severity);

/* Release. NULL-safe, and safe on a zeroed structure. */
void finding_free(struct findings *findings);

#endif
