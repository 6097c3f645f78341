/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far something is that takes long, on one line of a terminal. */
#ifndef BLANKROOT_PROGRESS_H
#define BLANKROOT_PROGRESS_H

#include "copy.h"
#include "deadline.h"

#include <stdbool.h>
#include <stdio.h>

struct progress {
	const char *command; /* "blankroot restore" */
	bool is_terminal;
	bool is_shown;
	struct br_deadline next;
	struct br_copy_stats before; /* of what was done before the copy that is going on */
};

/*
 * Begin. Standard error is looked at: where it is no terminal, or one that cannot clear a line, nothing is
 * ever printed.
 *
 * command  as long as ret is used
 */
struct progress progress_begin(const char *command);

/* For br_copy_options: tells of a copy twice a second, when the first second is over. As long as progress is used. */
struct br_copy_progress progress_of_copy(struct progress *progress);

/* One copy is done, and another one may follow: what is told adds up. */
void progress_add(struct progress *progress, const struct br_copy_stats *stats);

/* What was told is followed by what is being done now, "writing to the disk"; if nothing was, nothing is. */
void progress_phase(struct progress *progress, const char *what);

/* How far something is of which it is known how much there is. */
struct progress_share {
	uint64_t done,
		total; /* bytes; total 0: it is not known after all. More may be done than was thought */
	uint64_t rate;   /* bytes a second; 0: not known yet */
	uint64_t errors; /* that were found; 0: not worth a word */
};

/* Tell of it twice a second, when the first second is over: a bar, the share, the rate, the time left. */
void progress_share(struct progress *progress, const struct progress_share *share);

/*
 * Tell something else, twice a second at most, when the first second is over.
 *
 * put  writes the line, without the name of the command; names in it escaped
 */
void progress_say(struct progress *progress, void (*put)(FILE *out, const void *data),
		  const void *data);

/* Clear the line: something else is going to be printed. */
void progress_clear(struct progress *progress);

#endif
