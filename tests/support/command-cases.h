/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The helper's commands, each with arguments for one server on which all of them have something to do, and what may be
 * found there after any accident. Everything fails the current test when it fails.
 */
#ifndef TEST_COMMAND_CASES_H
#define TEST_COMMAND_CASES_H

#include "image.h"
#include "words.h"

#include <stdbool.h>
#include <stddef.h>

#define COMMAND_OUTCOMES 5

/* What is found, and what is when the next command has cleared up after that. */
struct command_outcome {
	const char *found, *settled;
};

/* In words and configurations "@" stands for the directory where the top level is mounted. */
struct command_case {
	const char *name;
	const char *words[6]; /* behind the program's name, ended by NULL */
	bool standalone;      /* --config and --device are not added */
	bool without_config;  /* --config is not added */
	const char *config;   /* its text; NULL: the usual one */
	const char *
		begins_at; /* the first object that is not of the start of any program; NULL: the configuration */
	int code;            /* of an undisturbed run */
	bool tells_failures; /* they are a part of what it tells */
	/* --- of one that changes something --- */
	const char *untouched[8]; /* what it has no business with, ended by NULL */
	bool is_long;             /* it has so many steps that power cuts are for the full form */
	unsigned calls_max;       /* its calls that change something are fewer; 0: there are none */
	/* Describe what is there, whatever step it came to; what must not be is named. */
	char *(*look)(int top), *(*look_settled)(int top);
	const char *next
		[6]; /* the words of the command that clears up, after "prune"; none: that is enough */
	/* in the order of its steps; the last one with found: it is done */
	struct command_outcome outcome[COMMAND_OUTCOMES];
};

extern const struct command_case command_cases[];
extern const size_t command_case_count;

/* The one of this name. */
const struct command_case *command_case_find(const char *name);

/* Make on the top level of a server (layout.h) what they work on: for server_make. */
void command_case_make(int top);

/* A line that runs one. Zeroed: none. */
struct command_line {
	struct words words;
	char *config;  /* path */
	char *own[16]; /* texts of the words */
	size_t count;
};

/*
 * Write its configuration, and make the line.
 *
 * mountpoint  where the top level is, or will be, mounted
 * device      NULL: the line ends with "--device", if it has one
 *
 * The caller releases it with command_line_free.
 */
void command_line_make(struct command_line *line, const struct command_case *command,
		       const char *mountpoint, const char *device);
void command_line_free(struct command_line *line);

/*
 * Look at the mounted image of one that may have been cut off anywhere.
 *
 * is_done  it has said that it was done
 *
 * Returns what it found, one of the command's outcomes; NULL of a command that changes nothing.
 */
const struct command_outcome *command_case_found(const struct command_case *command,
						 const struct image *image, bool is_done);

/* Run what clears up, and look at what that made of it, and for what is left of any command. */
void command_case_settle(const struct command_case *command, const struct image *image,
			 const struct command_outcome *found);

/*
 * What must stay as it is, as text: for a command that changes nothing, all that is on the image but .blankroot, else what
 * it has no business with. Owned by the caller.
 */
char *command_case_picture(const struct command_case *command, int top);

#endif
